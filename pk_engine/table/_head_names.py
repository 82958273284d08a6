"""What the heads of a table's rows are called."""

import numpy as np
from numpy.typing import NDArray

from headgraph.base.names import PAIRINGS, head_name
from headgraph.pk_engine.table.columns import Columns
from headgraph.pk_engine.table.meta import TableMeta

NAMES = ("source", "target")
"""Columns of a table's frame that are made of its numbers, and in no file."""


def head_names(columns: Columns, meta: TableMeta, end: str) -> NDArray[np.object_]:
    """Names of the heads at one end: `L4H7`, and `L4KV1` for a key/value head that others share.

    Args:
        columns: rows of a table.
        meta: its metadata.
        end: `source` or `target`.
    """
    layers, heads = columns[f"{end}_layer"], columns[f"{end}_head"]
    shape = (meta.n_layers, meta.n_heads)
    known = np.array([head_name(*place) for place in np.ndindex(shape)], object)
    names = known[layers * np.int64(meta.n_heads) + heads]
    if meta.group_size > 1 and meta.kv == "native":
        shared = _has_role(columns["pairing"], NAMES.index(end), "KV")
        names[shared] = [f"L{layer}KV{head}" for layer, head in
                         zip(layers[shared], heads[shared], strict=True)]  # fmt: skip
    return names


def _has_role(pairing: NDArray[np.str_], place: int, roles: str) -> NDArray[np.bool_]:
    """Rows whose pairing has one of these roles at a place."""
    return np.isin(pairing, [pair for pair in PAIRINGS if pair[place] in roles])
