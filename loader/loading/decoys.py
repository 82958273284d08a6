"""The share of decoys among the edges of a run: what the Run records, and what a load says of it.

A decoy is a backward pair: its source layer comes after its target layer, so it can carry nothing
(`pk_engine.metrics.decoys`).
"""

from typing import Any

from headgraph.base.names import GRAPH_PAIRINGS
from headgraph.base.spelling import Message
from headgraph.base.text import together
from headgraph.graphdb import schema
from headgraph.pk_engine.errors import COMPUTE
from headgraph.pk_engine.metrics.decoys import APART, unmatched, warning
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.pk_engine.table.meta import TableMeta


def run_properties(meta: TableMeta) -> dict[str, Any]:
    """Properties of the Run; the share of a pairing without edges is None."""
    prefixes = {
        "share": schema.DECOY_SHARE,
        "scored": schema.DECOY_SCORED,
        **dict(zip(APART, (schema.DECOY_NEIGHBOURS, schema.DECOY_FURTHER), strict=True)),
    }
    return {
        f"{prefix}{pairing}": counted[name]
        for pairing, counted in meta.decoys.items()
        for name, prefix in prefixes.items()
        if name in counted
    }


def shares(table: AffinityTable) -> dict[str, float]:
    """The share of decoys by pairing, in the table's order.

    A pairing without edges has none. Nor has one of which the table keeps every pair: its weakest
    pair is below nearly every decoy, so the share says nothing about a choice of edges.
    """
    meta, kept = table.meta, table.frame["pairing"].value_counts()
    cut = [name for name in meta.pairings if 0 < kept.get(name, 0) < meta.scored[name]]
    return {name: meta.decoys[name]["share"] for name in cut if name in meta.decoys}


def shares_apart(table: AffinityTable) -> dict[str, tuple[float | None, float | None]]:
    """The same between neighbouring layers and further apart, where the table has them."""
    near, far = APART
    known = {name: table.meta.decoys[name] for name in shares(table)}
    return {name: (it[near], it[far]) for name, it in known.items() if near in it}


def without_decoys(table: AffinityTable) -> frozenset[str]:
    """The pairings whose share is an upper bound, because no backward pair is as strong."""
    return unmatched(shares(table), table.columns["pairing"])


def warnings(table: AffinityTable) -> tuple[Message, ...]:
    """One sentence each on pairings with many decoys, and on those whose share is unknown."""
    notes, meta = list[Message](), table.meta
    if high := warning(shares(table), without_decoys(table)):
        notes.append(high)
    unknown = [pairing for pairing in meta.pairings
               if pairing in GRAPH_PAIRINGS and pairing not in meta.decoys]  # fmt: skip
    if unknown:
        notes.append(
            Message(
                f"the decoy share of {together(unknown)} is unknown, because {_why_unknown(meta)}"
            )
        )
    return tuple(notes)


def _why_unknown(meta: TableMeta) -> str:
    if meta.layer_order != "forward":
        return (
            f"the table has the layer order {meta.layer_order}: decoys are backward pairs beside "
            "a forward order"
        )
    return f"the table has no decoys: {COMPUTE} makes one that has them"
