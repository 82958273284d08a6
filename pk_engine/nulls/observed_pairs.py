"""Observed pairs as the null: those that nothing can flow through.

backward: pairs whose source is in a later layer than the target. Nothing that a later head writes
is read by an earlier one, so training has no reason to join them.
within: pairs of different heads of one layer, which cannot read each other either.

Assume that forward pairs, were they not joined, would share what these do: that heads prefer the
same directions whichever comes first. That is wrong where subspaces drift with depth, and where
heads of one layer divide its work; and heads may come to share directions for another reason than
reading one another, such as a common source. The values are real heads, with everything that makes
them alike, so these nulls are the strictest here. What a head shares with itself (its own O and Q)
belongs to neither. Two heads compared in the same role (QQ, KK, VV, OO) have no direction, so
`backward` is not for them. Ranks are not looked at: a pair of less than full rank is held against
pairs of full rank, which is careful.

Why not all pairs, as if heads were dealt out to layers anew: the pairs that are judged would be a
good half of the values, and no pair could then pass at a rate below 0.4 or so.

Sampling: none; `seed` and `samples` play no part. There are about as many values as pairs judged
(`backward`), or fewer (`within`), and they share heads, so they are not independent.

Cost: PK of all pairs of layers, twice the work of the table.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headgraph.pk_engine.errors import EngineError
from headgraph.pk_engine.metrics.registry import METRICS, score
from headgraph.pk_engine.nulls.null_model import Answers, Question, against
from headgraph.pk_engine.scoring.layer_order import layer_groups
from headgraph.pk_engine.scoring.layers import collect
from headgraph.pk_engine.scoring.rows import block_columns
from headgraph.pk_engine.table.columns import Columns


def backward(question: Question) -> Answers:
    """Every pair against those from a later to an earlier layer."""
    for pairing in question.table.meta.pairings:
        if pairing[0] == pairing[1]:
            raise EngineError(
                f"the null backward is not for {pairing}, which has no direction: choose --null "
                "within, or leave that pairing out"
            )
    return _answers(question, "backward", lambda before: before < 0)


def within(question: Question) -> Answers:
    """Every pair against those between different heads of one layer."""
    return _answers(question, "within", lambda before: before == 0)


def _answers(
    question: Question, name: str, kept: Callable[[NDArray[Any]], NDArray[np.bool_]]
) -> Answers:
    pools: dict[str, list[NDArray[Any]]] = {p: [] for p in question.table.meta.pairings}
    for pairing, columns in _every_pair(question):
        before = columns["target_layer"] - columns["source_layer"]
        pools[pairing].append(columns["pk"][kept(before) & columns["different"]])
    answers = {}
    for pairing, parts in pools.items():
        values = np.concatenate(parts)
        if not len(values):
            raise EngineError(
                f"the null {name} has no pairs of {pairing} in {question.table.meta.model}, which "
                "has too few heads or layers for it: choose another --null"
            )
        answers[pairing] = against(question.rows(pairing)["pk"].to_numpy(), values)
    return answers


def _every_pair(question: Question) -> Iterator[tuple[str, Columns]]:
    """(pairing, columns) of every pair of heads in any layers, group of layers after group."""
    weights, pairings = question.weights, question.table.meta.pairings
    shape = weights.shape
    ends = question.roles
    groups = layer_groups(shape, ends[0], ends[1], "all", bytes_per_value=4, memory=question.memory)
    for done, group in enumerate(groups):
        question.report("Comparing all layers", done, len(groups))
        if group.sources == group.targets:
            roles = "".join(ends)
            sources = targets = collect(
                weights, roles, layers=group.sources, executor=question.threads
            )
        else:
            sources, targets = (
                collect(weights, roles, layers=layers, executor=question.threads)
                for roles, layers in zip(ends, (group.sources, group.targets), strict=True)
            )
        found = score(METRICS["pk"], sources, targets, pairings, "all", question.threads)
        for pairing in pairings:
            columns = block_columns(
                sources, targets, pairing, {"pk": found[pairing]}, "native", "all"
            )
            unit = []
            for end, role in zip(("source", "target"), pairing, strict=True):
                heads = shape.heads_of(role)
                columns[f"{end}_layer"] = columns[end] // heads
                unit.append(columns[end] // (heads // shape.n_kv_heads))
            columns["different"] = unit[0] != unit[1]
            if pairing[0] == pairing[1]:  # each head has its own; those of one group differ too
                columns["different"] = columns["source"] != columns["target"]
            yield pairing, columns
