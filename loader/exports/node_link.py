"""Node-link JSON of a whole run, in the form that `headgraph query --graph` prints."""

from typing import IO, Any

from headgraph.base.text import json_text
from headgraph.graphdb.results import node_link
from headgraph.loader.exports.content import RunGraph


def write(content: RunGraph, stream: IO[bytes]) -> None:
    """Write heads and edges, one per line; the graph has the Run's properties and `roles`."""
    names = {place: str(head.properties["id"]) for place, head in content.heads.items()}
    about = node_link.opening({**content.run, "roles": content.role_rows()})
    stream.write(_json(about)[:-1].encode())
    nodes = (node_link.node(str(h.properties["id"]), h.labels, h.properties)
             for h in content.heads.values())  # fmt: skip
    links = (node_link.link(names[a], names[b], type_, properties)
             for a, b, type_, properties in content.edges())  # fmt: skip
    for key, items in (("nodes", nodes), ("links", links)):
        stream.write(f',\n"{key}": ['.encode())
        for number, item in enumerate(items):
            stream.write((",\n" if number else "\n").encode() + _json(item).encode())
        stream.write(b"\n]")
    stream.write(b"\n}\n")


def _json(value: Any) -> str:
    return json_text(value, allow_nan=False)
