"""Removing runs: out of sight in one transaction, then out of the database in batches.

`drop` and `drop_all` are the public functions. Loads use the parts below them, for the run that
they replace and for earlier attempts that were cut off.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from headgraph.base.spelling import either
from headgraph.graphdb import schema
from headgraph.graphdb.connection.runner import Runner, Statement
from headgraph.graphdb.errors import NotReachable
from headgraph.loader._database import (
    LOCK,
    again,
    new_token,
    number,
    prepare,
    remove_unused_roles,
    roles_in,
    take_roles,
)
from headgraph.loader._disk_space import needed, refuse_without_room
from headgraph.loader._runs import Row, find_all, shown_name
from headgraph.loader.attempts import Attempt, unfinished
from headgraph.loader.errors import RUNS
from headgraph.loader.report import DropReport

BATCH = 20_000
"""Relationships deleted in a transaction; a large run in one would not fit the server's memory."""

# A run made by hand may lack its numbers; a run whose id is not a string cannot be dropped by name.
_RUNS = f"""
MATCH (r:{schema.RUN}) WHERE r.id = toStringOrNull(r.id)
RETURN r.id AS id, toStringOrNull(r.name) AS name, coalesce(toIntegerOrNull(r.heads), 0) AS heads,
       coalesce(toIntegerOrNull(r.edges), 0) AS edges, toStringOrNull(r.called) AS called
ORDER BY name, id
"""
_ENDING = f"(r:{schema.RUN} {{status: $dropping, ending: $token}})"
# With the token in their ids, they do not clash with what a drop of the same run left when it was
# cut off. The id changes before the label comes, because the label has a constraint.
_HIDE_HEADS = f"""
MATCH {_ENDING}-[:HAS_HEAD]->(h:{schema.HEAD})
REMOVE h:{schema.HEAD}, h.run SET h.id = $token + ':' + h.id SET h:{schema.LOADING_HEAD}
"""
# Every deletion locks the Run first. Deletions of one run then take turns, and none reaches the
# heads of a new attempt, because that attempt has set another status.
_HELD = f"MATCH (r:{schema.RUN} {{id: $id}}) {LOCK} WHERE r.status = $status AND "
_HELD += "($token IS NULL OR r.loader = $token)"
# Deleting a large run takes long, so each batch is a sign of life.
_AT_WORK = f"{_HELD} SET r.alive_at = datetime() WITH r"
_DELETE_EDGES = f"""
{_AT_WORK} MATCH (r)-[:HAS_HEAD]->()-[e]->() WITH e LIMIT $batch DELETE e
RETURN count(*) AS deleted
"""
_DELETE_HEADS = f"""
{_AT_WORK} MATCH (r)-[:HAS_HEAD]->(h) WITH h LIMIT $batch DETACH DELETE h
RETURN count(*) AS deleted
"""
_DELETE_RUN = f"{_HELD} DETACH DELETE r RETURN count(*) AS deleted"
# Takes an attempt only if it is as it was when it was listed: a loader that woke up goes on.
_TAKE = f"""
MATCH (r:{schema.RUN} {{id: $id}}) {LOCK}
WHERE r.status = $loading AND coalesce(toStringOrNull(r.loader), '') = $token
AND coalesce(toStringOrNull(r.alive_at), '') = $alive_at
SET r.status = $dropping, r.ending = $ending REMOVE r.loader
RETURN count(*) AS taken
"""


def drop(graph: Runner, run: str) -> DropReport:
    """Remove a run with its heads and edges, and the roles that no head of another run has.

    Args:
        graph: the database.
        run: its name or id. For an unfinished run, the first characters of the id (at least 4) are
            enough; `runs` lists them.

    Raises:
        UnknownRun: there is no such run, or several ids begin so.
        NotReachable: the connection was lost; the message says how to go on.
    """
    return drop_all(graph, [run])[0]


def drop_all(graph: Runner, runs: Iterable[str], *, dry_run: bool = False) -> list[DropReport]:
    """Remove several runs, one after the other.

    All names are looked up before the first run is removed, so a wrong name removes nothing.

    Args:
        graph: the database.
        runs: as for `drop`, and patterns with `*`, `?` and `[...]` for names of complete runs.
        dry_run: return what would be removed, and change nothing.

    Returns:
        A report for each run.

    Raises:
        UnknownRun: a name or pattern means no run.
        NotReachable: the connection was lost; the runs before the one in the message are removed.
        ServerError: the disk of the local server has too little room for the log of the deletion.
    """
    found = find_all(list(graph.read(_RUNS)), runs)
    nameless = any(row["name"] is None for row in found)
    whose = {attempt.id: attempt.whose for attempt in unfinished(graph)} if nameless else {}
    if not dry_run:
        heads, edges = (sum(row[name] for row in found) for name in ("heads", "edges"))
        refuse_without_room(graph, needed(heads, edges))
        for row in found:
            _drop(graph, row)
    return [
        DropReport(
            run=shown_name(row),
            id=row["id"],
            heads=row["heads"],
            edges=row["edges"],
            dry_run=dry_run,
            whose=whose.get(row["id"], ""),
        )
        for row in found
    ]


def _drop(graph: Runner, row: Row) -> None:
    try:
        _remove(graph, row["id"])
    except NotReachable as error:
        changes = either("load() or drop()", "load or drop")
        raise NotReachable(
            f"{error.message.marked}; when the database is back, see {RUNS}: while "
            f"{shown_name(row)} is listed, drop it again; the next {changes} removes "
            "a run with status dropping"
        ) from error


def _remove(graph: Runner, run_id: str) -> None:
    prepare(graph)
    old = f"MATCH (old:{schema.RUN} {{id: $id}})"
    roles = roles_in(graph)
    hidden = unpublish(old, {"id": run_id}, new_token(), roles)
    statements = [*hidden, remove_unused_roles(roles)]
    again(lambda: graph.write_all(statements))
    sweep(graph)


def unpublish(old: str, params: Mapping[str, Any], token: str, roles: list[str]) -> list[Statement]:
    """Statements that take a run out of sight, for one transaction.

    Args:
        old: clauses that bind `old` to the Run.
        params: their parameters.
        token: marks the run of this transaction among others that are being dropped.
        roles: names of all roles in the database.
    """
    first = (
        f"{old} SET old.status = $dropping, old.ending = $token, "
        "old.called = coalesce(old.name, old.called) REMOVE old.name, old.loader"
    )
    ending = {"dropping": schema.DROPPING, "token": token}
    return [
        (first, {**params, **ending}),
        *take_roles(_ENDING, ending, roles),
        (_HIDE_HEADS, ending),
    ]


def delete_heads(graph: Runner, run_id: str, status: str, token: str | None = None) -> None:
    """Delete heads and edges of a run that is out of sight, while it has this status and token."""
    params = {"id": run_id, "status": status, "token": token, "batch": BATCH}
    for statement in (_DELETE_EDGES, _DELETE_HEADS):
        while number(again(lambda statement=statement: graph.write(statement, params))):  # type: ignore[misc]
            pass


def delete_run(graph: Runner, run_id: str, status: str, token: str | None = None) -> None:
    """Delete the Run node, while it has this status and token."""
    graph.write(_DELETE_RUN, {"id": run_id, "status": status, "token": token})


def sweep(graph: Runner) -> None:
    """Delete every run that is out of sight, including those of commands that were cut off."""
    query = f"MATCH (r:{schema.RUN}) WHERE r.status = $status RETURN r.id AS id ORDER BY id"
    for row in graph.read(query, {"status": schema.DROPPING}):
        delete_heads(graph, row["id"], schema.DROPPING)
        delete_run(graph, row["id"], schema.DROPPING)


def remove(graph: Runner, attempts: Iterable[Attempt]) -> list[Attempt]:
    """Delete what attempts left; skip those that went on since they were listed.

    Returns:
        The attempts that were removed.
    """
    taken = [attempt for attempt in attempts if _take(graph, attempt)]
    sweep(graph)
    return taken


def _take(graph: Runner, attempt: Attempt) -> bool:
    if attempt.status == schema.DROPPING:
        return True
    params = {
        "id": attempt.id,
        "token": attempt.token or "",
        "alive_at": attempt.alive_at or "",
        "ending": new_token(),
        "loading": schema.LOADING,
        "dropping": schema.DROPPING,
    }
    return number(again(lambda: graph.write(_TAKE, params))) > 0
