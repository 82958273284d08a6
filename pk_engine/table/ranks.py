"""The ranks behind each row of a table, from what its metadata says of deficient matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headgraph.pk_engine.table.meta import TableMeta

if TYPE_CHECKING:
    import pandas as pd


def pair_ranks(frame: pd.DataFrame, meta: TableMeta) -> tuple[NDArray[Any], NDArray[Any]]:
    """Ranks r and s of source and target, one of each per row of a table's frame."""
    r, s = (_ranks(frame, meta, end, place) for place, end in enumerate(("source", "target")))
    return r, s


def _ranks(frame: pd.DataFrame, meta: TableMeta, end: str, place: int) -> NDArray[Any]:
    full = min(meta.d_model, meta.d_head)
    ranks = np.full(len(frame), full, np.int64)
    if not meta.deficient:
        return ranks
    role, layer = frame["pairing"].str[place], frame[f"{end}_layer"]
    # matrices are listed as the model has them: an expanded table's rows share key/value heads
    shared = role.isin(["K", "V"]) & (meta.kv == "expand")
    head = frame[f"{end}_head"].where(~shared, frame[f"{end}_head"] // meta.group_size)
    for entry in meta.deficient:
        here = (role == entry["role"]) & (layer == entry["layer"]) & (head == entry["head"])
        ranks[here.to_numpy()] = entry["rank"]
    return ranks
