"""The heads of a table's rows: their names, and the ranks of their matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headgraph.base.names import PAIRINGS, ROLES
from headgraph.pk_engine.table.columns import Columns
from headgraph.pk_engine.table.meta import TableMeta

if TYPE_CHECKING:
    import pandas as pd

NAMES = ("source", "target")
"""Columns of a table's frame that are derived from other columns, and in no file."""


def head_names(columns: Columns, meta: TableMeta, end: str) -> NDArray[np.object_]:
    """Names of the heads at one end: `L4H7`, and `L4KV1` for a shared key/value head.

    Args:
        columns: rows of a table.
        meta: its metadata.
        end: `source` or `target`.
    """
    layers, heads = columns[f"{end}_layer"], columns[f"{end}_head"]
    known = np.empty((meta.n_layers, meta.n_heads), object)
    titles = np.empty(meta.n_layers, object)
    for layer in meta.shape.layers:
        titles[layer.index] = layer.name
        known[layer.index] = [f"{layer.name}H{head}" for head in range(meta.n_heads)]
    names: NDArray[np.object_] = known.ravel()[layers * np.int64(meta.n_heads) + heads]
    if meta.group_size > 1 and meta.kv == "native":
        shared = _has_role(columns["pairing"], NAMES.index(end), "KV")
        shared &= meta.groups_of(layers) > 1
        names[shared] = [f"{titles[layer]}KV{head}" for layer, head in
                         zip(layers[shared], heads[shared], strict=True)]  # fmt: skip
    return names


def pair_ranks(frame: pd.DataFrame, meta: TableMeta) -> tuple[NDArray[Any], NDArray[Any]]:
    """(ranks of sources, ranks of targets), one of each per row of a table's frame."""
    r, s = (_ranks(frame, meta, end, place) for place, end in enumerate(("source", "target")))
    return r, s


def pair_dimensions(frame: pd.DataFrame, meta: TableMeta) -> int | NDArray[np.int64]:
    """The width of the residual stream that each row is in; one number where all are as wide."""
    if not meta.shape.widths_differ:
        return meta.d_model
    widths = {layer.index: layer.d_model for layer in meta.shape.layers}
    return np.array([widths[layer] for layer in frame["target_layer"]], np.int64)


def _ranks(frame: pd.DataFrame, meta: TableMeta, end: str, place: int) -> NDArray[Any]:
    role, layer = frame["pairing"].str[place], frame[f"{end}_layer"]
    ranks = np.full(len(frame), min(meta.d_model, meta.d_head), np.int64)
    if meta.layers:
        full = {(it.index, role): it.rank_of(role) for it in meta.shape.layers for role in ROLES}
        ranks = np.array([full[at] for at in zip(layer, role, strict=True)], np.int64)
    if not meta.deficient:
        return ranks
    # `deficient` counts key/value heads, which the rows of an expanded table share
    shared = role.isin(["K", "V"]) & (meta.kv == "expand")
    head = frame[f"{end}_head"]
    head = head.where(~shared, head // meta.groups_of(layer.to_numpy()))
    for entry in meta.deficient:
        here = (role == entry["role"]) & (layer == entry["layer"]) & (head == entry["head"])
        ranks[here.to_numpy()] = entry["rank"]
    return ranks


def _has_role(pairing: NDArray[np.str_], place: int, roles: str) -> NDArray[np.bool_]:
    """Mask of the rows whose pairing has one of these roles at a position."""
    return np.isin(pairing, [pair for pair in PAIRINGS if pair[place] in roles])
