"""Studies of a run's graph that Python computes from its edges: communities and motifs."""
