"""Rows of a table: from the scores of a group of layers to columns."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headgraph.pk_engine.metrics.layer_order import counted, pairs_of
from headgraph.pk_engine.metrics.random_reference import reference_mean, reference_sd
from headgraph.pk_engine.metrics.registry import METRICS
from headgraph.pk_engine.metrics.stacks import HeadStacks
from headgraph.pk_engine.models.shape import NO_STREAM, ModelShape
from headgraph.pk_engine.table.columns import Columns


def block_columns(
    sources: HeadStacks,
    targets: HeadStacks,
    pairing: str,
    scores: dict[str, NDArray[np.float32]],
    kv: str,
    layer_order: str,
) -> Columns:
    """The pairs of a group that the layer order scores, as columns of one length.

    Args:
        sources: stacks of the source layers.
        targets: stacks of the target layers.
        pairing: source role, then target role.
        scores: metric -> sources x targets, from `pk_engine.metrics.registry.score`.
        kv: as in `pk_engine.compute`.
        layer_order: as in `pk_engine.compute`.

    Returns:
        `source` and `target` (heads counted through the layers of the shape, as the table counts
        them), `pk`, `pk_normalized`, `z`, and the other metrics. Pairs with a matrix of zeros are
        left out.
    """
    shape, expand = sources.shape, kv == "expand"
    heads = [heads_counted(shape, role, kv) for role in pairing]
    i, j, (r, s) = _pairs(sources, targets, pairing, kv, layer_order)
    ends = (sources, targets)
    values = {name: _both(value, name, pairing, ends, expand) for name, value in scores.items()}
    pk = values.pop("pk")[i, j].astype(np.float32)
    d = _dimensions(targets, heads[1], j)
    mean, sd = reference_mean(r, s, d), reference_sd(r, s, d)
    return {
        "source": sources.layers.start * heads[0] + i,
        "target": targets.layers.start * heads[1] + j,
        "pk": pk,
        "pk_normalized": (pk / np.sqrt(r * s)).astype(np.float32),
        # without variance every subspace has the same overlap, so no pair stands out
        "z": np.where(sd > 0, (pk - mean) / np.where(sd > 0, sd, 1), 0.0).astype(np.float32),
        **{name: value[i, j].astype(np.float32) for name, value in values.items()},
    }


def backward_pk(
    sources: HeadStacks,
    targets: HeadStacks,
    pairing: str,
    pk: NDArray[np.float32],
    kv: str,
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """PK of the backward pairs of a group, one for each that the table would count as a row.

    Arguments as for `block_columns`; `pk` is sources x targets.

    Returns:
        PK of each pair, and whether its layers are neighbours among those that have heads.
    """
    i, j, _ = _pairs(sources, targets, pairing, kv, "backward")
    wide = _both(pk, "pk", pairing, (sources, targets), kv == "expand")
    heads = [heads_counted(sources.shape, role, kv) for role in pairing]
    source, target = sources.layers.start + i // heads[0], targets.layers.start + j // heads[1]
    return wide[i, j].astype(np.float32), source - target == 1


def _pairs(
    sources: HeadStacks, targets: HeadStacks, pairing: str, kv: str, order: str
) -> tuple[NDArray[np.intp], NDArray[np.intp], list[NDArray[np.int64]]]:
    """Places of the pairs of a layer order without those of rank 0, and the ranks of both ends."""
    shape = sources.shape
    ends = ((sources, pairing[0]), (targets, pairing[1]))
    ranks = [_widen(stacks.rank[role], role, stacks, kv == "expand") for stacks, role in ends]
    source_heads, target_heads = (heads_counted(shape, role, kv) for role in pairing)
    same_role = pairing[0] == pairing[1]
    mask = pairs_of(
        sources.layers, targets.layers, source_heads, target_heads, order, same_role=same_role
    )
    mask &= (ranks[0] > 0)[:, None] & (ranks[1] > 0)[None, :]
    if shape.unequal:
        (streams, there), (other, here) = (_known(stacks, role, kv) for stacks, role in ends)
        there &= streams != NO_STREAM
        mask &= (streams[:, None] == other[None, :]) & there[:, None] & here[None, :]
    i, j = np.nonzero(mask)
    return i, j, [ranks[0][i], ranks[1][j]]


def _known(stacks: HeadStacks, role: str, kv: str) -> tuple[NDArray[np.str_], NDArray[np.bool_]]:
    """The stream of each head that the table counts, and whether its layer has that head."""
    most = heads_counted(stacks.shape, role, kv)
    layers = stacks.inside()
    counts = [counted(layer, role, kv) for layer in layers]
    streams = np.array([layer.streams[role] for layer in layers])
    there = np.arange(most)[None, :] < np.array(counts)[:, None]
    return streams.repeat(most), there.ravel()


def _dimensions(
    stacks: HeadStacks, heads: int, places: NDArray[np.intp]
) -> int | NDArray[np.int64]:
    """The width of the residual stream of the heads at these places; one number for equal ones."""
    if not stacks.shape.widths_differ:
        return stacks.shape.d_model
    widths = np.array([layer.d_model for layer in stacks.inside()], np.int64)
    return widths.repeat(heads)[places]


def heads_counted(shape: ModelShape, role: str, kv: str) -> int:
    """Heads per layer of a role in a table."""
    return shape.n_heads if kv == "expand" else shape.heads_of(role)


def _both(
    value: NDArray[Any],
    name: str,
    pairing: str,
    ends: tuple[HeadStacks, HeadStacks],
    expand: bool,
) -> NDArray[Any]:
    """Scores with the table's heads on both sides."""
    if METRICS[name].per_query_head:
        return value
    wide = _widen(value, pairing[0], ends[0], expand)
    return _widen(wide.T, pairing[1], ends[1], expand).T


def _widen(rows: NDArray[Any], role: str, stacks: HeadStacks, expand: bool) -> NDArray[Any]:
    """One row for each query head, from rows for key/value heads."""
    if not expand or role not in "KV":
        return rows
    shape = stacks.shape
    if not shape.unequal:
        return rows.repeat(shape.n_heads // shape.n_kv_heads, axis=0)
    first = np.arange(len(stacks.layers))[:, None] * shape.n_kv_heads
    groups = np.array([layer.group_size for layer in stacks.inside()])[:, None]
    # heads that a layer lacks are left out of the pairs
    shared = np.minimum(np.arange(shape.n_heads) // groups, shape.n_kv_heads - 1)
    widened: NDArray[Any] = rows[(first + shared).ravel()]
    return widened
