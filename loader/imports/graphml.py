"""Exported GraphML, read by expat without document types and hence without entities of a file.

XML has text alone, so a value gets the type of its key. Two types go beyond that:

- A key of `double` has whole numbers too, if its property had some: they have no point.
- A key of lists says so in its `desc`. Files of older versions do not. There, the lists that
  headgraph itself writes are known by name (`_OWN_LISTS`), and a list of the user's own stays the
  JSON text that it is in the file.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from xml.parsers import expat

from headgraph.base.files.documents import parse_json
from headgraph.base.text import quoted
from headgraph.graphdb import schema
from headgraph.loader.errors import UnreadableExport
from headgraph.loader.exports.graphml import LISTS
from headgraph.loader.imports.document import Document, NamedEdge, refuse
from headgraph.loader.imports.node_link import roles_of

_INSIDE = {
    "": ("graphml",),
    "graphml": ("key", "graph"),
    "key": ("desc",),
    "graph": ("data", "node", "edge"),
    "node": ("data",),
    "edge": ("data",),
}
"""Elements -> those that may be in them."""
_WHOLE = re.compile(r"-?[0-9]{1,19}")
_REAL = re.compile(r"-?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?")
_OWN_LISTS = re.compile(rf"pairings|metrics|communities_pairings|{schema.KEPT}\w+")


class Key(NamedTuple):
    """A property of graphs, nodes or edges."""

    element: str
    name: str
    type: str
    is_list: bool


def read(text: str, source: str) -> Document:
    """The run in a GraphML text.

    Raises:
        UnreadableExport: not XML, with a document type, or not of this structure.
    """
    reader = _Reader(source)
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = reader.document_type
    try:
        parser.Parse(text.encode(), True)
    except expat.ExpatError as error:
        raise UnreadableExport(f"{source} cannot be read as XML: {error}") from error
    return reader.document


class _Reader:
    """Handlers of expat's events."""

    def __init__(self, source: str) -> None:
        self.document = Document(source=source)
        self.keys: dict[str, Key] = {}
        self.path: list[str] = []
        self.attributes: list[Mapping[str, str]] = []
        self.said: list[str] = []
        self.data: dict[str, Any] = {}
        self.roles: dict[str, set[str]] = {}

    def document_type(self, *_: Any) -> None:
        refuse(self.document.source, "declares a document type, which could define entities")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        above = self.path[-1] if self.path else ""
        if name not in _INSIDE.get(above, ()):
            refuse(self.document.source, f"has a {quoted(name)} in {above or 'place of graphml'}")
        if name in ("node", "edge"):
            self._close_graph()
        self.path.append(name)
        self.attributes.append(attributes)
        self.said.clear()

    def text(self, text: str) -> None:
        if self.path[-1] in ("data", "desc"):
            self.said.append(text)
        elif text.strip():
            refuse(
                self.document.source, f"has the text {quoted(text.strip())} in a {self.path[-1]}"
            )

    def end(self, name: str) -> None:
        self.path.pop()
        attributes = self.attributes.pop()
        if name == "desc":
            self.attributes[-1] = {**self.attributes[-1], "desc": "".join(self.said)}
        elif name == "key":
            self._key(attributes)
        elif name == "data":
            self._data(attributes.get("key", ""), "".join(self.said))
        elif name == "node":
            self._node(attributes)
        elif name == "edge":
            self._edge(attributes)
        elif name == "graph":
            self._close_graph()
        self.said.clear()

    def _key(self, attributes: Mapping[str, str]) -> None:
        fields = [attributes.get(name) for name in ("id", "for", "attr.name", "attr.type")]
        lists = attributes.get("desc")
        known = fields[1] in ("graph", "node", "edge") and fields[3] in _VALUES
        if None in fields or not known or lists not in (None, LISTS):
            refuse(self.document.source, f"has the key {quoted(dict(attributes))}")
        key_id, element, name, type_ = map(str, fields)
        self.keys[key_id] = Key(element, name, type_, lists is not None)

    def _data(self, key_id: str, text: str) -> None:
        key = self.keys.get(key_id)
        if key is None or key.element != self.path[-1] or key.name in self.data:
            refuse(self.document.source, f"has data of key {quoted(key_id)} in a {self.path[-1]}")
        if key.is_list:
            self.data[key.name] = self._list(key, text)
            return
        value = _VALUES[key.type](text)
        if value is None:
            refuse(self.document.source, f"has {key.name} {quoted(text)}, of type {key.type}")
        self.data[key.name] = value

    def _list(self, key: Key, text: str) -> list[Any]:
        what = f"{self.document.source}, key {quoted(key.name)},"
        found: list[Any] = parse_json(text, source=what, problem=UnreadableExport, kind=list)
        return found

    def _close_graph(self) -> None:
        """The data of the graph, which stand before its nodes."""
        if not self.document.run:
            run, self.data = self.data, {}
            what = f"{self.document.source}, roles of the graph,"
            rows = parse_json(
                str(run.pop("roles", "[]")), source=what, problem=UnreadableExport, kind=list
            )
            self.document.roles = roles_of(rows, self.document.source)
            for head, role, _ in self.document.roles:
                self.roles.setdefault(head, set()).add(role)
            marked = any(key.is_list for key in self.keys.values())
            for name in [] if marked else filter(_OWN_LISTS.fullmatch, run):
                run[name] = self._list(Key("graph", name, "string", True), str(run[name]))
            self.document.run = run
        elif self.data:
            refuse(self.document.source, "has data of the graph after its first node")

    def _node(self, attributes: Mapping[str, str]) -> None:
        node, self.data = self.data, {}
        labels, roles = (str(node.pop(name, "")) for name in ("labels", "roles"))
        name = attributes.get("id")
        if name is None or name != node.get("name") or not labels.startswith(":"):
            refuse(
                self.document.source,
                f"has a node {quoted(name)} of name {quoted(node.get('name'))} and labels "
                f"{quoted(labels)}",
            )
        on_graph = ",".join(sorted(self.roles.get(name, ())))
        if roles != on_graph:
            refuse(
                self.document.source,
                f"has the roles {quoted(roles)} on node {quoted(name)}, and {quoted(on_graph)} "
                "on its graph",
            )
        self.document.heads.append((labels[1:].split(":"), node))

    def _edge(self, attributes: Mapping[str, str]) -> None:
        edge, self.data = self.data, {}
        pairing = str(edge.pop("type", ""))
        source, target = (attributes.get(end, "") for end in ("source", "target"))
        if attributes.get("id") != f"{source}-{pairing}-{target}":
            refuse(
                self.document.source,
                f"has an edge {quoted(attributes.get('id'))} from {quoted(source)} to "
                f"{quoted(target)} of type {quoted(pairing)}",
            )
        self.document.edges.append(NamedEdge(source, target, pairing, edge))


def _real(text: str) -> float | int | None:
    if _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if len(text) < 400 and _REAL.fullmatch(text) else None


_VALUES: dict[str, Callable[[str], Any]] = {
    "boolean": {"true": True, "false": False}.get,
    "long": lambda text: int(text) if _WHOLE.fullmatch(text) else None,
    "double": _real,
    "string": lambda text: text,
}
