"""Names in a question that must exist in the database.

They are looked up before the query runs, because a wrong name would give an empty table.
"""

from collections.abc import Callable, Mapping
from typing import Any

from headgraph.base.spelling import either
from headgraph.base.text import did_you_mean, listed, quoted
from headgraph.graphdb import schema
from headgraph.graphdb.connection.runner import Runner
from headgraph.graphdb.properties import HAS_ROLE, checked_values
from headgraph.graphdb.schema import BEHAVIOURS
from headgraph.queries.answers.runs import (
    Runs,
    check_copying,
    check_even,
    check_runs,
    check_shapes,
    check_sums,
)
from headgraph.queries.errors import UnknownHead, UnknownName
from headgraph.queries.stored_queries.query import Query

_HAS_HEADS = "UNWIND $names AS name MATCH (h:Head {run: $run, name: name}) RETURN DISTINCT name"
_HEADS = "MATCH (h:Head {run: $run}) RETURN h.name AS name ORDER BY h.layer, h.head"
# a plan from the roles would read the heads of every run; this list holds the run's heads alone
_ROLE_OF = """
MATCH (h:Head {run: $run})
WITH collect(h) AS heads
UNWIND heads AS h
MATCH (h)-[has:HAS_ROLE]->(r)
"""
_ROLE = f"{_ROLE_OF} RETURN DISTINCT r.name AS name"
_ROLES = f"{_ROLE} ORDER BY name"
_CIRCUITS = f"""
{_ROLE_OF} WHERE has.circuit IS NOT NULL
RETURN DISTINCT has.circuit AS name ORDER BY name
"""
_OF = {_HEADS: (schema.HEAD, "name"), _CIRCUITS: (HAS_ROLE, "circuit")}
"""The property whose values a statement returns; roles for all others."""
_KINDS = f"""
CALL () {{ {_ROLE} UNION UNWIND {list(BEHAVIOURS)} AS name RETURN name }}
RETURN name ORDER BY name
"""

NAMED = {"circuit": _CIRCUITS, "head": _HEADS, "kind": _KINDS, "role": _ROLES}
"""Statements by type of parameter: each takes `$run` and returns the run's names as `name`."""


def check_names(query: Query, given: Mapping[str, Any], graph: Runner, runs: Runs) -> None:
    """Look up the names in the given values.

    Defaults are not looked up, since a run need not have every pairing that counts by default. A
    default circuit is looked up: an empty answer would otherwise look like a finding.

    Raises:
        UnknownName: the run, or the database, does not have a name.
        QueryError: two runs are given, and their models differ in shape.
        OlderRun: a run lacks the sums or the scores of heads that the query reads.
    """
    given = {
        name: param.default
        for name, param in query.params.items()
        if param.type == "circuit" and param.default is not None
    } | dict(given)
    kinds = {name: query.params[name].type.removeprefix("list of ") for name in given}
    wanted = {
        name: value if isinstance(value, list) else [value]
        for name, value in given.items()
        if value is not None
    }
    for name, names in wanted.items():
        if kinds[name] == "run":
            check_runs(names, runs)
    runs_given = [key for key in query.params if key in wanted and kinds[key] == "run"]
    compared = [name for key in runs_given for name in wanted[key]]
    check_sums(query, compared, runs)
    check_copying(query, compared, graph)
    check_even(query, compared, graph)
    if len(compared) > 1:
        check_shapes(compared, graph)
    if (run := given.get("run")) is None:
        return
    for name, names in wanted.items():
        if check := _CHECKS.get(kinds[name]):
            check(names, run, graph, runs)


def _check_heads(names: list[str], run: str, graph: Runner, runs: Runs) -> None:
    found = {row["name"] for row in graph.read(_HAS_HEADS, {"run": run, "names": names})}
    for name in names:
        if name not in found:
            heads = _there(_HEADS, run, graph)
            there = f"its heads are {heads[0]} to {heads[-1]}" if heads else "it has no heads"
            raise UnknownHead(
                f"run {quoted(run)} has no head {name}{did_you_mean(name, heads, n=1)}: {there}"
            )


def _check_roles(names: list[str], run: str, graph: Runner, runs: Runs) -> None:
    roles = _there(_ROLES, run, graph)
    there = f"it has {listed(roles, 30)}" if roles else "none of its heads has a known role"
    _check(names, roles, f"no head of run {quoted(run)} has the role {{name}}", there)


def _check_kinds(names: list[str], run: str, graph: Runner, runs: Runs) -> None:
    kinds = _there(_KINDS, run, graph)
    what = f"{{name}} is no role of a head of run {quoted(run)} and no measured behaviour"
    _check(names, kinds, what, f"there are {listed(kinds, 30)}")


def _check_circuits(names: list[str], run: str, graph: Runner, runs: Runs) -> None:
    circuits = _there(_CIRCUITS, run, graph)
    there = f"it has {listed(circuits)}" if circuits else "no circuit of its model is known"
    _check(names, circuits, f"no head of run {quoted(run)} is in the circuit {{name}}", there)


def _there(statement: str, run: str, graph: Runner) -> list[str]:
    names = [row["name"] for row in graph.read(statement, {"run": run})]
    element, name = _OF.get(statement, (schema.ROLE, "name"))
    return checked_values(element, name, names, run, f"a {element}")


def _check(names: list[str], known: list[str], what: str, there: str) -> None:
    """Raise UnknownName for the first of the names that is not known."""
    for name in names:
        if name not in known:
            said = what.replace("{name}", quoted(name))
            raise UnknownName(f"{said}{did_you_mean(name, known)}: {there}")


def _check_pairings(names: list[str], run: str, graph: Runner, runs: Runs) -> None:
    there = runs[run].pairings
    compute = either("compute(MODEL, pairings='all')", "headgraph compute --pairings")
    for name in names:
        if there and name not in there:
            raise UnknownName(
                f"run {quoted(run)} has no {name} edges: it has {listed(there, 16)}, and others "
                f"come with {compute}"
            )


_CHECKS: dict[str, Callable[[list[str], str, Runner, Runs], None]] = {
    "circuit": _check_circuits,
    "head": _check_heads,
    "kind": _check_kinds,
    "role": _check_roles,
    "pairing": _check_pairings,
}
