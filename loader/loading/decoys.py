"""The share of decoys among the edges of a run: what the Run records, and what a load says of it.

A decoy is a backward pair: its source layer comes after its target layer, so it can carry nothing
(`pk_engine.scoring.decoys`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from headgraph.base.names import GRAPH_PAIRINGS
from headgraph.base.spelling import Message, either
from headgraph.graphdb import schema
from headgraph.pk_engine.errors import COMPUTE
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.pk_engine.table.meta import TableMeta

HIGH = 0.25
"""Share of decoys above which a load warns."""


def run_properties(meta: TableMeta) -> dict[str, Any]:
    """Properties of the Run; the share of a pairing without edges is None."""
    return {
        f"{prefix}{pairing}": counted[name]
        for pairing, counted in meta.decoys.items()
        for prefix, name in ((schema.DECOY_SHARE, "share"), (schema.DECOY_SCORED, "scored"))
    }


def shares(table: AffinityTable) -> dict[str, float]:
    """The share of decoys by pairing, in the table's order.

    A pairing without edges has none. Nor has one of which the table keeps every pair: its weakest
    pair is below nearly every decoy, so the share says nothing about a choice of edges.
    """
    meta, kept = table.meta, table.frame["pairing"].value_counts()
    cut = [name for name in meta.pairings if 0 < kept.get(name, 0) < meta.scored[name]]
    return {name: meta.decoys[name]["share"] for name in cut if name in meta.decoys}


def sentence(shares: Mapping[str, float]) -> str:
    """The shares in words, as `headgraph compute` says them; empty if there are none.

    >>> sentence({"OQ": 0.182, "OK": 0.255, "OV": 1.24}).partition("yet ")[2]
    'nothing, are as strong: OQ 18, OK 26, OV 124'
    """
    if not shares:
        return ""
    numbers = ", ".join(f"{pairing} {_in_100(share)}" for pairing, share in shares.items())
    return (
        "decoys: for every 100 pairs kept, this many backward pairs, which carry nothing, are as "
        f"strong: {numbers}"
    )


def _in_100(share: float) -> str:
    return f"{100 * share:.2g}" if share < 0.01 else f"{100 * share:.0f}"


def together(words: Sequence[str]) -> str:
    """`OQ, OK and OV`."""
    return " and ".join([*([", ".join(words[:-1])] if words[1:] else []), *words[-1:]])


def warnings(table: AffinityTable) -> tuple[Message, ...]:
    """One sentence each on pairings with many decoys, and on those whose share is unknown."""
    notes, meta = [], table.meta
    high = [pairing for pairing, share in shares(table).items() if share > HIGH]
    if high:
        rule = either("selection=Selection(max_decoy=0.1)", "--max-decoy 0.1")
        notes.append(
            f"the decoy share of {together(high)} is above {100 * HIGH:.0f} %, so many of these "
            f"edges may mean nothing: {rule} keeps edges whose decoy_q is at most 0.1"
        )
    unknown = [pairing for pairing in meta.pairings
               if pairing in GRAPH_PAIRINGS and pairing not in meta.decoys]  # fmt: skip
    if unknown:
        notes.append(
            f"the decoy share of {together(unknown)} is unknown, because {_why_unknown(meta)}"
        )
    return tuple(map(Message, notes))


def _why_unknown(meta: TableMeta) -> str:
    if meta.layer_order != "forward":
        return (
            f"the table has the layer order {meta.layer_order}: decoys are backward pairs beside "
            "a forward order"
        )
    return f"the table has no decoys: {COMPUTE} makes one that has them"
