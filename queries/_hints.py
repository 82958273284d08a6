"""Names in a statement that the database does not have: usually a slip, and then no rows."""

import re
from collections.abc import Iterator

from graphdb.near import did_you_mean
from graphdb.result import Plan
from graphdb.runner import Runner

_UNKNOWN = re.compile(r"The (label|relationship type|property) `(.+)` does not exist")
_NAMES = {
    "label": "CALL db.labels() YIELD label RETURN collect(label)",
    "relationship type": (
        "CALL db.relationshipTypes() YIELD relationshipType RETURN collect(relationshipType)"
    ),
    "property": "CALL db.propertyKeys() YIELD propertyKey RETURN collect(propertyKey)",
}


def hints(plan: Plan, graph: Runner) -> Iterator[str]:
    """A line for each name that the server did not know when it explained a statement."""
    for remark in plan.unknown:
        if found := _UNKNOWN.search(remark):
            kind, name = found.groups()
            known = graph.read(_NAMES[kind]).single()
            yield f"the database has no {kind} {name}{did_you_mean(name, known)}"
        else:
            yield remark
