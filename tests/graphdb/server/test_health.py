"""Whether the database serves, and what is said where it does not: without a server."""

from collections.abc import Callable
from pathlib import Path

import pytest

from headgraph.base.spelling import Message
from headgraph.graphdb import server as local
from headgraph.graphdb.errors import ServerError
from headgraph.graphdb.server import RunningServer, ServerHome, launch, lifecycle
from headgraph.graphdb.server.home.logs import since, size
from headgraph.graphdb.server.home.state import State
from headgraph.graphdb.server.launch import cut_off, refuse_dead, refuse_unavailable
from headgraph.graphdb.server.running_server import described
from tests.graphdb.relay import relay

GONE = "The database is not currently available to serve your request."
# as Neo4j 5.26 writes them
UNREADABLE = """\
2026-11-29 13:33:18.868+0000 ERROR [o.n.d.d.DatabaseLifecycles] Failed to start DatabaseId{1[neo4j]}
Caused by: java.lang.RuntimeException: Error reading transaction logs, recovery not possible. To \
force the database to start anyway, you can specify \
'internal.dbms.tx_log.fail_on_corrupted_log_files=false'. This will try to recover
Caused by: java.lang.IllegalStateException: Failure to read transaction log file number 0.
"""
CUT = (
    "[neo4j/1] Fail to recover database. Highest recovered transaction id:74, committed at:%d. Any"
)


@pytest.fixture
def home(tmp_path: Path) -> ServerHome:
    home = ServerHome(tmp_path / "home")
    home.prepare()
    home.debug_log.write_text(f"of another start\n{UNREADABLE}{CUT % 0}\n")
    return home


@pytest.fixture
def state() -> State:
    return State(pid=1, bolt=1, http=2, version="5", ready=True)


def answers(monkeypatch: pytest.MonkeyPatch, said: str | None) -> None:
    answer = None if said is None else Message(said)
    monkeypatch.setattr(launch, "problem", lambda home, state: answer)
    monkeypatch.setattr(lifecycle, "problem", lambda home, state: answer)


def add(home: ServerHome, text: str) -> int:
    """Add to the debug log; the bytes it had before."""
    before = size(home.debug_log)
    with home.debug_log.open("a") as file:
        file.write(text)
    return before


def test_a_database_that_serves_is_no_problem(
    home: ServerHome, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(monkeypatch, None)
    refuse_unavailable(home, state, 0)
    refuse_dead(home, state)


def test_a_database_that_does_not_answer_is_not_waited_for(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headgraph.graphdb.connection._threads.GRACE_S", 0)
    monkeypatch.setattr(launch, "ANSWER_S", 2.0)
    home = ServerHome(server.home)
    with relay(server.bolt_uri, b"RETURN 1") as it:
        port = int(it.uri.rpartition(":")[2])
        state = State(pid=server.pid, bolt=port, http=1, version="5", ready=True)
        with pytest.raises(ServerError, match=r"'the statement took longer than 2 s'; run"):
            refuse_dead(home, state)
    real = State(pid=server.pid, bolt=int(server.bolt_uri.rpartition(":")[2]), http=1, version="5",
                 ready=True)  # fmt: skip
    monkeypatch.undo()
    refuse_dead(home, real)


def test_an_unreadable_log_has_a_way_out(
    home: ServerHome, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(monkeypatch, GONE)
    with pytest.raises(ServerError) as caught:
        refuse_unavailable(home, state, add(home, UNREADABLE))
    message = str(caught.value)
    assert message.startswith("the database does not start: its transaction log cannot be read to")
    assert "then run headgraph.graphdb.server.start(recover=True): it" in message
    line = caught.value.for_command_line()
    assert "then run headgraph server start --recover: it" in line
    assert len(line) < 300


@pytest.mark.parametrize(
    ("log", "seen"),
    [
        ("java.io.IOException: x\nCaused by: a.B: no\nCaused by: c.D$E: no key\n", "'no key'"),
        ("", f"'{GONE}'"),
    ],
)
def test_another_reason_is_the_innermost_one(
    log: str, seen: str, home: ServerHome, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(monkeypatch, GONE)
    with pytest.raises(ServerError) as caught:
        refuse_unavailable(home, state, add(home, log))
    assert str(caught.value) == (
        f"the server starts but its database does not: {seen}; see the file {home.debug_log}"
    )


def test_what_a_recovery_cut_off_is_told(home: ServerHome) -> None:
    kept = home.data / "databases" / "neo4j" / "corrupted-neostore.transaction.db"
    note = cut_off(home, add(home, CUT % 1_795_959_164_713))
    assert note.options == (
        "the last readable change is of 2026-11-29 13:32:44+00:00; the rest was cut off, and is "
        f"kept in {kept}: headgraph runs lists the runs that are left"
    )
    assert note.endswith(f"{kept}: headgraph.runs(graph) lists the runs that are left")
    said = cut_off(home, add(home, "[neo4j/1] Fail to recover database. Any transactional logs"))
    assert said.startswith("the last readable change is from before the last stop; the rest")
    assert cut_off(home, size(home.debug_log)).endswith("to its end: nothing was cut off")


def test_a_log_that_was_made_anew_is_read_from_its_start(home: ServerHome) -> None:
    before = size(home.debug_log)
    home.debug_log.write_text("new\n")
    assert since(home.debug_log, before) == "new\n"
    assert since(home.debug_log, 2) == "w\n"
    home.debug_log.unlink()
    assert (since(home.debug_log, 2), size(home.debug_log)) == ("", 0)


@pytest.fixture
def launches(
    home: ServerHome, state: State, monkeypatch: pytest.MonkeyPatch
) -> list[tuple[str, object]]:
    """A server that runs and answers at its ports, and what a start does to it."""
    done: list[tuple[str, object]] = []

    def keeping(name: str, answer: object) -> Callable[..., object]:
        return lambda *args: done.append((name, args[-1])) or answer

    monkeypatch.setattr(lifecycle, "ensure_jars", lambda progress: [])
    monkeypatch.setattr(lifecycle, "current", lambda home: state)
    monkeypatch.setattr(lifecycle, "answer", lambda ports: True)
    monkeypatch.setattr(lifecycle, "adopt", lambda *args: None)
    monkeypatch.setattr(lifecycle.process, "end", keeping("end", True))
    monkeypatch.setattr(lifecycle, "launch", keeping("launch", "launched"))
    return done


def test_a_start_beside_a_dead_database_is_no_success(
    home: ServerHome, launches: list[tuple[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(monkeypatch, "The database has encountered a critical error")
    with pytest.raises(ServerError) as caught:
        local.start(home)
    seen = (
        "the local server (process 1) runs but its database does not serve: 'The database has "
        "encountered a critical error'; run headgraph"
    )
    assert str(caught.value) == (
        f"{seen}.graphdb.server.stop(), then headgraph.graphdb.server.start()"
    )
    assert caught.value.for_command_line() == f"{seen} server stop, then headgraph server start"
    assert launches == []


def test_a_recovering_start_ends_a_dead_database_and_no_other(
    home: ServerHome, launches: list[tuple[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(monkeypatch, None)
    assert local.start(home, recover=True).pid == 1
    assert launches == []
    answers(monkeypatch, "The database has encountered a critical error")
    assert local.start(home, recover=True) == "launched"
    assert launches == [("end", home), ("launch", True)]


def test_a_running_server_means_that_the_new_store_stays(
    home: ServerHome,
    state: State,
    launches: list[tuple[str, object]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers(monkeypatch, None)
    (home.path / "discarded" / "databases").mkdir(parents=True)
    (home.path / "import").mkdir()
    assert local.start(home) == described(home, state)
    assert not (home.path / "discarded").exists()
    assert not (home.path / "import").exists()


def test_a_server_that_a_killed_load_left_is_tidied_too(
    home: ServerHome,
    state: State,
    launches: list[tuple[str, object]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lifecycle, "current", lambda home: None)  # it never was ready
    monkeypatch.setattr(lifecycle, "adopt", lambda *args: described(home, state))
    (home.path / "import").mkdir()
    assert local.start(home) == described(home, state)
    assert not (home.path / "import").exists()
    assert launches == []
