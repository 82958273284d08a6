"""Unfinished runs: whose attempt each one is, and whether its loader still runs."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headgraph.base.documents import parse_json
from headgraph.base.errors import UnreadableFile
from headgraph.base.text import printable
from headgraph.graphdb import schema
from headgraph.graphdb.runner import Runner
from headgraph.loader._database import LOCK, again, number
from headgraph.loader._identity import SHORT, new_token
from headgraph.loader._liveness import is_alive, own_process
from headgraph.loader._removal import sweep

# what somebody made by hand may hold anything, and a time of another type is no time
_QUERY = f"""
MATCH (r:{schema.RUN}) WHERE r.name IS NULL AND r.id IS NOT NULL
AND r.status IN [$loading, $dropping]
RETURN r.id AS id, r.status AS status, r.called AS called, r.loader AS token,
       r.loader_process AS process, toStringOrNull(r.started_at) AS began,
       toStringOrNull(r.alive_at) AS alive_at, toString(datetime()) AS now
ORDER BY id
"""
# only what is as it was when it was looked at: a loader that woke up goes on
_TAKE = f"""
MATCH (r:{schema.RUN} {{id: $id}}) {LOCK}
WHERE r.status = $loading AND coalesce(r.loader, '') = $token
AND coalesce(toStringOrNull(r.alive_at), '') = $alive_at
SET r.status = $dropping, r.ending = $ending REMOVE r.loader
RETURN count(*) AS taken
"""
_STATES = {
    True: "seems to be at work",
    False: "seems to have ended",
    None: "may be at work or not",
}


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """A run without a name: a load that goes on or was cut off, or what a drop left.

    Attributes:
        id: of the run.
        status: `loading` or `dropping`.
        called: the name it is to get, or had; None where nothing tells.
        began: when the load began, as the database writes it.
        process: the loader's number and machine; empty where nothing tells.
        alive: whether the loader seems to be at work; None where nothing tells.
        token: the loader's own.
        alive_at: when the loader last showed that it is at work, as the database writes it.
    """

    id: str
    status: str
    called: str | None
    began: str | None
    process: str
    alive: bool | None
    token: str | None
    alive_at: str | None

    @property
    def name(self) -> str:
        """As much of the id as `headgraph runs` shows."""
        return self.id[:SHORT]

    @property
    def whose(self) -> str:
        """In words: at which name, since when, and whether its loader seems to be at work."""
        at = "a name that is not known" if self.called is None else printable(str(self.called))
        if self.status == schema.DROPPING:
            return f"what a drop or a load that replaced it left of {at}"
        since = f", begun {self.began[:16].replace('T', ' ')}Z" if self.began else ""
        return f"an attempt at {at}{since}, {self._state()}"

    def _state(self) -> str:
        loader = f"whose loader{f', {self.process},' if self.process else ''}"
        return f"{loader} {_STATES[self.alive]}"

    def __str__(self) -> str:
        return f"{self.name} ({self.whose})"


def unfinished(graph: Runner) -> list[Attempt]:
    """Every run that has no name, by id."""
    statuses = {"loading": schema.LOADING, "dropping": schema.DROPPING}
    return [_attempt(dict(row)) for row in graph.read(_QUERY, statuses)]


def remove(graph: Runner, attempts: Iterable[Attempt]) -> list[Attempt]:
    """Delete what attempts left; those that went on since they were looked at are left alone.

    Returns:
        The attempts that were removed.
    """
    taken = [attempt for attempt in attempts if _take(graph, attempt)]
    sweep(graph)
    return taken


def marks(name: str) -> dict[str, Any]:
    """What the Run of an attempt at a name says of it, apart from token and times."""
    return {"called": name, "loader_process": json.dumps(own_process())}


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


def _attempt(row: dict[str, Any]) -> Attempt:
    process = _process(row["process"])
    silent_s = _seconds(row["alive_at"], row.pop("now"))
    row["process"] = _shown(process) if process else ""
    alive = is_alive(process, row["token"], silent_s) if process else None
    return Attempt(**row, alive=alive)


def _process(text: object) -> dict[str, Any]:
    """What an attempt says of its process; empty where it says nothing that can be read."""
    if not isinstance(text, str):
        return {}
    try:
        return dict(parse_json(text, source="the run's loader_process"))
    except UnreadableFile:
        return {}


def _shown(process: dict[str, Any]) -> str:
    return printable(f"process {process.get('pid')} on {process.get('host')}")


def _seconds(since: str | None, now: str) -> float | None:
    try:
        return (datetime.fromisoformat(now) - datetime.fromisoformat(since or "")).total_seconds()
    except (ValueError, TypeError):
        return None
