"""Names in a statement that the database does not have: usually misspelt, so no rows match."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from headgraph.base.text import did_you_mean, quoted, short
from headgraph.graphdb.connection.limits import Deadline
from headgraph.graphdb.connection.runner import Runner
from headgraph.graphdb.results.result import Plan
from headgraph.graphdb.schema import NAMED
from headgraph.queries.statements.tokens import tokens

_UNKNOWN = re.compile(r"The (label|relationship type|property) `(.+)` does not exist")
_NAMES = {
    "label": "CALL db.labels() YIELD label RETURN collect(label)",
    "relationship type": (
        "CALL db.relationshipTypes() YIELD relationshipType RETURN collect(relationshipType)"
    ),
    "property": "CALL db.propertyKeys() YIELD propertyKey RETURN collect(propertyKey)",
}
RUNS = f"MATCH (r:Run) WHERE {NAMED} RETURN r.name AS name ORDER BY name"


def hints(
    text: str, params: Mapping[str, Any], plan: Plan, graph: Runner, deadline: Deadline
) -> Iterator[str]:
    """A line for each name in a statement that the database does not have.

    EXPLAIN warns about unknown labels, types and properties. Runs are looked up here, because to
    the server the name of a run is any text.
    """
    for remark in plan.unknown:
        if found := _UNKNOWN.search(remark):
            kind, name = found.groups()
            known = graph.read(_NAMES[kind], timeout=deadline.left()).single()
            yield f"the database has no {kind} {short(name)}{did_you_mean(name, known)}"
        else:
            yield remark
    if asked := list(dict.fromkeys(_runs(text, params))):
        known = [row["name"] for row in graph.read(RUNS, timeout=deadline.left())]
        for name in asked:
            if name not in known:
                yield f"the database has no run {quoted(name)}{did_you_mean(name, known)}"


def _runs(text: str, params: Mapping[str, Any]) -> Iterator[str]:
    """Values that a statement compares the property `run` with, where each is one string."""
    pieces = tokens(text)
    for name, sign, value in zip(pieces, pieces[1:], pieces[2:], strict=False):
        if name.is_name and name.text == "run" and (sign.is_sign(":") or sign.is_sign("=")):
            found = params.get(value.text) if value.kind == "parameter" else value.text[1:-1]
            if isinstance(found, str) and value.kind in ("string", "parameter"):
                yield found
