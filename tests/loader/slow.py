"""Loads and imports in processes of their own, for tests that kill them.

    load TABLE NAME WHERE [--replace]
    import FILE WHERE [--replace]

Each connects to a server, writes in small batches and prints a line when it reaches WHERE, then
waits to be killed: `heads` (before the first edge), `edges` (after the first batch, while
others are under way), `writing` (the same, and goes on, but not to publication), `published`
(before what was replaced is deleted).

They are forks of one process, as to import all that they need takes longer than their work.
"""

import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from headgraph import graphdb
from headgraph.graphdb.server import RunningServer
from headgraph.loader.imports import _import as import_module
from headgraph.loader.imports import checks
from headgraph.loader.loading import load as load_module
from headgraph.loader.loading import writer

BATCH = 100
"""Edges in a batch: a small table has many."""


Killed = Callable[..., AbstractContextManager[None]]
"""`Forks.killed` with its server."""


class Forks:
    """The process whose forks load and import; use as a context manager."""

    def __enter__(self) -> "Forks":
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.loader.slow"],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.communicate(timeout=240)  # it ends when its standard input does

    @contextmanager
    def killed(
        self,
        server: RunningServer,
        *args: str,
        by: signal.Signals = signal.SIGKILL,
        work: str = "load",
    ) -> Iterator[None]:
        """A load or import that is stopped at its point while the `with` block runs."""
        connection = {
            "NEO4J_URI": server.bolt_uri,
            "NEO4J_USERNAME": server.user,
            "NEO4J_PASSWORD": server.password(),
        }
        assert self._process.stdin is not None
        self._process.stdin.write(f"{json.dumps([connection, [work, *args]])}\n")
        self._process.stdin.flush()
        reached, pid = self._said()
        try:
            assert reached == "reached"
            yield
        finally:
            os.kill(pid, by)
            while (ended := self._said()) == ("reached", pid):
                pass  # a work that goes on says so at each of its batches
        assert ended == (f"ended {-by}", pid)

    def _said(self) -> tuple[str, int]:
        assert self._process.stdout is not None
        words, _, pid = self._process.stdout.readline().rpartition(" ")
        return words, int(pid)


def serve() -> None:
    """Answer each line of standard input with a fork, and with a line when that has ended."""
    import neo4j  # noqa: F401  what a load imports by itself, as all others
    import psutil  # noqa: F401
    import pyarrow.parquet  # noqa: F401

    for line in sys.stdin:
        connection, args = json.loads(line)
        # one process beside each fork waits for it: two of them may run at once
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        if os.fork():
            continue
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        pid = os.fork()
        if not pid:
            os.environ.update(connection)
            _work(args)
        _, status = os.waitpid(pid, 0)
        print(f"ended {os.waitstatus_to_exitcode(status)} {pid}", flush=True)
        os._exit(0)


def _work(args: list[str]) -> None:
    """Load or import; after Ctrl-C, end as Python does."""
    # what a shell runs in the background ignores Ctrl-C, and so would its children
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        main(*args)
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


def wait(*_: Any, **__: Any) -> None:
    """Wait for the end."""
    time.sleep(300)


def say(*_: Any) -> None:
    """Tell the test that the point is reached."""
    print(f"reached {os.getpid()}", flush=True)


def reached(*_: Any, **__: Any) -> Any:
    """Say so, and wait for the end."""
    say()
    wait()


def main(command: str, file: str, *rest: str) -> None:
    """Load or import, up to a point."""
    checks.BATCH = BATCH
    writer.FEW = 0
    load_module.batches = partial(load_module.batches, size=BATCH)
    *name, where = (word for word in rest if word != "--replace")
    progress = None
    if where == "heads":
        writer.write_edges = reached
    elif where == "published":
        load_module.sweep = import_module.index_ranks = reached
    elif where == "edges":
        progress = reached
    else:
        progress = say
        writer.publish = import_module.publish = wait
    replace = "--replace" in rest
    with graphdb.connect() as graph:
        if command == "load":
            load_module.load(file, graph, run=name[0], replace=replace, progress=progress)
        else:
            import_module.import_runs(file, graph, replace=replace, progress=progress)


if __name__ == "__main__":
    serve()
