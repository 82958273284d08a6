"""Command lines in forks of a process that has imported everything, and their end.

A kill after a random time then meets the work of a command, and not the seconds of its imports.
"""

import contextlib
import importlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from tests.torture.kills import steps

TOKEN = "HEADGRAPH_TORTURE"
"""A variable in the environment of all that the forks start, by which it is found again."""
BATCH = 100
"""Edges in a transaction: a small run has many."""
LONGEST_S = 600.0


class Ended(NamedTuple):
    """How a command ended.

    Attributes:
        code: its exit code, or minus the signal.
        said: all that it printed.
        seconds: how long it took.
        killed: whether it, or the process to kill instead, was killed before it ended.
        steps: its `steps`, if it was not killed.
    """

    code: int
    said: str
    seconds: float
    killed: bool
    steps: int


class Kill(NamedTuple):
    """When to kill: so many seconds after the start, or at a step.

    Attributes:
        seconds: after the start.
        step: instead, a number of a step, from 1.
        calls: how many calls and returns of functions after it, see `steps.begin`.
    """

    seconds: float = 0.0
    step: int = 0
    calls: int = 0


class Forks:
    """The process from which commands are forked; use as a context manager."""

    def __init__(self, plant: str = "") -> None:
        """Start it, with a fault of `plants.PLANTS` in what it imports."""
        self.token = f"{os.getpid()}-{time.monotonic_ns()}"
        ours = {name: it for name, it in os.environ.items() if not name.startswith("NEO4J_")}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.torture.kills.forks", plant],
            cwd=Path(__file__).parents[3],
            env={**ours, TOKEN: self.token, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # after Ctrl-C it still has to stop a server
        )  # fmt: skip

    def __enter__(self) -> "Forks":
        return self

    def __exit__(self, *exc: object) -> None:
        assert self._process.stdin is not None
        self._process.communicate()  # it ends when its standard input does

    def run(
        self,
        line: list[str],
        env: Mapping[str, str],
        kill: Kill | None = None,
        victim: int | None = None,
    ) -> Ended:
        """Run a command line.

        Args:
            line: the command line.
            env: variables to set.
            kill: when to kill it; None lets it end.
            victim: the process to kill instead, after which the command goes on to its own end.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        request = {"line": line, "env": dict(env), "kill": kill, "victim": victim}
        self._process.stdin.write(f"{json.dumps(request)}\n")
        self._process.stdin.flush()
        return Ended(*json.loads(self._process.stdout.readline()))

    def processes(self) -> list[psutil.Process]:
        """Everything that commands have started and that still runs."""
        mark = f"{TOKEN}={self.token}".encode()
        found = []
        for pid in psutil.pids():
            with contextlib.suppress(OSError, psutil.NoSuchProcess):
                if pid != self._process.pid and mark in Path(f"/proc/{pid}/environ").read_bytes():
                    found.append(psutil.Process(pid))
        return found


def _serve() -> None:
    """Answer a request a line, with standard output kept apart for the answers."""
    answers = os.fdopen(os.dup(1), "w")
    quiet = os.open(os.devnull, os.O_RDWR)
    os.dup2(quiet, 1)
    _prepare(sys.argv[1])
    requests = sys.stdin.buffer.raw  # nothing is read ahead, which a fork would share
    pending = b""
    while data := requests.read(2**16):
        pending += data
        while b"\n" in pending:
            line, _, pending = pending.partition(b"\n")
            answers.write(f"{json.dumps(_answer(json.loads(line)))}\n")
            answers.flush()


def _prepare(plant: str) -> None:
    """Import what commands need, and let them write in small batches and give up soon."""
    import neo4j

    from headgraph.graphdb.server.home import config
    from headgraph.graphdb.server.store import importer
    from headgraph.loader import removal
    from headgraph.loader.imports import checks
    from headgraph.loader.loading import load
    from tests.graphdb_server_fixture import QUICK_JAVA
    from tests.torture.kills.plants import PLANTS

    importlib.import_module("headgraph.cli")
    checks.BATCH = removal.BATCH = BATCH
    load.batches = partial(load.batches, size=BATCH)
    driver = neo4j.GraphDatabase.driver
    # a killed server does not come back while the driver tries again
    neo4j.GraphDatabase.driver = lambda *args, **more: driver(
        *args, **{**more, "max_transaction_retry_time": 1}
    )
    write_arguments = config.write_arguments
    for module in (config, importer):
        module.write_arguments = lambda path, arguments: write_arguments(
            path, [*QUICK_JAVA, *arguments]
        )
    if plant:
        PLANTS[plant].sow()


def _answer(request: dict[str, Any]) -> Ended:
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as about:
        start = time.monotonic()
        pid = os.fork()
        if pid == 0:
            _child(request, said.fileno(), about.fileno())
        ended = os.pidfd_open(pid)
        killed = False
        try:
            seconds, step, _ = request["kill"] or Kill()
            if request["kill"] and not step:
                killed = not select.select([ended], [], [], seconds)[0]
            if killed:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(request["victim"] or pid, signal.SIGKILL)
            if not select.select([ended], [], [], LONGEST_S)[0]:
                os.kill(pid, signal.SIGKILL)
        finally:
            os.close(ended)
        _, status = os.waitpid(pid, 0)
        took = time.monotonic() - start
        said.seek(0)
        text = said.read().decode("utf-8", "replace")
        found = _learn(about)
    code = os.waitstatus_to_exitcode(status)
    if request["victim"] is None:  # it may have ended in the moment before
        killed = code == -signal.SIGKILL
    elif step:
        killed = found.get("killed", True)
    return Ended(code, text, took, killed, found.get("steps", 0))


def _child(request: dict[str, Any], said: int, about: int) -> None:
    """Run the command line, and end without what the parent has to do at its end."""
    code: Any = 70
    try:
        from headgraph import cli

        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(said, 1)
        os.dup2(said, 2)
        os.environ.update(request["env"])
        os.chdir(request["env"]["TMPDIR"])  # what is left where a command runs is found there
        tempfile.tempdir = None
        _, step, calls = request["kill"] or Kill()
        steps.begin(step, calls, request["victim"] or os.getpid())
        try:
            cli.main(request["line"])
        except SystemExit as stop:
            code = stop.code
        sys.stdout.flush()
        sys.stderr.flush()
        found = {"steps": steps.taken(), "killed": steps.has_killed()}
        os.write(about, json.dumps({**found, "modules": sorted(sys.modules)}).encode())
    finally:
        os._exit(code if isinstance(code, int) else 70)


def _learn(about: Any) -> dict[str, Any]:
    """Import what the command imported, so that the next one need not; returns what it told."""
    about.seek(0)
    found: dict[str, Any] = json.loads(about.read() or b"{}")
    for name in found.get("modules", ()):
        if name not in sys.modules and not name.startswith("__"):
            with contextlib.suppress(Exception):
                importlib.import_module(name)
    return found


if __name__ == "__main__":
    _serve()
