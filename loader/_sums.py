"""Sums over a run's edges, worked out from the table and written with the run.

Stored on heads and Run, hubs and an overview are a look at these; added up when somebody asks, they
are a walk over every edge.
"""

from typing import Any

import pandas as pd

from headgraph.base.names import head_name
from headgraph.graphdb import schema
from headgraph.pk_engine.table.edges import hub_terms


def head_sums(edges: pd.DataFrame, n_heads: int) -> dict[int, dict[str, float]]:
    """Inlets and outlets (`pk_engine.table.edges.hub_terms`) by pairing, of heads with an edge.

    Args:
        edges: a row per edge between query heads, as `AffinityTable.edges` gives them.
        n_heads: heads in a layer.

    Returns:
        Names and values of properties, by the head's place: layer times `n_heads` plus head. A sum
        over no edge is not there.
    """
    found: dict[int, dict[str, float]] = {}
    for side, (end, values) in hub_terms(edges).items():
        totals = values.groupby([edges["pairing"], _place(edges, end, n_heads)]).sum()
        for (pairing, head), total in zip(totals.index.to_list(), totals.tolist(), strict=True):
            found.setdefault(int(head), {})[f"{side}_{pairing}"] = total
    return {head: dict(sorted(sums.items())) for head, sums in found.items()}


def _place(edges: pd.DataFrame, end: str, n_heads: int) -> "pd.Series[int]":
    return (edges[f"{end}_layer"] * n_heads + edges[f"{end}_head"]).rename("place")


def kept(edges: pd.DataFrame) -> dict[str, list[Any]]:
    """What a run keeps, as properties of the Run: an item per pairing that has edges.

    Returns:
        `kept_pairings`, and in their order `kept_edges`, `kept_pairs` (scored pairs that the edges
        stand for), `kept_pk_min`, `kept_pk_median`, `kept_pk_max`, `kept_z_mean`, `kept_z_median`
        and `kept_z_max`; and `kept_strongest`: pairing, source and target of the edge with the
        greatest z, of several the first by pairing's name and heads.
    """
    groups = edges.astype({"pk": float, "z": float}).groupby("pairing", sort=False)
    rows = groups.agg(
        edges=("pk", "size"), pairs=("share", "sum"),
        pk_min=("pk", "min"), pk_median=("pk", "median"), pk_max=("pk", "max"),
        z_mean=("z", "mean"), z_median=("z", "median"), z_max=("z", "max"),
    )  # fmt: skip
    rows["pairs"] = rows["pairs"].round().astype(int)
    return {
        f"{schema.KEPT}pairings": [str(pairing) for pairing in rows.index],
        **{f"{schema.KEPT}{name}": values.tolist() for name, values in rows.items()},
        f"{schema.KEPT}strongest": _strongest(edges),
    }


def _strongest(edges: pd.DataFrame) -> list[str]:
    ends = ["source_layer", "source_head", "target_layer", "target_head"]
    best = edges[edges["z"] == edges["z"].max()].sort_values(["pairing", *ends])
    pairing, *places = best[["pairing", *ends]].iloc[0].tolist()
    return [str(pairing), head_name(*places[:2]), head_name(*places[2:])]
