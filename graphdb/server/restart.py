"""Stop the server, put another store in, start it again: under one lock, and back if it fails."""

import time
from pathlib import Path

from headgraph.base.progress import Progress, silent
from headgraph.graphdb.server import process
from headgraph.graphdb.server.home import ServerHome, stated
from headgraph.graphdb.server.jars import ensure_jars
from headgraph.graphdb.server.java import find_java
from headgraph.graphdb.server.launch import launch
from headgraph.graphdb.server.lifecycle import TIMEOUT_S
from headgraph.graphdb.server.running_server import RunningServer, pid_of
from headgraph.graphdb.server.store_exchange import heal, replace_store


def restart_with(
    home: ServerHome, data: Path, *, progress: Progress | None = None, timeout_s: float = TIMEOUT_S
) -> RunningServer:
    """Start the server with a built store in the place of its own, which is deleted.

    What was written to the old store is lost, so look before. Where the server does not come up,
    the old store is put back and started, and the failure raised.

    Args:
        home: of the server, running or not.
        data: folder with the store, on the same disk (`graphdb.server.importer.build_store`).
        progress: told what happens.
        timeout_s: seconds the server gets to answer.

    Raises:
        ServerError: the folders cannot be renamed, or the server does not come up.
    """
    show = progress or silent
    java, jars = find_java(), ensure_jars(progress=show)
    with stated("put the imported store in place", home.path), home.locked(timeout_s):

        def begin() -> RunningServer:
            return launch(home, java, jars, None, show, time.monotonic() + timeout_s)

        try:
            _end(home)
            replace_store(home, data)
        except BaseException:
            _end(home)  # an interruption may have come before the process was gone
            begin()
            raise
        try:
            return begin()  # and keep the new store, once it serves
        except BaseException:
            heal(home)
            begin()
            raise


def _end(home: ServerHome) -> None:
    pid = pid_of(home)
    if pid is not None:
        process.end(pid, home)
    home.state_file.unlink(missing_ok=True)
