"""What is in the graph under a name, and what a load under it amounts to."""

from dataclasses import dataclass
from typing import Any

from headgraph.graphdb import schema
from headgraph.graphdb.runner import Runner
from headgraph.loader._attempt import name_taken
from headgraph.loader._plan import LoadPlan
from headgraph.loader.errors import NameTaken

_QUERY = f"""
MATCH (r:{schema.RUN}) WHERE toLower(r.name) = toLower($name)
RETURN r.name AS name, r.id AS id, coalesce(r.edges, 0) AS edges,
       coalesce(r.selection, 'of no known selection') AS selection,
       r.labels_sha256 AS labels, r.label_source AS label_source
ORDER BY name
"""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a load comes to.

    Attributes:
        kind: see `LoadReport.outcome`.
        replaced: the run that goes, in words; empty where none does.
        notes: what the one who asked may not expect.
    """

    kind: str
    replaced: str = ""
    notes: tuple[str, ...] = ()


def outcome(graph: Runner, plan: LoadPlan, *, replace: bool) -> Outcome:
    """What this load amounts to in the graph as it is.

    Raises:
        NameTaken: another run has the name, or one that differs from it by case alone.
    """
    rows = list(graph.read(_QUERY, {"name": plan.name}))
    there = next((row for row in rows if row["name"] == plan.name), None)
    if there is None and rows:
        raise _differs_by_case(plan.name, str(rows[0]["name"]))
    if there is None:
        note = f"--replace had nothing to replace: there was no run {plan.name}"
        return Outcome(kind="loaded", notes=(note,) if replace else ())
    if there["id"] == plan.id:
        return _same_run(plan, there, replace=replace)
    if not replace:
        raise name_taken(plan.name)
    return Outcome(kind="replaced", replaced=f"{there['edges']:,} edges ({there['selection']})")


def _same_run(plan: LoadPlan, there: dict[str, Any], *, replace: bool) -> Outcome:
    if there["labels"] == plan.labels_sha256:
        return Outcome(kind="unchanged")
    if plan.labels_asked or replace:
        return Outcome(kind="relabelled")
    source = there["label_source"]
    kept = {"none": "stays without labels", "bundled": "keeps the bundled labels it has"}
    note = (
        f"{plan.name} {kept.get(source, f'keeps its labels from {source}')}: --labels FILE gives "
        "it other ones, and --replace those that come with headgraph"
    )
    return Outcome(kind="unchanged", notes=(note,))


def _differs_by_case(name: str, there: str) -> NameTaken:
    return NameTaken(
        f"the run {there} is there already, and {name} differs from it by case alone: give --run "
        f"{there} if that is meant, or a name that differs more"
    )
