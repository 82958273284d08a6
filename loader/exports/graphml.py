"""GraphML: for Gephi, yEd, Cytoscape, igraph, networkx."""

from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any
from xml.sax.saxutils import escape, quoteattr

from headgraph.base.text import json_text
from headgraph.loader.exports.content import RunGraph, columns_of

_TYPES = {"boolean": "boolean", "integer": "long", "float": "double", "string": "string"}
_RETURN = {"\r": "&#13;"}  # readers of XML turn a bare one into a line feed
LISTS = "lists as JSON text"
_OPENING = """<?xml version="1.0" encoding="UTF-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns" \
xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" \
xsi:schemaLocation="http://graphml.graphdrawing.org/xmlns \
http://graphml.graphdrawing.org/xmlns/1.0/graphml.xsd">
"""


def write(content: RunGraph, stream: IO[bytes]) -> None:
    """Write heads and edges, one element per line.

    The id of a node is the head's name, that of an edge has the form `L0H1-OQ-L2H3`. `labels` are
    in Neo4j's notation (`:Head:InductionHead`), `roles` are separated by commas, and the `type` of
    an edge is its pairing. Lists, and the sources of roles on the graph, are JSON text; the `desc`
    of a key says that it has lists. Characters that XML cannot hold become U+FFFD.
    """
    for line in _lines(content):
        stream.write(line.encode())


def _lines(content: RunGraph) -> Iterator[str]:
    about = {**content.run, "roles": json_text(content.role_rows())}
    head_kinds = {"labels": "string", "roles": "string", **content.head_columns()}
    edge_kinds = {"type": "string", **content.columns}
    yield _OPENING
    for element, kinds in (("graph", columns_of([about])), ("node", head_kinds)):
        yield from _keys(element, kinds)
    yield from _keys("edge", edge_kinds)
    yield f'<graph id={_quoted(str(content.run["name"]))} edgedefault="directed">\n'
    yield _data("graph", about) + "\n"
    yield from _nodes(content)
    yield from _edges(content)
    yield "</graph>\n</graphml>\n"


def _keys(element: str, kinds: Mapping[str, str]) -> Iterator[str]:
    for name, kind in kinds.items():
        type_ = _TYPES.get(kind, "string")  # a list is text
        end = f"><desc>{LISTS}</desc></key>" if kind.endswith("[]") else "/>"
        yield (
            f"<key id={_quoted(f'{element}.{name}')} for={_quoted(element)} "
            f"attr.name={_quoted(name)} attr.type={_quoted(type_)}{end}\n"
        )


def _nodes(content: RunGraph) -> Iterator[str]:
    roles = content.roles_by_head()
    for head in content.heads.values():
        data = {
            **head.properties,
            "labels": "".join(f":{label}" for label in head.labels),
            "roles": ",".join(roles.get(head.name, ())) or None,
        }
        yield f"<node id={_quoted(head.name)}>{_data('node', data)}</node>\n"


def _edges(content: RunGraph) -> Iterator[str]:
    names = {place: head.name for place, head in content.heads.items()}
    for source, target, pairing, properties in content.edges():
        a, b = names[source], names[target]
        data = _data("edge", {"type": pairing, **properties})
        yield (
            f"<edge id={_quoted(f'{a}-{pairing}-{b}')} source={_quoted(a)} "
            f"target={_quoted(b)}>{data}</edge>\n"
        )


def _data(element: str, values: Mapping[str, Any]) -> str:
    return "".join(
        f"<data key={_quoted(f'{element}.{name}')}>{escape(_legal(_text(value)), _RETURN)}</data>"
        for name, value in values.items()
        if value is not None
    )


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(_flat(value))


def _flat(value: Any) -> Any:
    return json_text(value) if isinstance(value, list) else value


def _quoted(text: str) -> str:
    return quoteattr(_legal(text))


def _legal(text: str) -> str:
    """The text with U+FFFD for each character that XML 1.0 cannot hold."""
    return text if text.isprintable() else "".join(_legal_characters(text))


def _legal_characters(text: str) -> Iterable[str]:
    for character in text:
        code = ord(character)
        lost = (code < 0x20 and character not in "\t\n\r") or code in (0xFFFE, 0xFFFF)
        yield "\N{REPLACEMENT CHARACTER}" if lost or 0xD800 <= code < 0xE000 else character
