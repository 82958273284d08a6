"""Scores of pairs of heads: the registry, and what each metric computes."""
