"""Removing runs: out of sight first, then out of the database."""

from collections.abc import Iterable

from headgraph.graphdb import schema
from headgraph.graphdb.errors import NotReachable
from headgraph.graphdb.runner import Runner
from headgraph.loader._database import again, prepare, roles_in
from headgraph.loader._identity import new_token
from headgraph.loader._removal import sweep, unpublish
from headgraph.loader._roles import remove_unused_roles
from headgraph.loader._run_names import Row, meant, shown
from headgraph.loader._space import needed_to_drop, refuse_without_room
from headgraph.loader.attempts import unfinished
from headgraph.loader.report import DropReport

# a run that somebody made by hand may not say how many it has
_RUNS = f"""
MATCH (r:{schema.RUN}) WHERE r.id IS NOT NULL
RETURN r.id AS id, r.name AS name, coalesce(r.heads, 0) AS heads, coalesce(r.edges, 0) AS edges,
       r.called AS called
ORDER BY name, id
"""


def drop(graph: Runner, run: str) -> DropReport:
    """Remove a run with its heads and edges, and roles that no other run's heads have.

    Args:
        graph: the database.
        run: its name, or its id; for one that is unfinished the first characters of the id will
            do (at least 4), as `runs` lists it.

    Raises:
        UnknownRun: there is none, or several ids begin so.
        NotReachable: the server went away; the message says how to go on.
    """
    return drop_all(graph, [run])[0]


def drop_all(graph: Runner, runs: Iterable[str], *, dry_run: bool = False) -> list[DropReport]:
    """Remove several runs, one after the other.

    All of them are looked up before the first is touched, so a wrong name removes nothing.

    Args:
        graph: the database.
        runs: what `drop` takes, and patterns with `*`, `?` and `[...]` for names of complete runs.
        dry_run: say what would go, and change nothing.

    Returns:
        What was removed, each once.

    Raises:
        UnknownRun: one of them means no run.
        NotReachable: the server went away; runs before the one that is named are gone.
        ServerError: the database is the local server, whose disk has too little room for the log
            of the deletion.
    """
    found = meant(list(graph.read(_RUNS)), runs)
    nameless = any(row["name"] is None for row in found)
    whose = {attempt.id: attempt.whose for attempt in unfinished(graph)} if nameless else {}
    if not dry_run:
        refuse_without_room(graph, needed_to_drop(found))
        for row in found:
            _drop(graph, row)
    return [
        DropReport(
            run=shown(row),
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
        raise NotReachable(
            f"{error.message.both}; when the database is back, see headgraph runs: while "
            f"{shown(row)} is listed, drop it again, and what is listed as dropping goes with the "
            "next load or drop"
        ) from error


def _remove(graph: Runner, run_id: str) -> None:
    prepare(graph)
    old = f"MATCH (old:{schema.RUN} {{id: $id}})"
    roles = roles_in(graph)
    taken = unpublish(old, {"id": run_id}, new_token(), roles)
    statements = [*taken, remove_unused_roles(roles)]
    again(lambda: graph.write_all(statements))
    sweep(graph)
