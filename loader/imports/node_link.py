"""Exported node-link JSON."""

from collections.abc import Mapping
from typing import Any, NoReturn

from headgraph.base.files.documents import parse_json
from headgraph.base.text import listed, quoted
from headgraph.loader.errors import UnreadableExport
from headgraph.loader.imports.document import Document, NamedEdge, refuse

_TOP = {"directed": bool, "multigraph": bool, "graph": dict, "nodes": list, "links": list}
_NODE = {"id": str, "labels": list, "properties": dict}
_LINK = {"source": str, "target": str, "key": str, "type": str, "properties": dict}


def read(text: str, source: str) -> Document:
    """The run in a node-link text.

    Raises:
        UnreadableExport: not JSON, or not of this structure.
    """
    value = parse_json(text, source=source, problem=UnreadableExport)
    _check(value, _TOP, source, "the outermost object")
    if not (value["directed"] and value["multigraph"]):
        refuse(source, "is not of a directed multigraph")
    run = dict(value["graph"])
    document = Document(source=source, run=run, roles=roles_of(run.pop("roles", None), source))
    names: dict[str, str] = {}
    for number, node in enumerate(value["nodes"], start=1):
        _check(node, _NODE, source, f"node {number:,}")
        names[node["id"]] = str(node["properties"].get("name"))
        document.heads.append((node["labels"], node["properties"]))
    for number, link in enumerate(value["links"], start=1):
        _check(link, _LINK, source, f"link {number:,}")
        ends = [names.get(link[end]) for end in ("source", "target")]
        if None in ends or link["key"] != link["type"]:
            refuse(source, f"has a link {number:,} that joins no two nodes, or has a strange key")
        document.edges.append(
            NamedEdge(str(ends[0]), str(ends[1]), link["type"], link["properties"])
        )
    return document


def roles_of(rows: Any, source: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Rows of roles, as exports have them on the graph."""
    found = []
    for row in rows if isinstance(rows, list) else _no_roles(source):
        if not (isinstance(row, dict) and type(row.get("head")) is type(row.get("role")) is str):
            _no_roles(source)
        rest = {name: value for name, value in row.items() if name not in ("head", "role")}
        found.append((row["head"], row["role"], rest))
    return found


def _no_roles(source: str) -> NoReturn:
    refuse(
        source,
        "has no list of roles for its graph, each with a head and a role (an answer of a query is "
        "a part of a run, and cannot be imported)",
    )


def _check(value: Any, kinds: Mapping[str, type], source: str, what: str) -> None:
    """Raise UnreadableExport unless the value is an object of these fields."""
    if not isinstance(value, dict):
        refuse(source, f"has {quoted(value)} as {what}")
    if value.keys() != kinds.keys():
        refuse(source, f"has {listed(sorted(value)) or 'no field'} in {what}")
    for name, kind in kinds.items():
        if type(value[name]) is not kind:
            refuse(source, f"has {name} {quoted(value[name])} in {what}")
