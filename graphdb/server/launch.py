"""Start the server's process, or wait for one that another start left, until its database serves.

A server that answers at its ports need not serve: Neo4j starts without a database whose files it
cannot use, and goes on without one that it gave up. Each statement is then refused.
"""

import re
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from headgraph.base.progress import Progress
from headgraph.base.spelling import Message, either
from headgraph.base.text import quoted
from headgraph.graphdb.errors import RECOVER, START, STOP, AuthRefused, GraphError, ServerError
from headgraph.graphdb.server import archive, process
from headgraph.graphdb.server.home import config
from headgraph.graphdb.server.home.folder import ServerHome
from headgraph.graphdb.server.home.logs import last_words, since, size
from headgraph.graphdb.server.home.state import (
    State,
    ensure_password,
    read_state,
    remember_ports,
    remembered_ports,
)
from headgraph.graphdb.server.ports import USUAL_PORTS, Ports, answer, choose, is_free
from headgraph.graphdb.server.running_server import RunningServer, described, pid_of
from headgraph.graphdb.server.store import exchange
from headgraph.graphdb.server.store.exchange import PARTS

PORT_TRIES = 3
POLL_S = 0.05
_NO_MEMORY = "java.lang.OutOfMemoryError"


class _PortLost(Exception):
    """Another program took a port between our check of it and Neo4j's."""


def adopt(home: ServerHome, show: Progress, deadline: float) -> RunningServer | None:
    """Wait for a server that another start left behind, running or still coming up."""
    pid, state = pid_of(home), read_state(home)
    if pid is None:
        if state is not None and process.is_going(state.pid):
            process.wait_gone(state.pid, process.GENTLE_S)  # it was killed a moment ago
        return None
    if state is None or state.pid != pid:
        # its start was killed before the ports were written
        process.end(pid, home)
        return None
    try:
        _wait(home, state, show, deadline, before=0)
        refuse_dead(home, state)
    except (ServerError, _PortLost):
        if process.is_ours(pid, home):
            raise
        return None  # it was ending: start another
    return _ready(home, state)


def launch(
    home: ServerHome,
    java: Path,
    jars: list[Path],
    ports: Ports | None,
    show: Progress,
    deadline: float,
    recover: bool = False,
) -> RunningServer:
    """Start a server on these ports, or others if they are taken, and wait for its answer.

    The home must be locked, and its server must not run.

    Args:
        home: home of the server, prepared.
        java: program that runs it.
        jars: Neo4j's jars.
        ports: preferred ports; None for those of the last start, or the usual ones.
        show: called with each step.
        deadline: time limit for its answer, by `time.monotonic`.
        recover: cut off the unreadable part of the transaction log.

    Raises:
        ServerError: it dies, does not answer, its database does not serve, or other programs take
            its ports `PORT_TRIES` times.
    """
    ensure_password(home)
    classes = archive.arguments(home, java, jars)
    last = remembered_ports(home)
    wanted = [ports] if ports else [last, USUAL_PORTS] if last else [USUAL_PORTS]
    for attempt in range(1, PORT_TRIES + 1):
        ports = choose(*wanted)
        config.write(home, ports, jars, recover=recover, more=classes)
        try:
            return _launch_once(home, java, ports, show, deadline, recover)
        except _PortLost:
            if attempt == PORT_TRIES:
                raise ServerError(
                    f"other programs took the ports {ports.bolt} and {ports.http} before the "
                    f"server could, {PORT_TRIES} times: run {START} again"
                ) from None
    raise AssertionError("unreachable")


def _launch_once(
    home: ServerHome, java: Path, ports: Ports, show: Progress, deadline: float, recover: bool
) -> RunningServer:
    before, debug = size(home.log), size(home.debug_log)
    pid = None
    try:
        pid = process.spawn(home, java)
        state = State(
            pid=pid, bolt=ports.bolt, http=ports.http, version=config.VERSION, ready=False
        )
        state.write(home)
        import neo4j  # noqa: F401  # Java takes longer to start than the driver to be imported

        _wait(home, state, show, deadline, before)
        refuse_unavailable(home, state, debug)
        running = _ready(home, state)
    except BaseException:  # an interruption must not leave a half-started server either
        if (pid := pid or process.find_process(home)) is not None:
            process.end(pid, home)
        home.state_file.unlink(missing_ok=True)
        raise
    return replace(running, notes=(cut_off(home, debug),)) if recover else running


def _ready(home: ServerHome, state: State) -> RunningServer:
    if not state.ready:
        exchange.keep(home)  # from now on, the new store has changes of its own
        remember_ports(home, state.ports)
        State(**{**vars(state), "ready": True}).write(home)
    return described(home, state)


def _wait(home: ServerHome, state: State, show: Progress, deadline: float, before: int) -> None:
    """Return when Bolt and HTTP both answer, and this process listens on both ports."""
    while True:
        show(f"starting Neo4j {state.version}", 0, 0)
        # a process that is just starting, or ending, has no command line to recognise it by
        if not process.is_ours(state.pid, home) and not process.is_going(state.pid):
            raise _died(home, state, before)
        if answer(state.ports) and process.listens(state.pid, state.ports):
            return
        if time.monotonic() > deadline:
            raise ServerError(
                f"the local server (process {state.pid}) does not answer at ports {state.bolt} "
                f"and {state.http} in time: see headgraph server logs (the file {home.log}), then "
                f"{STOP} and {START}"
            )
        time.sleep(POLL_S)


def _died(home: ServerHome, state: State, before: int) -> Exception:
    if not all(is_free(port) for port in state.ports):
        return _PortLost()
    own = f"; your own settings are in {home.overrides}" if home.overrides.exists() else ""
    words = last_words(home, before)
    helps = "see headgraph server logs"
    if _NO_MEMORY in words:
        helps = (
            f"a damaged transaction log takes up to 9 GB of memory to read, which {RECOVER} allows"
        )
    return ServerError(
        f"the local server died while starting, its last words: {quoted(words, longest=150)}{own}; "
        f"{helps}"
    )


ANSWER_S = 60.0  # seconds for a working database to return a row
_UNREADABLE = "internal.dbms.tx_log.fail_on_corrupted_log_files=false"  # the log names this setting
_CAUSE = re.compile(r"Caused by: [\w.$]+: (.+)")
_CUT_OFF = "corrupted-neostore.transaction.db"  # where Neo4j keeps what it cut off, as zip files
_CUT = re.compile(
    r"Fail to recover database\.(?: Highest recovered transaction id:\d+, committed at:(\d+))?"
)


def problem(home: ServerHome, state: State) -> Message | None:
    """The error that the database gives instead of a row; None if it serves.

    Raises:
        ServerError: the server refuses the password in the home.
    """
    from headgraph.graphdb.connection.graph import Graph

    # without a home: the error then has the server's own words
    settings = replace(described(home, state).settings(), home=None)
    with Graph(settings) as graph:
        try:
            graph.command("RETURN 1", timeout=ANSWER_S)
        except AuthRefused as error:
            raise ServerError(
                f"the local server refuses the password in {home.password_file}: put the server's "
                "current password into that file"
            ) from error
        except GraphError as error:
            return error.message
    return None


def refuse_dead(home: ServerHome, state: State) -> None:
    """Raise ServerError if the server runs and its database does not serve."""
    if said := problem(home, state):
        raise ServerError(
            f"the local server (process {state.pid}) runs but its database does not serve: "
            f"{_quoted(said)}; run {STOP}, then {START}"
        )


def refuse_unavailable(home: ServerHome, state: State, before: int) -> None:
    """Raise ServerError if the server was just started and its database does not serve.

    Args:
        home: home of the server.
        state: state of its process.
        before: bytes of the debug log before this start.
    """
    said = problem(home, state)
    if said is None:
        return
    log = since(home.debug_log, before)
    if _UNREADABLE in log:
        raise ServerError(
            "the database does not start: its transaction log cannot be read to the end, as after "
            f"a full disk. Free some disk space, then run {RECOVER}: "
            "it continues from the last readable change, and says what it cut off"
        )
    causes = _CAUSE.findall(log)
    cause = quoted(causes[-1], 120) if causes else _quoted(said)
    raise ServerError(
        f"the server starts but its database does not: {cause}; see the file {home.debug_log}"
    )


def _quoted(said: Message) -> str:
    return either(quoted(str(said), 120), quoted(said.options, 120))


def cut_off(home: ServerHome, before: int) -> Message:
    """A sentence on what a recovering start cut off.

    Args:
        home: home of the server.
        before: bytes of the debug log before this start.
    """
    found = _CUT.search(since(home.debug_log, before))
    if found is None:
        return Message("the transaction log could be read to its end: nothing was cut off")
    time = found[1] and datetime.fromtimestamp(int(found[1]) / 1000, UTC)
    last = f"of {time.isoformat(' ', 'seconds')}" if time else "from before the last stop"
    return Message(
        f"the last readable change is {last}; the rest was cut off, and is kept in "
        f"{home.data / PARTS[0] / _CUT_OFF}: "
        f"{either('headgraph.runs(graph)', 'headgraph runs')} lists the runs that are left"
    )
