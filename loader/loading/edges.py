"""Edges of a run: batches of parameters for the database, and sums that are stored with the run.

With sums on heads and Run, hubs and an overview read a few properties. Added up when a query runs,
they would be a walk over every edge.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from headgraph.graphdb import schema
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.pk_engine.table.edges import hub_terms
from headgraph.pk_engine.table.meta import TableMeta

BATCH = 20_000
"""Edges in a transaction; more gains nothing and takes the server's memory."""

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

    `decoy_q` and `kv_head` come last. The first is None (property not set) if the pairing has no
    decoys, the second if the edge passes no shared head.
    """
    further = [name for name in table.meta.metrics if name != "pk"] + table.meta.null_columns
    decoys = [schema.DECOY_Q] if table.meta.decoys else []
    return (*SCORES, *further, *decoys, "kv_head")


def batches(table: AffinityTable, edges: pd.DataFrame, size: int = BATCH) -> Iterator[Batch]:
    """All edges, at most `size` at a time, one pairing per batch."""
    meta = table.meta
    columns = edge_properties(table)[:-1]
    for pairing, rows in edges.groupby("pairing", sort=False):
        source, target = (_place(rows, end, meta).to_numpy() for end in ("source", "target"))
        order = np.lexsort((target, source))
        for start in range(0, len(order), size):
            here = order[start : start + size]
            part = rows.iloc[here]
            kv_head = [None if head < 0 else head for head in part["kv_head"].tolist()]
            values = [target[here].tolist(), *(_values(part[name]) for name in columns), kv_head]
            lists = [list(edge) for edge in zip(*values, strict=True)]
            yield Batch(str(pairing), len(here), _grouped(source[here], lists))


def _values(column: "pd.Series[Any]") -> list[Any]:
    """Python's numbers, as the driver cannot send those of NumPy; None for NaN."""
    values: list[Any] = column.tolist()
    return [None if it != it else it for it in values] if column.hasnans else values


def _grouped(source: "np.ndarray[Any, Any]", lists: list[list[Any]]) -> list[list[Any]]:
    """[[source, its lists], ...]; `source` is sorted."""
    heads, starts = np.unique(source, return_index=True)
    ends = [*starts[1:].tolist(), len(lists)]
    return [
        [head, lists[start:end]]
        for head, start, end in zip(heads.tolist(), starts.tolist(), ends, strict=True)
    ]


def head_sums(edges: pd.DataFrame, meta: TableMeta) -> dict[int, dict[str, float]]:
    """Inlets and outlets (`pk_engine.table.edges.hub_terms`) by pairing, of heads with an edge.

    Args:
        edges: a row per edge between query heads, as `AffinityTable.edges` gives them.
        meta: the table's metadata.

    Returns:
        By the head's place among all heads of the model, names and values of properties. A sum over
        no edge is left out.
    """
    found: dict[int, dict[str, float]] = {}
    for side, (end, values) in hub_terms(edges).items():
        totals = values.groupby([edges["pairing"], _place(edges, end, meta)]).sum()
        for (pairing, head), total in zip(totals.index.to_list(), totals.tolist(), strict=True):
            found.setdefault(int(head), {})[f"{side}_{pairing}"] = total
    return {head: dict(sorted(sums.items())) for head, sums in found.items()}


def _place(edges: pd.DataFrame, end: str, meta: TableMeta) -> "pd.Series[int]":
    first = meta.first_places[edges[f"{end}_layer"].to_numpy()]
    places: pd.Series[int] = (edges[f"{end}_head"] + first).rename("place")
    return places


def kept(edges: pd.DataFrame, meta: TableMeta) -> dict[str, list[Any]]:
    """What a run keeps, as properties of the Run with an item per pairing that has edges.

    Returns:
        `kept_pairings`, and in their order `kept_edges`, `kept_pairs` (scored pairs that the edges
        stand for), `kept_pk_min`, `kept_pk_median`, `kept_pk_max`, `kept_z_min`, `kept_z_mean`,
        `kept_z_median` and `kept_z_max`; and `kept_strongest`: pairing, source and target of the
        edge with the greatest z, and of equals the first by name of the pairing, then by heads.
    """
    groups = edges.astype({"pk": float, "z": float}).groupby("pairing", sort=False)
    rows = groups.agg(
        edges=("pk", "size"), pairs=("share", "sum"),
        pk_min=("pk", "min"), pk_median=("pk", "median"), pk_max=("pk", "max"),
        z_min=("z", "min"), z_mean=("z", "mean"), z_median=("z", "median"), z_max=("z", "max"),
    )  # fmt: skip
    rows["pairs"] = rows["pairs"].round().astype(int)
    return {
        f"{schema.KEPT}pairings": [str(pairing) for pairing in rows.index],
        **{f"{schema.KEPT}{name}": values.tolist() for name, values in rows.items()},
        f"{schema.KEPT}strongest": _strongest(edges, meta),
    }


def _strongest(edges: pd.DataFrame, meta: TableMeta) -> list[str]:
    ends = ["source_layer", "source_head", "target_layer", "target_head"]
    best = edges[edges["z"] == edges["z"].max()].sort_values(["pairing", *ends])
    pairing, *places = best[["pairing", *ends]].iloc[0].tolist()
    return [str(pairing), meta.head_name(*places[:2]), meta.head_name(*places[2:])]
