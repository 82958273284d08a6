"""The content of an exported file, as it stands there."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple, NoReturn

from headgraph.base.spelling import either
from headgraph.loader.errors import UnreadableExport

EXPORT = either("export()", "headgraph export")


class NamedEdge(NamedTuple):
    """An edge between two heads, by their names."""

    source: str
    target: str
    pairing: str
    properties: dict[str, Any]


@dataclass(kw_only=True)
class Document:
    """A run in a file, before its values are checked.

    Attributes:
        source: the file's name, for messages.
        run: properties of the Run.
        heads: labels and properties of each head.
        roles: head, role and properties of each HAS_ROLE.
        edges: all edges.
    """

    source: str
    run: dict[str, Any] = field(default_factory=dict)
    heads: list[tuple[list[str], dict[str, Any]]] = field(default_factory=list)
    roles: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    edges: list[NamedEdge] = field(default_factory=list)


def refuse(source: str, what: str) -> NoReturn:
    """Raise the error for a file that `export` does not write so.

    Args:
        source: the file's name.
        what: what is wrong, after the name.
    """
    raise UnreadableExport(f"{source} {what}: expected a file as {EXPORT} writes it")
