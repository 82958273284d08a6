"""Removing a run: out of sight first, then out of the database."""

from typing import Any

from graphdb import schema
from graphdb.errors import NotReachable
from graphdb.graph import Runner
from loader._database import again, prepare, roles_in
from loader._identity import SHORT, new_token, unknown_run
from loader._roles import REMOVE_UNUSED_ROLES
from loader._unpublish import sweep, unpublish
from loader.errors import UnknownRun
from loader.report import DropReport

_RUNS = f"""
MATCH (r:{schema.RUN})
RETURN r.id AS id, r.name AS name, r.heads AS heads, r.edges AS edges ORDER BY name, id
"""
_LEAST = 4  # characters of an id: fewer would find something by accident


def drop(graph: Runner, run: str) -> DropReport:
    """Remove a run with its heads and edges, and roles that no other run's heads have.

    Args:
        graph: the database.
        run: its name; or, for one that is unfinished, its id or the first characters of it (at
            least 4), as `runs` lists it.

    Raises:
        UnknownRun: there is none, or several ids begin so.
        NotReachable: the server went away; the message says how to go on.
    """
    found = _find(list(graph.read(_RUNS)), run)
    try:
        _remove(graph, found["id"])
    except NotReachable as error:
        raise NotReachable(
            f"{error}; when the database is back, see headgraph runs: while {_shown(found)} is "
            "listed, drop it again, and what is listed as dropping goes with the next load or drop"
        ) from error
    return DropReport(
        run=_shown(found),
        id=found["id"],
        heads=found["heads"],
        edges=found["edges"],
    )


def _remove(graph: Runner, run_id: str) -> None:
    prepare(graph)
    old = f"MATCH (old:{schema.RUN} {{id: $id}})"
    params = {"id": run_id}
    statements = [*unpublish(old, params, new_token(), roles_in(graph)), REMOVE_UNUSED_ROLES]
    again(lambda: graph.write_all(statements))
    sweep(graph)


def _find(rows: list[dict[str, Any]], run: str) -> dict[str, Any]:
    for row in rows:
        if row["name"] == run:
            return row
    unfinished = [row for row in rows if row["name"] is None]
    matches = [row for row in unfinished if len(run) >= _LEAST and row["id"].startswith(run)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise UnknownRun(
            f"{len(matches)} unfinished runs begin with {run}: give more of the id, "
            f"{' or '.join(row['id'][:24] for row in matches)}"
        )
    raise UnknownRun(unknown_run(run, [_shown(row) for row in rows]))


def _shown(row: dict[str, Any]) -> str:
    return str(row["name"] or row["id"][:SHORT])
