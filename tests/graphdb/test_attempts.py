"""Ctrl-C and time limits leave a database that does not answer, whatever it is asked."""

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from headgraph import cli
from headgraph.graphdb import Graph, Settings, connect
from headgraph.graphdb.connection import _threads
from headgraph.graphdb.connection._threads import Call
from headgraph.graphdb.connection.limits import Deadline
from headgraph.graphdb.errors import NotReachable, StatementError, TookTooLong
from headgraph.graphdb.server import RunningServer
from tests.graphdb.relay import Relay, relay


@contextmanager
def interruption_at(event: threading.Event) -> Iterator[None]:
    """Ctrl-C once `event` is set."""

    def interrupt() -> None:
        main = threading.main_thread().ident
        if event.wait(60) and main is not None:
            signal.pthread_kill(main, signal.SIGINT)

    thread = threading.Thread(target=interrupt, daemon=True)
    thread.start()
    yield
    thread.join()


@contextmanager
def interrupted_at(event: threading.Event) -> Iterator[None]:
    """The same, and it comes out as KeyboardInterrupt."""
    with interruption_at(event), pytest.raises(KeyboardInterrupt):
        yield


@contextmanager
def silent() -> Iterator[str]:
    """The address of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"bolt://127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def through(it: Relay, server: RunningServer) -> Iterator[Graph]:
    with connect(settings=replace(server.settings(), uri=it.uri, origin="a test")) as graph:
        yield graph


@pytest.fixture
def no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headgraph.graphdb.connection._threads.GRACE_S", 0)


CALLS: dict[str, Callable[[Graph], object]] = {
    "read": lambda graph: graph.read("RETURN 'the mark'"),
    "plan": lambda graph: graph.plan("RETURN 'the mark'"),
    "write": lambda graph: graph.write("RETURN 'the mark'"),
    "write_all": lambda graph: graph.write_all([("RETURN 1", {}), ("RETURN 'the mark'", {})]),
    "write_each": lambda graph: list(graph.write_each([("RETURN 'the mark'", {})])),
    "command": lambda graph: graph.command("RETURN 'the mark'"),
}


@pytest.mark.parametrize("call", CALLS)
def test_ctrl_c_waits_for_no_answer(server: RunningServer, call: str) -> None:
    with relay(server.bolt_uri, b"the mark") as it, through(it, server) as graph:
        with interrupted_at(it.reached):
            CALLS[call](graph)
        # batches go on until the graph is closed; of all others the connection is cut, by a
        # private attribute of the driver's
        assert call == "write_each" or it.left.wait(120)


def test_ctrl_c_while_the_thread_is_started_cuts_the_connection(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a busy machine the statement is sent before the call that starts its thread returns."""
    in_thread = _threads.in_thread

    def interrupted(work: Callable[[], object]) -> None:
        in_thread(work)
        assert it.reached.wait(60)
        raise KeyboardInterrupt

    with relay(server.bolt_uri, b"the mark") as it, through(it, server) as graph:
        monkeypatch.setattr(_threads, "in_thread", interrupted)
        with pytest.raises(KeyboardInterrupt):
            graph.command("RETURN 'the mark'")
        assert it.left.wait(120)


def test_ctrl_c_leaves_a_server_that_does_not_greet() -> None:
    begun = threading.Event()
    with silent() as uri, interrupted_at(begun):
        begun.set()
        connect(settings=Settings(uri=uri, password="x", origin="a test"))


@pytest.mark.usefixtures("no_grace")
@pytest.mark.parametrize("call", ["read", "plan", "command"])
def test_a_limit_waits_for_no_answer(server: RunningServer, call: str) -> None:
    with relay(server.bolt_uri, b"the mark") as it, through(it, server) as graph:
        with pytest.raises(TookTooLong) as caught:
            getattr(graph, call)("RETURN 'the mark'", timeout=0.1)
        assert str(caught.value) == "the statement took longer than 0.1 s"
        assert caught.value.code == "", "the server did not end it"


def test_planning_has_a_limit_on_the_server_and_the_connection_goes_on(database: Graph) -> None:
    chain = "".join(f"-[e{n}]->(a{n})" for n in range(60))  # planned for a minute
    with pytest.raises(TookTooLong) as caught:
        database.plan(f"MATCH (a){chain} RETURN a", timeout=0.2)
    assert caught.value.code == "" or "TransactionTimedOut" in caught.value.code
    assert database.read("RETURN 1").single() == 1


def test_an_answer_that_never_comes_has_a_limit(database: Graph) -> None:
    """5.26 overflows its stack on these brackets and cannot say so: it sends nothing."""
    with pytest.raises(TookTooLong):
        database.plan("RETURN " + "(" * 2000 + "1" + ")" * 2000, timeout=0.2)
    assert database.read("RETURN 1").single() == 1


@pytest.mark.usefixtures("no_grace")
def test_connecting_has_a_limit() -> None:
    with silent() as uri:
        settings = Settings(uri=uri, password="x", origin="a test")
        with pytest.raises(NotReachable) as caught:
            connect(settings=settings, timeout=0.1)
    said = f"{uri} (from a test) did not answer within 0.1 s: check that it runs, or raise"
    assert str(caught.value) == f"{said} timeout"
    assert caught.value.for_command_line() == f"{said} --timeout"


def test_a_database_that_closes_the_connection_is_not_said_to_be_none(
    server: RunningServer,
) -> None:
    with (
        relay(server.bolt_uri, b"the mark", cut=True) as it,
        through(it, server) as graph,
        pytest.raises(NotReachable) as caught,
    ):
        graph.plan("RETURN 'the mark'")
    assert str(caught.value) == (
        f"the database at {it.uri} (from a test) answered before and closed the connection: it may "
        "be busy, out of memory, or stopped; see its log (headgraph server logs for the local one)"
    )


@pytest.mark.usefixtures("no_grace")
def test_what_is_given_up_sends_nothing_more() -> None:
    attempt, left = Call(), threading.Event()
    sent: list[str] = []
    ended = threading.Event()

    def work() -> None:
        try:
            left.wait()
            attempt.go_on()
            sent.append("a statement")
        finally:
            ended.set()

    with pytest.raises(TookTooLong):
        attempt.result(work, timeout=0.001)
    left.set()
    ended.wait()
    assert sent == []


def test_closing_cuts_what_a_call_has_just_taken(server: RunningServer) -> None:
    """A thread may have begun to write through a connection that its session does not show yet."""
    graph = connect(settings=server.settings())
    with graph.session() as session:
        session.run("RETURN 1").consume()
        ((taken, *_),) = graph._driver._pool.connections.values()
        taken.in_use, said = True, list[str]()
        taken.goodbye = lambda *_, **__: said.append("goodbye")
        graph._calls.add(Call())
        graph.close()
    assert taken.closed()
    assert said == []


def test_a_deadline_is_one_for_all() -> None:
    deadline = Deadline(1e-9)
    assert deadline.left() == 1e-9
    with pytest.raises(TookTooLong):
        deadline.left()
    # it begins when it is first asked
    assert Deadline(1000).left() == 1000


@pytest.mark.parametrize("call", ["read", "plan", "write"])
def test_bytes_that_are_no_utf_8_are_no_bug(database: Graph, call: str) -> None:
    said = (
        "the statement or a parameter holds '\\udcff', which is not a character: it comes from "
        "bytes that are not UTF-8, so write them in UTF-8"
    )
    for text, params in (("RETURN '\udcff'", {}), ("RETURN $x", {"x": ["\udcff"]})):
        with pytest.raises(StatementError) as caught:
            getattr(database, call)(text, params)
        assert str(caught.value) == said
    assert database.read("RETURN 'é'").single() == "é"


@pytest.mark.parametrize(
    ("line", "mark"),
    [
        ("runs", "(r:Run)"),
        ("query hubs --run x", "(r:Run"),
        ("query hubs --series x", "(r:Run"),
        ("communities --run x", "(r:Run"),
        ("motifs --run x", "(r:Run"),
        ("export --run x -o x.graphml", "(r:Run"),
        ("view --run x -o x.html", "(r:Run"),
        ("drop x --yes", "(r:Run"),
        ("load gpt2-small --run x --top 10", "SHOW INDEXES"),
        ("cypher MATCH(n)RETURN(n)", "EXPLAIN "),
    ],
)
def test_ctrl_c_ends_every_command_that_asks_a_database(
    server: RunningServer,
    line: str,
    mark: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NEO4J_PASSWORD", server.password())
    with relay(server.bolt_uri, mark.encode()) as it, interruption_at(it.reached):
        monkeypatch.setenv("NEO4J_URI", it.uri)
        with pytest.raises(SystemExit) as caught:
            cli.main(line.split())
    assert caught.value.code == 130
    busy = ": the server may be busy with it for minutes; only its restart ends that"
    said = capsys.readouterr().err.splitlines()[-1]
    assert said == f"stopped{busy if line.startswith('cypher') else ''}"
    assert list(tmp_path.iterdir()) == []
