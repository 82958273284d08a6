"""What the graph has under a name: the outcome of a load under it, and the labels that it keeps."""

from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from headgraph.base.spelling import Message, argument
from headgraph.base.text import short
from headgraph.graphdb import schema
from headgraph.graphdb.connection.runner import Runner
from headgraph.loader._database import number
from headgraph.loader.errors import NameTaken, drop_call
from headgraph.loader.loading.plan import LoadPlan
from headgraph.pk_engine.labels import COLUMNS

HOLDS_RUNS = f"MATCH (r:{schema.RUN}) RETURN count(r) AS runs"
_SAME_NAME = f"""
MATCH (r:{schema.RUN}) WHERE toLower(toStringOrNull(r.name)) = toLower($name)
RETURN r.name AS name, r.id AS id, coalesce(toIntegerOrNull(r.edges), 0) AS edges,
       coalesce(r.selection, 'of no known selection') AS selection,
       r.labels_sha256 AS labels, r.label_source AS label_source,
       coalesce(toIntegerOrNull(r.graph_version), 1) AS version
ORDER BY name
"""
_RUN = f"""
MATCH (r:{schema.RUN} {{name: $name}})
RETURN r.fingerprint AS fingerprint, r.label_source AS source
"""
_LABELS = f"""
MATCH (:{schema.RUN} {{name: $name}})-[:HAS_HEAD]->(h)-[has:HAS_ROLE]->(role:{schema.ROLE})
WHERE coalesce(has.circuit, '') <> '{schema.DERIVED_CIRCUIT}'
RETURN h.layer AS layer, h.head AS head, role.name AS role, coalesce(has.circuit, '') AS circuit,
       coalesce(has.source, '') AS source, coalesce(has.note, '') AS note
"""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a load does to the graph.

    Attributes:
        kind: see `LoadReport.outcome`.
        replaced: the run that is replaced, in words; empty if there is none.
        notes: effects that the caller may not expect.
    """

    kind: str
    replaced: str = ""
    notes: tuple[Message, ...] = ()


def outcome(graph: Runner, plan: LoadPlan, *, replace: bool) -> Outcome:
    """What this load would do to the graph as it is.

    Raises:
        NameTaken: another run has the name, or a name that differs from it by case alone.
    """
    rows = list(graph.read(_SAME_NAME, {"name": plan.name}))
    there = next((row for row in rows if row["name"] == plan.name), None)
    if there is None and rows:
        raise _differs_by_case(plan.name, str(rows[0]["name"]))
    if there is None:
        return new_run(plan, replace=replace)
    if there["id"] == plan.id:
        return _same_run(plan, there, replace=replace)
    if not replace:
        raise name_taken(plan.name)
    return Outcome(kind="replaced", replaced=f"{there['edges']:,} edges ({there['selection']})")


def new_run(plan: LoadPlan, *, replace: bool) -> Outcome:
    """What a load does where nothing has its name."""
    option = argument("replace", True)
    note = Message(f"{option} had nothing to replace: there was no run {plan.name}")
    return Outcome(kind="loaded", notes=(note,) if replace else ())


def holds_runs(graph: Runner) -> bool:
    """Whether the database has runs, finished or not. Neo4j answers this from its counts."""
    return number(graph.read(HOLDS_RUNS)) > 0


def _same_run(plan: LoadPlan, there: dict[str, Any], *, replace: bool) -> Outcome:
    older = _older(plan.name, there["version"])
    if there["labels"] == plan.labels_sha256:
        return Outcome(kind="unchanged", notes=older)
    if plan.labels_given or replace:
        return Outcome(kind="relabelled", notes=older)
    source = there["label_source"]
    kept = {"none": "stays without labels", "bundled": "keeps the bundled labels it has"}
    note = Message(
        f"{plan.name} {kept.get(source, f'keeps its labels from {short(source)}')}: "
        f"{argument('labels', 'FILE')} sets other labels; {argument('replace', True)} sets "
        "the bundled labels"
    )
    return Outcome(kind="unchanged", notes=(note, *older))


def _older(run: str, version: int) -> tuple[Message, ...]:
    """A sentence if the run was written with an older version of the graph."""
    if version >= schema.VERSION:
        return ()
    return (
        Message(
            f"{run} was loaded with version {version} of the graph, and this headgraph writes "
            f"version {schema.VERSION}: {drop_call(run)} and the same load again bring what is new"
        ),
    )


def name_taken(name: str) -> NameTaken:
    """The error for a name under which something else is loaded."""
    return NameTaken(
        f"the run {name} is there already, from another table or selection: give another name "
        f"with {argument('run', 'NAME')}, or {argument('replace', True)} to put this one in its "
        "place"
    )


def _differs_by_case(name: str, there: str) -> NameTaken:
    return NameTaken(
        f"the run {there} is there already, and {name} differs from it by case alone: give "
        f"{argument('run', there)} if that is meant, or a name that differs more"
    )


def with_labels_there(graph: Runner, plan: LoadPlan) -> LoadPlan:
    """The plan with the labels of the run that it replaces, if these are not the bundled ones.

    Labels are kept only if the caller chose none, and only for the same weights, because the heads
    of another model have other roles.
    """
    there = next(iter(graph.read(_RUN, {"name": plan.name})), None)
    same = there is not None and there["fingerprint"] == plan.table.meta.fingerprint
    if plan.labels_given or there is None or not same or there["source"] == "bundled":
        return plan
    rows = [dict(row) for row in graph.read(_LABELS, {"name": plan.name})]
    labels = pd.DataFrame(rows, columns=list(COLUMNS)).sort_values(list(COLUMNS), ignore_index=True)
    source = str(there["source"])
    if labels.equals(plan.labels):
        return plan
    what = "stays without labels" if source == "none" else f"keeps its labels from {short(source)}"
    note = Message(f"{plan.name} {what}: {argument('labels', 'FILE')} sets other labels")
    return replace(plan, labels=labels, label_source=source, notes=(*plan.notes, note))
