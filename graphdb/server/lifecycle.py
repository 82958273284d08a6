"""Start and stop the local server, and restart it with another store."""

import time
from collections.abc import Mapping
from pathlib import Path

from headgraph.base.progress import Progress, silent
from headgraph.graphdb.server import archive, process, web
from headgraph.graphdb.server.home.folder import AnyHome, ServerHome, stated
from headgraph.graphdb.server.jars import ensure_jars
from headgraph.graphdb.server.launch import adopt, launch, problem, refuse_dead
from headgraph.graphdb.server.ports import Ports, answer, refuse_no_loopback
from headgraph.graphdb.server.process import find_java
from headgraph.graphdb.server.running_server import RunningServer, current, described, pid_of
from headgraph.graphdb.server.store import exchange, importer
from headgraph.graphdb.server.store.exchange import heal, replace_store

TIMEOUT_S = 120.0


def start(
    home: AnyHome = None,
    *,
    progress: Progress | None = None,
    timeout_s: float = TIMEOUT_S,
    ports: Ports | None = None,
    pages: Mapping[str, bytes] | None = None,
    recover: bool = False,
) -> RunningServer:
    """Start the local server, or find the running one; return when its database serves.

    The first start fetches 123 MB of jars and makes a password. The server outlives this process.
    An exchange of stores that was killed is undone or finished first.

    Args:
        home: folder of the server; None for the one under the user's data folder.
        progress: called with each step (`base.progress`).
        timeout_s: seconds that the server has to answer, without the download.
        ports: preferred ports; a port that is taken, or 0, becomes any free one. None for those of
            the last start, or the usual ones.
        pages: files to serve beside Browser, see `graphdb.server.web.offer`; a running server
            keeps those of its start.
        recover: if the transaction log is damaged, cut off the unreadable part; `notes` of
            the result say what that was. A database that serves is left alone.

    Raises:
        ServerError: no 127.0.0.1 on this machine, the jars cannot be fetched, no Java, a full
            disk, a folder of another user, or a server that dies, does not answer, or has a
            database that does not serve.
    """
    home, show = ServerHome.of(home), progress or silent
    with stated("run the local server", home.path):
        refuse_no_loopback()
        java = find_java()
        if home.path.exists():
            with home.locked(timeout_s):  # wait for a command that is stopping the server
                if server := _serving(home, recover=recover):
                    return server
        jars = ensure_jars(progress=show)  # without the lock: this may take minutes
        with home.locked(timeout_s):
            deadline = time.monotonic() + timeout_s
            found = adopt(home, show, deadline)
            importer.clear(home)
            if found is None:
                exchange.heal(home)
                home.prepare()
                web.offer(home, jars, pages or {})
                found = launch(home, java, jars, ports, show, deadline, recover)
            return found


def _serving(home: ServerHome, *, recover: bool) -> RunningServer | None:
    """The running server, if its database serves; one that must recover is ended."""
    state = current(home)
    if state is None or not answer(state.ports):
        return None
    if not recover:
        refuse_dead(home, state)
    elif problem(home, state):
        process.end(state.pid, home)
        return None
    exchange.keep(home)
    importer.clear(home)
    return described(home, state)


def stop(home: AnyHome = None, *, timeout_s: float = 30.0) -> bool:
    """Stop the local server, and wait until its process has ended.

    Args:
        home: folder of the server; None for the one under the user's data folder.
        timeout_s: seconds to wait for another command that starts or stops it.

    Returns:
        False if no server was running.

    Raises:
        ServerError: another command is busy with the server, or the folder belongs to another user.
    """
    home = ServerHome.of(home)
    if not home.path.exists():
        return False
    with stated("stop the local server", home.path), home.locked(timeout_s):
        pid = pid_of(home)
        within = archive.WRITTEN_S if archive.is_recording(home) else process.GENTLE_S
        ended = None if pid is None else process.end(pid, home, within)
        home.state_file.unlink(missing_ok=True)
        archive.keep(home, whole=ended == "stopped")
        return ended is not None


def restart_with(
    home: ServerHome, data: Path, *, progress: Progress | None = None, timeout_s: float = TIMEOUT_S
) -> RunningServer:
    """Restart the server with a new store in place of its own, which is deleted.

    All data in the old store is lost. If the server does not start, the old store is put back and
    started, and the error is raised.

    Args:
        home: home of the server, which may run.
        data: folder with the new store, on the same disk, see `store.importer.build_store`.
        progress: called with each step.
        timeout_s: seconds that the server has to answer.

    Raises:
        ServerError: the folders cannot be renamed, or the server does not start.
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
            _end(home)  # after an interruption, the process may still run
            begin()
            raise
        try:
            return begin()  # keeps the new store once it serves
        except BaseException:
            heal(home)
            begin()
            raise


def _end(home: ServerHome) -> None:
    pid = pid_of(home)
    if pid is not None:
        process.end(pid, home)
    home.state_file.unlink(missing_ok=True)
