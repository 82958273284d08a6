"""Node-link JSON, for answers of stored queries and for exports.

`networkx.node_link_graph(..., edges="links")` and d3 read it.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from headgraph.graphdb.results.result import plain


def opening(about: Mapping[str, Any]) -> dict[str, Any]:
    """The fields before `nodes` and `links`; `about` becomes the graph's attributes."""
    return {"directed": True, "multigraph": True, "graph": dict(about)}


def node(id_: str, labels: Iterable[str], properties: Mapping[str, Any]) -> dict[str, Any]:
    """A node by its id, with labels in order."""
    return {"id": id_, "labels": sorted(labels), "properties": plain(dict(properties))}


def link(
    source: str, target: str, type_: str, properties: Mapping[str, Any], number: int = 1
) -> dict[str, Any]:
    """A relationship; `number` counts those of one type between the same two nodes."""
    return {
        "source": source,
        "target": target,
        # networkx keeps one link for each key between two nodes
        "key": type_ if number == 1 else f"{type_} {number}",
        "type": type_,
        "properties": plain(dict(properties)),
    }
