"""Checks of a table's rows against its metadata."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headgraph.base.text import listed
from headgraph.pk_engine.errors import TableError
from headgraph.pk_engine.table.columns import Columns, by_pairing, twice
from headgraph.pk_engine.table.meta import TableMeta

INTEGERS = ("source_layer", "source_head", "target_layer", "target_head", "pk_rank")
FLOATS = ("pk", "pk_normalized", "z")


def check_names(names: Collection[str], meta: TableMeta) -> None:
    """Check that the columns are complete and have no others among them.

    Raises:
        TableError: a column is missing or unexpected.
    """
    extra = ["target_kv_head"] if "target_kv_head" in names else []
    wanted = ["pairing", *INTEGERS, *FLOATS, *_others(meta), *meta.decoy_columns, *extra]
    if sorted(names) != sorted(wanted):
        missing, more = sorted(set(wanted) - set(names)), sorted(set(names) - set(wanted))
        raise TableError(
            f"its columns are not those of its metadata: missing {listed(missing) or 'nothing'}, "
            f"unexpected {listed(more) or 'nothing'}"
        )


def _others(meta: TableMeta) -> list[str]:
    return [name for name in meta.metrics if name != "pk"] + meta.null_columns


def check_columns(columns: Columns, meta: TableMeta) -> None:
    """Check the name, type and finiteness of every column.

    Raises:
        TableError: a column is missing, unexpected, of another type, or holds NaN.
    """
    check_names(columns, meta)
    for name, values in columns.items():
        whole = name in (*INTEGERS, "target_kv_head", "decoys")
        if name != "pairing" and values.dtype.kind != ("i" if whole else "f"):
            kind = "whole numbers" if whole else "floating-point numbers"
            raise TableError(f"its column {name} has the type {values.dtype}: expected {kind}")
    for name in (*FLOATS, *_others(meta)):
        bad = int((~np.isfinite(columns[name])).sum())
        if bad:
            raise TableError(f"its column {name} holds {bad} values that are NaN or infinite")
    if meta.decoys:
        _check_decoys(columns, meta)


def _check_decoys(columns: Columns, meta: TableMeta) -> None:
    """Check counts of decoys and decoy_q; pairings without decoys have -1 and NaN."""
    most = by_pairing(columns["pairing"], {p: it["scored"] for p, it in meta.decoys.items()})
    count, q = columns["decoys"], columns["decoy_q"]
    has = ~np.isnan(most)
    good = np.where(has, (count >= 0) & (count <= most) & (q >= 0) & np.isfinite(q), True)
    good &= np.where(has, True, (count == -1) & np.isnan(q))
    if not good.all():
        at = int((~good).argmax())
        raise TableError(
            f"its row {at} of {columns['pairing'][at]} has decoys {count[at]} and decoy_q {q[at]}: "
            "expected a count of the backward pairs scored and a share, or -1 and NaN for a "
            "pairing without decoys"
        )


def check_rows(columns: Columns, meta: TableMeta) -> None:
    """Check that rows, in the table's order, agree with the metadata.

    Raises:
        TableError: a head does not exist, a pair is missing or repeated, ranks contradict the order
            of PK, or a score is outside its range.
    """
    pairing = columns["pairing"]
    unknown = np.isnan(by_pairing(pairing, dict.fromkeys(meta.pairings, 0.0)))
    if unknown.any():
        strange = sorted(set(pairing[unknown].tolist()))
        raise TableError(f"it has rows of {strange}, and its metadata has {meta.pairings}")
    if not meta.selection and len(pairing) != sum(meta.scored.values()):
        raise TableError(
            f"it has {len(pairing)} rows, and its metadata says that all "
            f"{sum(meta.scored.values())} scored pairs are here"
        )
    if len(pairing):
        places = by_pairing(pairing, {p: place for place, p in enumerate(meta.pairings)})
        _check_heads(columns, places.astype(np.int64), meta)
        _check_scores(columns, places, meta)


def _check_heads(columns: Columns, places: NDArray[np.int64], meta: TableMeta) -> None:
    for end, letter in (("source", 0), ("target", 1)):
        layer, head = columns[f"{end}_layer"], columns[f"{end}_head"]
        outside = (layer < 0) | (layer >= meta.n_layers) | (head < 0)
        counts = np.stack([meta.counts_of(p[letter]) for p in meta.pairings])
        heads = counts[places, np.where(outside, 0, layer)]
        outside |= head >= heads
        if outside.any():
            at = int(outside.argmax())
            raise TableError(
                f"it names L{layer[at]}H{head[at]} as {end} of {columns['pairing'][at]}, "
                f"and the model has {meta.n_layers} layers of {heads[at]} such heads"
                if not meta.layers
                else f"it names head {head[at]} of layer {layer[at]} as {end} of "
                f"{columns['pairing'][at]}, and that layer has {heads[at]} such heads"
            )
    if meta.layer_order == "forward" and (columns["source_layer"] >= columns["target_layer"]).any():
        raise TableError("it has pairs whose source is not in an earlier layer than the target")
    _check_streams(columns, places, meta)
    keys = ("source_layer", "source_head", "target_layer", "target_head")
    if again := twice([places, *(columns[name] for name in keys)]):
        raise TableError(f"it has {again} pairs twice")


def _check_streams(columns: Columns, places: NDArray[np.int64], meta: TableMeta) -> None:
    """Check that both ends of a pair are in one residual stream."""
    if not meta.layers:
        return
    ends = []
    for end, letter in (("source", 0), ("target", 1)):
        streams = np.full((len(meta.pairings), meta.n_layers), "", object)
        for layer in meta.shape.unequal:
            streams[:, layer.index] = [layer.streams[p[letter]] for p in meta.pairings]
        ends.append(streams[places, columns[f"{end}_layer"]])
    if (ends[0] != ends[1]).any():
        raise TableError("it has pairs whose ends are not in one residual stream")


def _check_scores(columns: Columns, places: NDArray[Any], meta: TableMeta) -> None:
    rank, pk = columns["pk_rank"], columns["pk"]
    if ((rank < 1) | (rank > by_pairing(columns["pairing"], meta.scored))).any():
        raise TableError(f"its pk_rank goes beyond the pairs scored ({meta.scored})")
    within = places[1:] == places[:-1]  # rows lie by pairing, then rank
    if (within & (rank[1:] == rank[:-1])).any():
        raise TableError("its pk_rank gives one place to two pairs")
    for name in meta.null_columns:
        if name[0] in "pq" and not ((columns[name] >= 0) & (columns[name] <= 1)).all():
            raise TableError(f"its column {name} leaves the range from 0 to 1")
    slack = 1e-3 * meta.d_head
    if ((pk < -slack) | (pk > meta.d_head + slack)).any():
        raise TableError(f"its pk leaves the range from 0 to d_head = {meta.d_head}")
    if (within & (pk[1:] > pk[:-1])).any():
        raise TableError("its pk_rank is not the order of its pk")
