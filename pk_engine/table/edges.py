"""Edges between query heads, made from scored pairs.

In grouped-query attention, g query heads share a key/value head. A pair that is scored once for
this key/value head becomes g edges. `(a)-[:OK]->(b)` then means the same in every model: the output
of a overlaps what b reads as its key. `share` = 1 / (edges of the scored pair), so a sum of scores
weighted by `share` counts each scored pair once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from headgraph.pk_engine.table.meta import TableMeta

if TYPE_CHECKING:
    import pandas as pd


def head_edges(frame: pd.DataFrame, meta: TableMeta) -> pd.DataFrame:
    """One row per edge, in the table's order.

    Args:
        frame: rows of a table; `source_head` and `target_head` as the table counts them.
        meta: its metadata.

    Returns:
        All columns of the frame, with `source_head` and `target_head` as query heads, plus
        `kv_head` (the key/value head of the target; -1 where the target's role is Q or O, or the
        model has no groups) and `share` (float64, 0 < share <= 1).
    """
    edges = frame.drop(columns="target_kv_head", errors="ignore").reset_index(drop=True)
    edges = edges.assign(kv_head=-1, share=1.0)
    if meta.group_size == 1:
        return edges
    # `pair` numbers the scored pairs; in an expanded table the g rows of a key/value head share it
    edges["kv_head"] = _kv_head(edges, "target", meta)
    if meta.kv == "native":
        edges["pair"] = np.arange(len(edges))
        for end, letter in (("source", 0), ("target", 1)):
            edges = _fan_out(edges, end, edges["pairing"].str[letter].isin(["K", "V"]), meta)
    else:
        edges["pair"] = _same_kv_pair(edges, meta)
    edges["share"] = 1.0 / edges.groupby("pair")["pair"].transform("size")
    return edges.drop(columns="pair")


def hub_terms(edges: pd.DataFrame) -> dict[str, tuple[str, pd.Series[float]]]:
    """The contribution of each edge to the hub scores of its two heads.

        inlet(h)  = sum of z over the edges that enter h
        outlet(h) = sum of z * share over the edges that leave h

    Args:
        edges: a row per edge between query heads, as from `head_edges`.

    Returns:
        `inlet` and `outlet` -> (the end of the edge whose score it adds to, the values).
    """
    z = edges["z"].astype(float)
    return {"inlet": ("target", z), "outlet": ("source", z * edges["share"])}


def _kv_head(edges: pd.DataFrame, end: str, meta: TableMeta) -> pd.Series[int]:
    letter = 0 if end == "source" else 1
    shared = edges["pairing"].str[letter].isin(["K", "V"])
    head = edges[f"{end}_head"]
    groups = meta.groups_of(edges[f"{end}_layer"].to_numpy())
    return (head if meta.kv == "native" else head // groups).where(shared & (groups > 1), -1)


def _fan_out(
    edges: pd.DataFrame, end: str, shared: pd.Series[bool], meta: TableMeta
) -> pd.DataFrame:
    repeats = np.where(shared, meta.groups_of(edges[f"{end}_layer"].to_numpy()), 1)
    place = np.concatenate([np.arange(n) for n in repeats]) if len(edges) else np.empty(0, int)
    fanned = edges.loc[edges.index.repeat(repeats)].reset_index(drop=True)
    first = fanned[f"{end}_head"] * np.repeat(repeats, repeats)
    fanned[f"{end}_head"] = (first + place).astype(np.int32)
    return fanned


def _same_kv_pair(edges: pd.DataFrame, meta: TableMeta) -> pd.Series[int]:
    through = {}
    for end in ("source", "target"):
        kv = _kv_head(edges, end, meta)
        # heads without a shared key/value head get negative numbers, distinct from key/value heads
        through[end] = kv.where(kv >= 0, -1 - edges[f"{end}_head"])
    keys = [
        edges["pairing"],
        edges["source_layer"],
        through["source"],
        edges["target_layer"],
        through["target"],
    ]
    return edges.groupby(keys).ngroup()
