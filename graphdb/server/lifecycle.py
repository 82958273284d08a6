"""Start, find and stop the local server."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from graphdb.errors import ServerError
from graphdb.server import config, process, web
from graphdb.server.home import ServerHome, stated
from graphdb.server.jars import ensure_jars
from graphdb.server.java import find_java
from graphdb.server.logs import last_words
from graphdb.server.ports import LOOPBACK, USUAL_PORTS, Ports, answer, choose, is_free
from graphdb.server.progress import Progress, silent
from graphdb.server.secret import USER, ensure_password, read_password
from graphdb.server.state import State, read_state, remember_ports, remembered_ports

TIMEOUT_S = 120.0
PORT_TRIES = 3
POLL_S = 0.1

AnyHome = ServerHome | str | os.PathLike[str] | None


@dataclass(frozen=True, kw_only=True)
class RunningServer:
    """A local server that answers. Holds no secret: the password stays in its file.

    Attributes:
        bolt_uri: for drivers, such as bolt://127.0.0.1:7687.
        browser_url: of Neo4j Browser, such as http://127.0.0.1:7474/browser/.
        user: user name.
        password_file: file of mode 0600 with the password.
        pid: process number.
        version: of Neo4j.
        home: folder with data, logs and password.
    """

    bolt_uri: str
    browser_url: str
    user: str
    password_file: Path
    pid: int
    version: str
    home: Path

    def password(self) -> str:
        """Read the password from its file.

        Raises:
            ServerError: the file cannot be read.
        """
        return read_password(self.password_file)


class _PortLost(Exception):
    """Another program took a port between our look at it and Neo4j's."""


def start(
    home: AnyHome = None,
    *,
    progress: Progress | None = None,
    timeout_s: float = TIMEOUT_S,
    ports: Ports | None = None,
    pages: Mapping[str, bytes] | None = None,
) -> RunningServer:
    """Start the local server, or find the one that runs already; return when it answers.

    The first start fetches 123 MB of jars and makes a password. The server outlives this process.

    Args:
        home: its folder; None for the one under the user's data folder.
        progress: told what happens and how far it is (`graphdb.server.progress`).
        timeout_s: seconds the server gets to answer, the download not counted.
        ports: wanted; a port that is taken, or 0, becomes any free one. None for those of the last
            start, and where they are taken (or this is the first) the usual ones.
        pages: files to serve beside Browser, see `graphdb.server.web.offer`; a server that runs
            already keeps those of its start.

    Raises:
        ServerError: the jars cannot be fetched, no Java, a full disk, somebody else's folder, or
            a server that dies or does not answer.
    """
    home, show = ServerHome.of(home), progress or silent
    with stated("run the local server", home.path):
        java = find_java()
        if home.path.exists():
            with home.locked(timeout_s):  # a server that another command is stopping is not found
                state = _current(home)
                if state is not None and answer(state.ports):
                    return _described(home, state)
        jars = ensure_jars(progress=show)  # not under the lock: it may take minutes
        with home.locked(timeout_s):
            deadline = time.monotonic() + timeout_s
            found = _adopt(home, show, deadline)
            if found is None:
                home.prepare()
                web.offer(home, jars, pages or {})
                found = _launch(home, java, jars, ports, show, deadline)
            return found


def running(home: AnyHome = None) -> RunningServer | None:
    """The server of this home where one is up (started, and ready once); None where not.

    Raises:
        ServerError: the home cannot be read.
    """
    home = ServerHome.of(home)
    with stated("look for the local server", home.path):
        state = _current(home)
        return None if state is None else _described(home, state)


def stop(home: AnyHome = None, *, timeout_s: float = 30.0) -> bool:
    """Stop the server of this home and wait until its process is gone.

    Args:
        home: its folder; None for the one under the user's data folder.
        timeout_s: seconds to wait for another command that is busy with it.

    Returns:
        False where none was running.

    Raises:
        ServerError: another command is busy with the server, or the folder is somebody else's.
    """
    home = ServerHome.of(home)
    if not home.path.exists():
        return False
    with stated("stop the local server", home.path), home.locked(timeout_s):
        pid = _pid(home)
        ended = pid is not None and process.end(pid, home)
        home.state_file.unlink(missing_ok=True)
        return ended


def _current(home: ServerHome) -> State | None:
    """The state that the home remembers, where its process is up and was ready once."""
    state = read_state(home)
    if state is None or not state.ready or not process.is_ours(state.pid, home):
        return None
    return state


def _described(home: ServerHome, state: State) -> RunningServer:
    return RunningServer(
        bolt_uri=f"bolt://{LOOPBACK}:{state.bolt}",
        browser_url=f"http://{LOOPBACK}:{state.http}/browser/",
        user=USER,
        password_file=home.password_file,
        pid=state.pid,
        version=state.version,
        home=home.path,
    )


def _pid(home: ServerHome) -> int | None:
    """The server's process number: remembered, or found by a look at all processes."""
    state = read_state(home)
    if state is not None and process.is_ours(state.pid, home):
        return state.pid
    return process.find_process(home)


def _adopt(home: ServerHome, show: Progress, deadline: float) -> RunningServer | None:
    """Wait for a server that another start left behind, running or still coming up."""
    pid, state = _pid(home), read_state(home)
    if pid is None:
        if state is not None and process.is_going(state.pid):
            process.wait_gone(state.pid, process.GENTLE_S)  # killed a moment ago
        return None
    if state is None or state.pid != pid:
        # started, and its start was killed before it could write down the ports
        process.end(pid, home)
        return None
    try:
        _wait(home, state, show, deadline, before=0)
    except (ServerError, _PortLost):
        if process.is_ours(pid, home):
            raise
        return None  # it was on its way out: start another
    return _ready(home, state)


def _launch(
    home: ServerHome,
    java: Path,
    jars: list[Path],
    ports: Ports | None,
    show: Progress,
    deadline: float,
) -> RunningServer:
    ensure_password(home)
    last = remembered_ports(home)
    wanted = [ports] if ports else [last, USUAL_PORTS] if last else [USUAL_PORTS]
    for attempt in range(1, PORT_TRIES + 1):
        ports = choose(*wanted)
        config.write(home, ports, jars)
        try:
            return _launch_once(home, java, ports, show, deadline)
        except _PortLost:
            if attempt == PORT_TRIES:
                raise ServerError(
                    f"other programs took the ports {ports.bolt} and {ports.http} before the "
                    f"server could, {PORT_TRIES} times: run headgraph server start again"
                ) from None
    raise AssertionError("unreachable")


def _launch_once(
    home: ServerHome, java: Path, ports: Ports, show: Progress, deadline: float
) -> RunningServer:
    before = home.log.stat().st_size if home.log.exists() else 0
    pid = process.spawn(home, java)
    state = State(pid=pid, bolt=ports.bolt, http=ports.http, version=config.VERSION, ready=False)
    try:
        state.write(home)
        _wait(home, state, show, deadline, before)
        return _ready(home, state)
    except BaseException:  # an interruption too must not leave a half-started server
        process.end(pid, home)
        home.state_file.unlink(missing_ok=True)
        raise


def _ready(home: ServerHome, state: State) -> RunningServer:
    if not state.ready:
        remember_ports(home, state.ports)
        State(**{**vars(state), "ready": True}).write(home)
    return _described(home, state)


def _wait(home: ServerHome, state: State, show: Progress, deadline: float, before: int) -> None:
    """Return when Bolt and HTTP both answer and it is this process that listens there."""
    while True:
        show(f"starting Neo4j {state.version}", 0, 0)
        # a process that is just coming up, or going down, has no command line to tell it by
        if not process.is_ours(state.pid, home) and not process.is_going(state.pid):
            raise _died(home, state, before)
        if answer(state.ports) and process.listens(state.pid, state.ports):
            return
        if time.monotonic() > deadline:
            raise ServerError(
                f"the local server (process {state.pid}) does not answer at ports {state.bolt} "
                f"and {state.http} in time: see headgraph server logs (the file {home.log}), then "
                "headgraph server stop and start"
            )
        time.sleep(POLL_S)


def _died(home: ServerHome, state: State, before: int) -> Exception:
    if not all(is_free(port) for port in state.ports):
        return _PortLost()
    return ServerError(
        f"the local server died while starting, its last words: {last_words(home, before)!r}; see "
        f"headgraph server logs (the files {home.log} and {home.console.name} beside it)"
    )
