"""A layer on a GPU: uploaded and factored as one stack, with few launches and one wait."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from headgraph.pk_engine.linalg.array_ops import to_numpy
from headgraph.pk_engine.metrics.copying import copying, copying_of, share
from headgraph.pk_engine.metrics.stacks import HeadStacks
from headgraph.pk_engine.models.interface import Layer

SAFE = 2.0**60
"""Use products in float32 only while the largest entry of each is between this and its inverse."""


class Products(NamedTuple):
    """Small products of a layer's matrices, in main memory; its bases stay on the device.

    Attributes:
        outputs_values: W_O W_V of each query head, heads x m x m.
        overlap: PK(V, O) of each query head.
        rank: the smaller rank of each head's V and O.
    """

    outputs_values: NDArray[Any]
    overlap: NDArray[np.float64]
    rank: NDArray[np.int64]

    def head_scores(self, matrices: Layer) -> NDArray[np.float64]:
        """`copying` and `self_overlap` of the layer's query heads, 2 x heads."""
        largest = np.abs(self.outputs_values).max((-2, -1))
        if ((largest > 1 / SAFE) & (largest < SAFE)).all():
            copies = copying_of(self.outputs_values)
        else:  # matrices of zeros, or huge or tiny ones
            values = matrices["V"].repeat(len(matrices["O"]) // len(matrices["V"]), axis=0)
            copies = copying(values, matrices["O"])
        return np.stack([copies, share(self.overlap, self.rank)])


def fills_whole(stacks: HeadStacks, matrices: Layer) -> bool:
    """Whether a layer's matrices fill its place in the stacks, so that they are one stack there.

    Composition factors need more than the matrices' own bases, and are made role by role.
    """
    heads, width, d = stacks.basis.rows.shape[1:]
    sizes = {matrices[role].shape[1:] for role in stacks.rank}
    full = sum(len(matrices[role]) for role in stacks.rank) == heads and sizes == {(d, width)}
    return full and stacks.writes is None


def fill_whole(stacks: HeadStacks, layer: int, matrices: Layer) -> Products | None:
    """Factor a layer's matrices on the device, into their place in the stacks.

    Args:
        stacks: stacks that have this layer.
        layer: the layer's place in them.
        matrices: its matrices, as they are scored; see `fills_whole`.

    Returns:
        What head scores need; None if the stacks lack V or O.
    """
    roles, backend = list(stacks.rank), stacks.backend
    sizes = [len(matrices[role]) for role in roles]
    here = backend.uploaded([matrices[role] for role in roles])
    found = backend.factored(here, matrices[roles[0]], stacks.basis.rows[layer])
    ranks = dict(zip(roles, np.split(found.rank, np.cumsum(sizes)[:-1]), strict=True))
    for role in roles:
        stacks.rank[role].reshape(len(stacks.layers), -1)[layer] = ranks[role]
    if stacks.raw is not None:
        stacks.raw.rows[layer] = here.mT
    if not {"V", "O"} <= ranks.keys():
        return None
    group = len(matrices["O"]) // len(matrices["V"])
    own, bases = (
        dict(zip(roles, stack.split(sizes), strict=True)) for stack in (here, found.basis)
    )
    product = own["O"].mT @ own["V"].repeat_interleave(group, 0)
    inner = bases["V"].repeat_interleave(group, 0).mT @ bases["O"]
    return Products(
        to_numpy(product),
        to_numpy(inner.double().square().sum((-2, -1))),
        np.minimum(ranks["V"].repeat(group), ranks["O"]),
    )
