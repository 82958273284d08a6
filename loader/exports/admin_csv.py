"""Two CSV files for `neo4j-admin database import full`, and the statements to run afterwards.

neo4j-admin database import full neo4j --nodes=nodes.csv --relationships=relationships.csv
cypher-shell -f schema.cypher
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import IO, Any

from headgraph.base.text import quoted
from headgraph.graphdb import schema
from headgraph.loader.errors import ExportError
from headgraph.loader.exports.content import RunGraph, columns_of, one_kind, word
from headgraph.loader.exports.cypher import schema_statements

BETWEEN = ";"
"""Separator of the items of a list; the importer's default."""

_TYPES = {
    "boolean": "boolean",
    "integer": "long",
    "float": "double",
    "string": "string",
    "datetime": "datetime",
}
Columns = Mapping[str, str]


def write(
    content: RunGraph, nodes: IO[bytes], relationships: IO[bytes], statements: IO[bytes]
) -> None:
    """Write nodes (run, heads, roles), relationships, and constraints and indexes.

    Ids of nodes contain the run's name, so folders of several runs can be imported together (with
    `--skip-duplicate-nodes`, because they share roles). A cell without a value is empty, and text
    is always quoted.

    Raises:
        ExportError: a name or value that no column of the importer holds.
    """
    write_graph(content, nodes, relationships, run=content.run["name"])
    for statement in schema_statements(content):
        statements.write(f"{statement};\n".encode())


def write_graph(content: RunGraph, nodes: IO[bytes], relationships: IO[bytes], *, run: str) -> None:
    """Write the two CSV files; `run` appears only in the ids that join them."""
    for line in _nodes(content, run):
        nodes.write(line.encode())
    for line in _relationships(content, run):
        relationships.write(line.encode())


def header(fixed: Iterable[str], columns: Columns) -> str:
    """The first line: `:ID,:LABEL,layer:long,pairings:string[]`."""
    typed = (f"{word(name)}:{_type(kind)}" for name, kind in columns.items())
    return ",".join([*fixed, *typed]) + "\n"


def line(fixed: Iterable[Any], values: Mapping[str, Any], columns: Columns) -> str:
    """One row; a value for each column, in their order."""
    return ",".join([cell(it) for it in fixed] + [cell(values.get(it)) for it in columns]) + "\n"


def cell(value: Any) -> str:
    """A value as the importer reads it.

    >>> cell(None), cell(3), cell(True), cell('a "b" c'), cell(["OQ", "OK"])
    ('', '3', 'true', '"a ""b"" c"', '"OQ;OK"')

    Raises:
        ExportError: an item of a list contains the separator.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, datetime):
        value = value.isoformat()
    if isinstance(value, list | tuple):
        value = BETWEEN.join(map(_item, value))
    return '"' + str(value).replace('"', '""') + '"'


def _item(value: Any) -> str:
    if isinstance(value, str) and BETWEEN in value:
        raise ExportError(
            f"the list item {quoted(value)} holds a {BETWEEN}, which separates items in a CSV "
            "file: change it in the database, or choose another format"
        )
    return cell(value) if isinstance(value, bool) else str(value)


def _type(kind: str) -> str:
    plain = kind.removesuffix("[]")
    return _TYPES[plain] + kind[len(plain) :]


def _nodes(content: RunGraph, name: str) -> Iterator[str]:
    rows = [
        ((name, schema.RUN), content.run),
        *(((f"{name}:{h.name}", BETWEEN.join(map(word, h.labels))), h.properties)
          for h in content.heads.values()),
        *(((_role_id(role), schema.ROLE), {"name": role})
          for role in sorted({row.role for row in content.roles})),
    ]  # fmt: skip
    columns = columns_of([properties for _, properties in rows])
    yield header((":ID", ":LABEL"), columns)
    for fixed, properties in rows:
        yield line(fixed, properties, columns)


def _relationships(content: RunGraph, name: str) -> Iterator[str]:
    said = columns_of([row.properties for row in content.roles])
    both = {name: one_kind(name, {kind, said.get(name, kind)})
            for name, kind in content.columns.items()}  # fmt: skip
    columns = {**both, **{name: kind for name, kind in said.items() if name not in both}}
    ids = {place: f"{name}:{head.name}" for place, head in content.heads.items()}
    yield header((":START_ID", ":END_ID", ":TYPE"), columns)
    for head in ids.values():
        yield line((name, head, "HAS_HEAD"), {}, columns)
    for row in content.roles:
        fixed = (f"{name}:{row.head}", _role_id(row.role), "HAS_ROLE")
        yield line(fixed, row.properties, columns)
    for source, target, pairing, properties in content.edges():
        yield line((ids[source], ids[target], pairing), properties, columns)


def _role_id(role: str) -> str:
    return f"role:{role}"
