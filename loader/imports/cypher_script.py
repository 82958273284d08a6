"""An exported Cypher script, read as data.

Nothing of the script is run: each statement must be one that `exports.cypher` writes, in its order,
and only the literals in it are taken.
"""

import re
from collections.abc import Iterable
from itertools import repeat

from headgraph.base.text import quoted
from headgraph.graphdb import schema
from headgraph.loader.exports.cypher import MARK, literal
from headgraph.loader.imports.document import Document, NamedEdge, refuse
from headgraph.loader.imports.literals import Cursor

_SCHEMA = re.compile(
    r"CREATE (CONSTRAINT|INDEX) headgraph_[a-z0-9_]+ IF NOT EXISTS "
    r"FOR [A-Za-z()\[\]:-]+ (REQUIRE [a-z.]+ IS UNIQUE|ON \([a-z_., ]+\))"
)
_COMMENT = re.compile(r"(//[^\n]*\n)*")
_CREATED = f"MERGE (r:{schema.RUN} {{id: "
_UNPUBLISHED = f"MATCH (r:{schema.RUN} {{id: "
_END = ";\n"


def read(text: str, source: str) -> Document:
    """The run that a script would make.

    Raises:
        UnreadableExport: a statement is not one that an export has at this place.
    """
    statements = text.split(_END)
    if statements.pop() != "":
        refuse(source, "does not end with a semicolon and a line break, so it is cut off")
    statements[:1] = [_COMMENT.sub("", first, count=1) for first in statements[:1]]
    return _Script(statements, source).read()


class _Script:
    def __init__(self, statements: list[str], source: str) -> None:
        self.statements, self.number = statements, 0
        self.document = Document(source=source)
        self.counts = (-1, -1)

    def read(self) -> Document:
        while _SCHEMA.fullmatch(self._now()):
            self.number += 1
        self._run(self._cursor())
        marked = f"{_UNPUBLISHED}{self._id()}, loader: {literal(MARK)}}})"
        while self._now().startswith(f"{marked} UNWIND "):
            self._heads(self._cursor(), marked)
        while self._now().startswith("WITH "):
            self._edges(self._cursor())
        self._publication(self._cursor(), marked)
        self._last(self._cursor())
        if self.number < len(self.statements):
            self._cursor().fail("the end of the file")
        self._check_counts()
        return self.document

    def _now(self) -> str:
        there = self.number < len(self.statements)
        return self.statements[self.number] if there else ""

    def _cursor(self) -> Cursor:
        cursor = Cursor(self._now(), self.document.source, self.number + 1)
        self.number += 1
        return cursor

    def _id(self) -> str:
        return literal(self.document.run["id"])

    def _name(self) -> str:
        return literal(self.document.run["name"])

    def _run(self, at: Cursor) -> None:
        at.expect(_CREATED)
        run_id = at.string()
        at.expect("}) ON CREATE SET r += ")
        own = at.value()
        if not isinstance(own, dict):
            at.fail("the properties of the run")
        at.expect(
            f", r.status = {literal(schema.LOADING)}, r.loader = {literal(MARK)}, "
            "r.started_at = datetime(), r.called = "
        )
        name = at.string()
        at.end()
        self.document.run = {**own, "id": run_id, "name": name, "status": schema.COMPLETE}

    def _heads(self, at: Cursor, marked: str) -> None:
        at.expect(f"{marked} UNWIND ")
        rows = at.value()
        at.expect(
            f" AS head MERGE (h:{schema.LOADING_HEAD} {{id: head.id}}) SET h += head "
            "MERGE (r)-[:HAS_HEAD]->(h)"
        )
        at.end()
        for row in rows if isinstance(rows, list) else []:
            if not isinstance(row, dict):
                at.fail("a list of heads")
            self.document.heads.append(([schema.HEAD], {**row, "run": self.document.run["name"]}))

    def _edges(self, at: Cursor) -> None:
        at.expect("WITH ", literal(f"{self.document.run['id']}:"), " AS run")
        columns: dict[str, list[object]] = {}
        while at.skip(",\n"):
            column = at.column()
            at.expect(" AS ", name := _column_name(len(columns)))
            columns[name] = column
        sizes = {len(column) for column in columns.values()}
        if len(columns) < 2 or len(sizes) > 1:
            at.fail("lists of one length")
        size = sizes.pop()
        at.expect(f"\nUNWIND range(0, {size - 1}) AS i\n")
        for variable, end in (("a", "source"), ("b", "target")):
            at.expect(
                f"MATCH ({variable}:{schema.LOADING_HEAD} {{id: run + {end}[i]}})",
                " " * (end == "source"),
            )
        at.expect(" MERGE (a)-[e:")
        pairing = at.name()
        at.expect("]->(b) SET e += {")
        names = []
        for number in range(len(columns) - 2):
            at.expect(*[", "] * (number > 0))
            names.append(at.name())
            at.expect(f": c{number}[i]")
        at.expect("}")
        at.end()
        source, target, *values = columns.values()
        self._add(source, target, pairing, names, zip(*values, strict=True) if values else None)

    def _add(
        self,
        source: list[object],
        target: list[object],
        pairing: str,
        names: list[str],
        rows: Iterable[tuple[object, ...]] | None,
    ) -> None:
        every = repeat((), len(source)) if rows is None else rows
        for a, b, row in zip(source, target, every, strict=True):
            there = {n: v for n, v in zip(names, row, strict=True) if v is not None}
            self.document.edges.append(NamedEdge(str(a), str(b), pairing, there))

    def _publication(self, at: Cursor, marked: str) -> None:
        at.expect(
            f"{marked}-[:HAS_HEAD]->(h:{schema.LOADING_HEAD})\n"
            "WITH r, collect(h) AS heads WHERE size(heads) = "
        )
        heads = at.whole()
        at.expect(
            f" AND COUNT {{ (r)-[:HAS_HEAD]->(:{schema.LOADING_HEAD})-->(:{schema.LOADING_HEAD}) "
            "} = "
        )
        self.counts = (heads, at.whole())
        at.expect(
            f"\nSET r.name = {self._name()}, r.status = {literal(schema.COMPLETE)}, "
            "r.loaded_at = datetime() REMOVE r.loader, r.called\n"
            f"FOREACH (h IN heads | SET h:{schema.HEAD}, h.run = {self._name()} "
            f"REMOVE h:{schema.LOADING_HEAD})"
        )
        while at.skip("\nFOREACH (h IN [h IN heads WHERE h.name IN "):
            self._label(at)
        if at.skip("\nFOREACH (row IN "):
            self._roles(at)
        at.end()

    def _label(self, at: Cursor) -> None:
        names = at.value()
        at.expect("] | SET h:")
        label = at.name()
        at.expect(")")
        if not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
            at.fail("a list of names")
        those = set(names)
        for labels, properties in self.document.heads:
            if str(properties.get("name")) in those:
                labels.append(label)

    def _roles(self, at: Cursor) -> None:
        rows = at.value()
        at.expect(
            f" | MERGE (role:{schema.ROLE} {{name: row[1]}}) "
            "FOREACH (h IN [h IN heads WHERE h.name = row[0]] | "
            "CREATE (h)-[has:HAS_ROLE]->(role) SET has = row[2]))"
        )
        for row in rows if isinstance(rows, list) else [rows]:
            if not (isinstance(row, list) and [type(it) for it in row] == [str, str, dict]):
                at.fail(f"a list of roles instead of {quoted(row)}")
            self.document.roles.append((row[0], row[1], row[2]))

    def _last(self, at: Cursor) -> None:
        at.expect(
            f"{_UNPUBLISHED}{self._id()}}}) "
            "RETURN r.name AS run, r.status AS status, r.heads AS heads, r.edges AS edges"
        )
        at.end()

    def _check_counts(self) -> None:
        found = (len(self.document.heads), len(self.document.edges))
        if found != self.counts:
            refuse(
                self.document.source,
                f"has {found[0]:,} heads and {found[1]:,} edges, but its last statements count "
                f"{self.counts[0]:,} and {self.counts[1]:,}",
            )


def _column_name(number: int) -> str:
    return ("source", "target")[number] if number < 2 else f"c{number - 2}"
