"""Taking runs away: out of sight in one transaction, then out of the database in batches."""

from collections.abc import Mapping
from typing import Any

from headgraph.graphdb import schema
from headgraph.graphdb.runner import Runner, Statement
from headgraph.loader._database import LOCK, again, number
from headgraph.loader._roles import take_roles

BATCH = 20_000
"""Relationships deleted in a transaction; a large run in one would not fit the server's memory."""

_ENDING = f"(r:{schema.RUN} {{status: $dropping, ending: $token}})"
_HIDE_HEADS = f"""
MATCH {_ENDING}-[:HAS_HEAD]->(h:{schema.HEAD})
SET h:{schema.LOADING_HEAD} REMOVE h:{schema.HEAD}, h.run
"""

# Every deletion locks the Run first: deletions of one run take turns, and none meets the heads of a
# new attempt, which has put another status there.
_HELD = f"MATCH (r:{schema.RUN} {{id: $id}}) {LOCK} WHERE r.status = $status AND "
_HELD += "($token IS NULL OR r.loader = $token)"
# It takes a while where much is left, so each says that the command goes on.
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


def unpublish(old: str, params: Mapping[str, Any], token: str, roles: list[str]) -> list[Statement]:
    """Statements that take a run out of sight; to be run in one transaction.

    Args:
        old: clauses that bind `old` to the Run.
        params: their parameters.
        token: tells this transaction's run from others that are being dropped.
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
    """Delete heads and edges of a run that nobody sees, while it has this status (and token)."""
    params = {"id": run_id, "status": status, "token": token, "batch": BATCH}
    for statement in (_DELETE_EDGES, _DELETE_HEADS):
        while number(again(lambda statement=statement: graph.write(statement, params))):  # type: ignore[misc]
            pass


def delete_run(graph: Runner, run_id: str, status: str, token: str | None = None) -> None:
    """Delete the Run node, while it has this status (and token)."""
    graph.write(_DELETE_RUN, {"id": run_id, "status": status, "token": token})


def sweep(graph: Runner) -> None:
    """Delete every run that was unpublished, now or by a command that was cut off."""
    query = f"MATCH (r:{schema.RUN}) WHERE r.status = $status RETURN r.id AS id ORDER BY id"
    for row in graph.read(query, {"status": schema.DROPPING}):
        delete_heads(graph, row["id"], schema.DROPPING)
        delete_run(graph, row["id"], schema.DROPPING)
