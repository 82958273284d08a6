"""Changed pairs as edges between query heads, and their node-link form."""

from dataclasses import replace
from typing import Any

import pandas as pd

from headgraph.analysis.difference.compared import Compared
from headgraph.graphdb import schema
from headgraph.graphdb.results import node_link
from headgraph.pk_engine.table.edges import head_edges

_PROPERTIES = (
    "change", "difference", "pk_before", "pk_after", "cutoff", "z_before", "z_after",
    "rank_before", "rank_after", "share", "kv_head",
)  # fmt: skip


def change_edges(found: Compared) -> pd.DataFrame:
    """The changed pairs as edges between query heads, with `share` and `kv_head`."""
    # rows of an expanded table are joined: heads count as in a native one
    return head_edges(found.pairs, replace(found.metas[0], kv="native"))


def node_link_form(found: Compared) -> dict[str, Any]:
    """Node-link form: the heads of changed pairs, a link for each edge.

    A property without a value is left out.
    """
    edges = change_edges(found)
    links, heads, meta = [], set(), found.metas[0]
    for row in edges.to_dict("records"):
        source, target = (
            (int(row[f"{end}_layer"]), int(row[f"{end}_head"])) for end in ("source", "target")
        )
        heads |= {source, target}
        own = {name: _plain(row[name]) for name in _PROPERTIES}
        own = {name: value for name, value in own.items() if value is not None}
        if row["kv_head"] < 0:
            del own["kv_head"]
        ends = meta.head_name(*source), meta.head_name(*target)
        links.append(node_link.link(*ends, row["pairing"], own))
    about = {
        "before": found.names[0],
        "after": found.names[1],
        "by": found.by,
        "noise": found.noise,
        "counts": [{name: _plain(value) for name, value in row.items()}
                   for row in found.counts.to_dict("records")],
    }  # fmt: skip
    nodes = [
        node_link.node(meta.head_name(*head), [schema.HEAD],
                       {"name": meta.head_name(*head), "layer": head[0], "head": head[1]})
        for head in sorted(heads)
    ]  # fmt: skip
    return {**node_link.opening(about), "nodes": nodes, "links": links}


def _plain(value: Any) -> Any:
    """A value as JSON has it; None for a missing one or an infinite cutoff."""
    if isinstance(value, str):
        return value
    if value is None or pd.isna(value) or value in (float("inf"), float("-inf")):
        return None
    return value.item() if hasattr(value, "item") else value
