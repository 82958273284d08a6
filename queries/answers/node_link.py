"""Nodes and relationships of an answer as node-link JSON, each once."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from headgraph.graphdb.results import node_link
from headgraph.graphdb.results.result import Result


def to_node_link(result: Result, about: Mapping[str, Any]) -> dict[str, Any]:
    """All nodes and relationships in the rows, in paths and lists too.

    Args:
        result: rows with the driver's own objects.
        about: the graph's attributes, such as the query's name and values.
    """
    nodes: dict[str, Any] = {}
    links: dict[str, Any] = {}
    for row in result.rows:
        for node, relationship in _entities(list(row)):
            if relationship is not None:
                links[relationship.element_id] = relationship
            # the driver gives the ends of a lone relationship without labels and properties
            elif node.labels or node.element_id not in nodes:
                nodes[node.element_id] = node
    for link in links.values():
        for end in link.nodes:
            nodes.setdefault(end.element_id, end)
    return {
        **node_link.opening(about),
        "nodes": [node_link.node(_id(node), node.labels, node) for node in nodes.values()],
        "links": list(_links(links.values(), nodes)),
    }


def _entities(value: Any) -> Iterator[tuple[Any, Any]]:
    """(node, None) or (None, relationship) for each node and relationship in a value."""
    if isinstance(value, list | tuple):
        for item in value:
            yield from _entities(item)
    elif isinstance(value, dict):
        yield from _entities(list(value.values()))
    elif hasattr(value, "labels"):
        yield value, None
    elif hasattr(value, "relationships"):  # a path
        yield from _entities([*value.nodes, *value.relationships])
    elif hasattr(value, "type"):
        yield None, value


def _links(links: Iterable[Any], nodes: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    parallel: Counter[tuple[str, str, str]] = Counter()
    for link in links:
        start, end = (_id(nodes[end.element_id]) for end in link.nodes)
        parallel[start, end, link.type] += 1
        yield node_link.link(start, end, link.type, link, parallel[start, end, link.type])


def _id(node: Any) -> str:
    """An id that stays the same when a run is loaded again, unlike the database's own ids."""
    properties = dict(node.items())
    if "id" in properties:
        return str(properties["id"])
    if "name" in properties:
        return f"{':'.join(sorted(node.labels))}:{properties['name']}"
    return str(node.element_id)
