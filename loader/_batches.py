"""Edges as batches of parameters: one pairing each, grouped by source head, made one at a time."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from headgraph.pk_engine.table.affinity import AffinityTable

BATCH = 20_000
"""Edges in a transaction: more gains nothing and takes the server's memory."""

SCORES = ("pk", "pk_normalized", "z", "pk_rank", "share")


@dataclass(frozen=True, eq=False)
class Batch:
    """Edges of one pairing.

    Attributes:
        pairing: their type.
        size: how many there are.
        groups: a list per source head: its place among the model's heads, and a list per edge: the
            target's place, then the values of `edge_properties`.
    """

    pairing: str
    size: int
    groups: list[list[Any]]


def edge_properties(table: AffinityTable) -> tuple[str, ...]:
    """Names of the properties of an edge, in the order in which a batch has their values.

    `kv_head` comes last, as None (property not set) where the edge passes no shared head.
    """
    further = [name for name in table.meta.metrics if name != "pk"] + table.meta.null_columns
    return (*SCORES, *further, "kv_head")


def batches(table: AffinityTable, edges: pd.DataFrame, size: int = BATCH) -> Iterator[Batch]:
    """All edges, at most `size` at a time."""
    n_heads = table.meta.n_heads
    columns = edge_properties(table)[:-1]
    for pairing, rows in edges.groupby("pairing", sort=False):
        source = (rows["source_layer"] * n_heads + rows["source_head"]).to_numpy()
        target = (rows["target_layer"] * n_heads + rows["target_head"]).to_numpy()
        order = np.lexsort((target, source))
        for start in range(0, len(order), size):
            here = order[start : start + size]
            part = rows.iloc[here]
            kv_head = [None if head < 0 else head for head in part["kv_head"].tolist()]
            # tolist gives Python's numbers, which the driver can send; NumPy's it cannot
            values = [target[here].tolist(), *(part[name].tolist() for name in columns), kv_head]
            lists = [list(edge) for edge in zip(*values, strict=True)]
            yield Batch(str(pairing), len(here), _grouped(source[here], lists))


def _grouped(source: "np.ndarray[Any, Any]", lists: list[list[Any]]) -> list[list[Any]]:
    """[[source, its lists], ...]; `source` is sorted."""
    heads, starts = np.unique(source, return_index=True)
    ends = [*starts[1:].tolist(), len(lists)]
    return [
        [head, lists[start:end]]
        for head, start, end in zip(heads.tolist(), starts.tolist(), ends, strict=True)
    ]
