"""The graph of a run for export: heads and roles in memory, edges in batches."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from headgraph.base.files.documents import parse_json
from headgraph.base.spelling import Message
from headgraph.base.text import quoted, short
from headgraph.graphdb import schema
from headgraph.loader.errors import ExportError
from headgraph.loader.loading.edges import SCORES, Batch

FIRST = ("id", "run", "name", "layer", "head", "kv_head")
"""Properties that every head has, in the order in which they are written."""

ROLE_FIRST = ("circuit", "source", "note")
"""Properties of HAS_ROLE, in the order in which they are written."""

_KINDS: dict[type, str] = {
    bool: "boolean",
    int: "integer",
    float: "float",
    str: "string",
    datetime: "datetime",  # only in an offline load; exports have dates as text
}


class HeadNode(NamedTuple):
    """A head: its labels, `Head` first, and its properties."""

    labels: tuple[str, ...]
    properties: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Such as `L4H7`."""
        return str(self.properties["name"])


class HeadRole(NamedTuple):
    """A role of a head, with the properties of HAS_ROLE: circuit, source, note."""

    head: str
    role: str
    properties: Mapping[str, Any]


class Edge(NamedTuple):
    """An edge between the heads at two places, without the properties that it lacks."""

    source: int
    target: int
    pairing: str
    properties: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class RunGraph:
    """A run as the database has it, or will have it; see `graphdb.schema`.

    Attributes:
        run: properties of the Run in order of name, without the times of the load.
        heads: by place (layer times heads per layer plus head), in that order.
        roles: in order of the head's place, then role.
        columns: properties that an edge can have -> kind, in the order of the batches.
        n_edges: number of edges in all batches.
        batches: returns a new iterator over the edges by pairing, source and target.
        notes: pairs that the selection includes and the table lacks.
    """

    run: Mapping[str, Any]
    heads: Mapping[int, HeadNode]
    roles: Sequence[HeadRole]
    columns: Mapping[str, str]
    n_edges: int
    batches: Callable[[], Iterator[Batch]]
    notes: tuple[Message, ...] = ()

    def edges(self) -> Iterator[Edge]:
        """All edges, one at a time."""
        for batch in self.batches():
            for source, edges in batch.groups:
                for target, *values in edges:
                    pairs = zip(self.columns, values, strict=True)
                    there = {name: value for name, value in pairs if value is not None}
                    yield Edge(source, target, batch.pairing, there)

    def head_columns(self) -> dict[str, str]:
        """Properties that a head can have -> kind."""
        return columns_of(head.properties for head in self.heads.values())

    def roles_by_head(self) -> dict[str, list[str]]:
        """Names of a head's roles, each once; heads without a role are left out."""
        found: dict[str, list[str]] = {}
        for head, role, _ in self.roles:
            if role not in found.setdefault(head, []):
                found[head].append(role)
        return found

    def role_rows(self) -> list[dict[str, Any]]:
        """Roles with their properties, as plain rows."""
        return [{"head": head, "role": role, **rest} for head, role, rest in self.roles]


def in_order(properties: Mapping[str, Any], first: Sequence[str]) -> dict[str, Any]:
    """The properties: first those in `first`, then the others by name."""
    order = [*first, *sorted(properties.keys() - set(first))]
    return {name: properties[name] for name in order if name in properties}


def in_column_order(columns: Mapping[str, str], run: Mapping[str, Any]) -> dict[str, str]:
    """The columns of edges as `loading.edges.edge_properties` has them.

    Properties that no load makes come after the scores, by name.
    """
    nulls = parse_json(run.get("nulls", "{}"), source="the nulls of the run", problem=ExportError)
    scores = [*SCORES, *(name for name in run["metrics"] if name != "pk")]
    scores += [f"{kind}_{name}" for name in nulls for kind in "zpq"] + [schema.DECOY_Q]
    added = sorted(columns.keys() - {*scores, "kv_head"})
    return {name: columns[name] for name in [*scores, *added, "kv_head"] if name in columns}


def in_role_order(rows: Iterable[HeadRole], heads: Sequence[str]) -> list[HeadRole]:
    """The rows in order of `heads`, then of role, then of properties."""
    place = {name: number for number, name in enumerate(heads)}
    return sorted(rows, key=lambda row: (place[row.head], row.role, sorted(row.properties.items())))


def kind_of(value: Any) -> str:
    """`boolean`, `integer`, `float`, `string` or `datetime`, with `[]` for a list of them.

    >>> kind_of(3), kind_of(["OQ"])
    ('integer', 'string[]')
    """
    if isinstance(value, list | tuple):
        kinds = {kind_of(item) for item in value} or {"string"}
        return f"{_widest(kinds)}[]"
    return _KINDS[type(value)]


def columns_of(rows: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Names in the rows -> one kind for each, in order of appearance.

    Raises:
        ExportError: a name has values of kinds that no single column holds.
    """
    kinds: dict[str, set[str]] = {}
    for row in rows:
        for name, value in row.items():
            kinds.setdefault(name, set()).add(kind_of(value))
    return {name: one_kind(name, found) for name, found in kinds.items()}


def one_kind(name: str, kinds: set[str]) -> str:
    """The kind of a property with values of these kinds; whole numbers are floats too.

    Raises:
        ExportError: no column holds all of them.
    """
    if len(kinds) == 1 or kinds == {"integer", "float"}:
        return _widest(kinds)
    first, *others = sorted(kinds)
    raise ExportError(
        f"the property {short(name)} has {first} values on some heads or edges and "
        f"{' or '.join(others)} values on others; a file column needs one type: give it values of "
        "one type in the database"
    )


def _widest(kinds: set[str]) -> str:
    return "float" if kinds == {"integer", "float"} else min(kinds)


def word(name: str) -> str:
    """The name of a property or label, if every format can write it.

    Raises:
        ExportError: it has characters that end a name in some format.
    """
    if not name.isidentifier():
        raise ExportError(
            f"the name {quoted(name)} of a property or label in the database cannot be written: "
            "expected letters, digits and underscores"
        )
    return name
