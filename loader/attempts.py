"""Unfinished runs: which load or drop each one comes from, and whether its loader still works.

A process number proves at once that a loader has ended, but only where the number can be looked up:
on the same machine, since the same boot, in the same process namespace (a container has its own).
Otherwise the time since the loader's last sign of life decides.
"""

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from headgraph.base.errors import UnreadableFile
from headgraph.base.files.documents import parse_json
from headgraph.base.text import printable
from headgraph.graphdb import schema
from headgraph.graphdb.connection.runner import Runner
from headgraph.loader._runs import SHORT
from headgraph.loader.errors import drop_call

BEAT_S = 30.0
"""Seconds between two signs of life that a loader writes to its Run."""

SILENT_S = 600.0
"""Seconds of silence after which a loader on another machine counts as dead. No step of a load
takes nearly as long. A machine that slept longer finds its attempt gone and reports that."""

_CLOCK_S = 60.0  # seconds that a process's start time may seem to move when the clock is set

# A Run made by hand can hold anything: other types count as missing.
_QUERY = f"""
MATCH (r:{schema.RUN}) WHERE r.name IS NULL AND r.id = toStringOrNull(r.id)
AND r.status IN [$loading, $dropping]
RETURN r.id AS id, r.status AS status, toStringOrNull(r.called) AS called,
       toStringOrNull(r.loader) AS token, r.loader_process AS process,
       toStringOrNull(r.started_at) AS began, toStringOrNull(r.alive_at) AS alive_at,
       toString(datetime()) AS now
ORDER BY id
"""
_STATES = {
    True: "seems to be at work",
    False: "seems to have ended",
    None: "may be at work or not",
}
_failed: set[str] = set()


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """A run without a name: a load that goes on or was cut off, or the rest of a drop.

    Attributes:
        id: of the run.
        status: `loading` or `dropping`.
        called: the name that it is to get, or had; None if unknown.
        began: start of the load, as the database writes it.
        process: the loader's process number and machine; empty if unknown.
        alive: whether the loader seems to be at work; None if unknown.
        token: the random word that marks this attempt.
        alive_at: the loader's last sign of life, as the database writes it.
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
        """The part of the id by which `drop` takes it."""
        return self.id[:SHORT]

    @property
    def listed(self) -> str:
        """The name under which the list of runs has it: for a load, the one that it is to give."""
        is_load = self.status == schema.LOADING
        return self.called if is_load and self.called is not None else self.name

    @property
    def whose(self) -> str:
        """In words: the name, the start, and whether the loader seems to be at work."""
        at = "an unknown name" if self.called is None else printable(self.called)
        if self.status == schema.DROPPING:
            return f"the rest of {at}, left by a drop or a replacing load"
        since = f", begun {self.began[:16].replace('T', ' ')}Z" if self.began else ""
        return f"an attempt at {at}{since}, {self._state()}"

    def _state(self) -> str:
        loader = f"whose loader{f', {self.process},' if self.process else ''}"
        return f"{loader} {_STATES[self.alive]}"

    def removal(self, *, dry_run: bool) -> str:
        """A note that this attempt is removed first."""
        return f"{'would first remove' if dry_run else 'first removing'} {self}"

    @property
    def left_alone(self) -> str:
        """A note that this attempt stays, and how to remove it."""
        return f"left alone: {self}; {drop_call(self.name)} removes it"

    def __str__(self) -> str:
        return f"{self.name} ({self.whose})"


def unfinished(graph: Runner) -> list[Attempt]:
    """Every run without a name, by id."""
    statuses = {"loading": schema.LOADING, "dropping": schema.DROPPING}
    return [_attempt(dict(row)) for row in graph.read(_QUERY, statuses)]


def attempts_at(graph: Runner, name: str, id: str) -> list[Attempt]:
    """The loads and imports that are to give a run this name or this id."""
    return [
        attempt
        for attempt in unfinished(graph)
        if attempt.status == schema.LOADING and (attempt.called == name or attempt.id == id)
    ]


def marks(name: str) -> dict[str, Any]:
    """Properties by which the Run of an attempt at a name is recognised, except token and times."""
    return {"called": name, "loader_process": json.dumps(own_process())}


def own_process() -> dict[str, Any]:
    """The facts by which this process can be looked up later."""
    import psutil

    return {
        "pid": os.getpid(),
        "began": psutil.Process().create_time(),
        "host": platform.node(),
        "place": _place(),
    }


def mark_failed(token: str) -> None:
    """Record that an attempt of this process failed; the process itself goes on."""
    _failed.add(token)


def is_alive(process: Mapping[str, Any], token: str | None, silent_s: float | None) -> bool | None:
    """Whether the loader of an attempt is still at work; None if that is unknown.

    Args:
        process: the `own_process` of the loader.
        token: of the attempt.
        silent_s: seconds since the loader's last sign of life; below 0 if the database's clock was
            set back since.
    """
    silent = None if silent_s is None else silent_s > SILENT_S
    if process.get("place") != _place():
        unknown = silent_s is None or silent_s < -SILENT_S
        return None if unknown else not silent
    if process.get("pid") == os.getpid():
        return token not in _failed
    return _runs_here(process.get("pid"), process.get("began"), silent=silent is not False)


def _runs_here(pid: object, began: object, *, silent: bool) -> bool | None:
    """Whether a process runs here; a silent one with another start time is a different process."""
    import psutil

    if type(pid) is not int or pid < 1 or not isinstance(began, int | float):
        return None
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        return not silent or abs(process.create_time() - began) < _CLOCK_S
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True  # it exists


@cache
def _place() -> str:
    """Where a process number can be looked up: this machine, since this boot."""
    boot, processes = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")
    if boot.exists() and processes.is_symlink():
        return f"{boot.read_text(encoding='ascii').strip()} {processes.readlink()}"
    import uuid

    return f"{platform.node()} {uuid.getnode()}"


def _attempt(row: dict[str, Any]) -> Attempt:
    process = _process(row["process"])
    silent_s = _seconds(row["alive_at"], row.pop("now"))
    row["process"] = _shown(process) if process else ""
    alive = is_alive(process, row["token"], silent_s) if process else None
    return Attempt(**row, alive=alive)


def _process(text: object) -> dict[str, Any]:
    """The facts that an attempt recorded of its process; empty if they cannot be read."""
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
