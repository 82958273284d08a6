"""The local server's home, password, ports, settings and logs, without a server."""

import hashlib
import os
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from headgraph.graphdb import server
from headgraph.graphdb.errors import ServerError
from headgraph.graphdb.server import (
    ANY_PORTS,
    USUAL_PORTS,
    Ports,
    ServerHome,
    config,
    logs,
    process,
)
from headgraph.graphdb.server.ports import _bolt_answers, answer, choose, is_free
from headgraph.graphdb.server.process import find_java
from headgraph.graphdb.server.state import auth_line, ensure_password, read_password, write_private

HEAVY = ("neo4j", "jgo", "psutil", "requests", "filelock", "rich", "platformdirs", "pandas")


def imported_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(said.stdout.split()) & set(HEAVY)


def test_importing_the_server_imports_nothing_heavy() -> None:
    assert imported_by("import headgraph.graphdb.server, headgraph.graphdb.commands") == set()


def test_the_test_above_can_fail() -> None:
    assert "psutil" in imported_by("import headgraph.graphdb.server, psutil")


@pytest.fixture
def home(tmp_path: Path) -> ServerHome:
    return ServerHome(tmp_path / "home")


@pytest.fixture(autouse=True)
def no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """A start that should have been refused must not leave a server behind."""
    monkeypatch.setattr(process, "spawn", lambda *args: pytest.fail("java was started"))


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
    monkeypatch.setattr("headgraph.graphdb.server.lifecycle.ensure_jars", lambda progress: [])

    with pytest.raises(ServerError, match=r"cannot run the local server: Not a directory \(.*XDG"):
        server.start(tmp_path / "file" / "home")


def test_a_full_disk_is_told_before_java_starts(
    home: ServerHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(home.path.parent)._replace(free=5_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    monkeypatch.setattr("headgraph.graphdb.server.lifecycle.ensure_jars", lambda progress: [])

    with pytest.raises(ServerError, match="has 5 MB left and 120 MB are needed: free some space"):
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

    with pytest.raises(ServerError, match=r"password file .* missing and the data .* put the file"):
        ensure_password(home)


def test_a_password_that_cannot_be_read_is_told(home: ServerHome) -> None:
    with pytest.raises(ServerError, match=r"cannot read the server's password: .*No such file"):
        read_password(home.password_file)
    home.prepare()
    home.password_file.touch()
    with pytest.raises(ServerError, match="is empty"):
        read_password(home.password_file)
    home.password_file.write_bytes(b"caf\xe9")
    with pytest.raises(ServerError, match=r"is not UTF-8 text .* put the file back"):
        read_password(home.password_file)


# the user's own settings


@pytest.mark.parametrize("own", ["", "server.memory.heap.initial_size=16g\n"
                                     "server.memory.heap.max_size=16g\n"])  # fmt: skip
def test_a_recovering_start_has_memory_for_the_length_of_a_list_that_was_never_one(
    own: str, home: ServerHome
) -> None:
    own_settings(home, own)
    config.write(home, Ports(bolt=11, http=12), [], recover=True)
    arguments = config.argument_file(home).read_text().splitlines()
    assert {'"-Xms256m"', '"-Xmx9g"'} <= set(arguments)  # tried: 4 GB do not do
    config.write(home, Ports(bolt=11, http=12), [])
    assert '"-Xmx9g"' not in config.argument_file(home).read_text()


def own_settings(home: ServerHome, text: str) -> None:
    home.prepare()
    home.overrides.write_text(text, encoding="utf-8")


def test_settings_of_the_users_own_are_in_effect_and_stay(home: ServerHome) -> None:
    own_settings(
        home,
        "# more memory\n\n  server.memory.pagecache.size = 2g \n"
        "server.memory.heap.max_size=3g\ndb.logs.query.enabled=OFF\n",
    )
    for _ in range(2):
        config.write(home, Ports(bolt=11, http=12), [])
        told = (home.conf / "neo4j.conf").read_text().splitlines()
        assert [line for line in told if "pagecache" in line] == ["server.memory.pagecache.size=2g"]
        assert "db.logs.query.enabled=OFF" in told
        assert "server.bolt.listen_address=127.0.0.1:11" in told
        names = [line.partition("=")[0] for line in told[1:]]
        assert len(set(names)) == len(names), "Neo4j refuses a setting that comes twice"
        assert '"-Xmx3g"' in config.argument_file(home).read_text().splitlines()
    assert "# more memory" in home.overrides.read_text()


@pytest.mark.parametrize("name", [*sorted(config.settings(Ports(bolt=1, http=2)).keys()
                                          - config.SIZES.keys() - config.QUICK_STOP.keys()),
                                  "dbms.security.procedures.unrestricted", "server.jvm.additional",
                                  "server.directories.data", "server.bolt.tls_level",
                                  "server.bolt.enabled", "server.routing.listen_address",
                                  *(config.RECOVERING.keys() - config.SIZES.keys())])  # fmt: skip
def test_what_keeps_the_server_closed_cannot_be_changed(name: str, home: ServerHome) -> None:
    own_settings(home, f"db.logs.query.enabled=OFF\n{name}=x\n")
    with pytest.raises(ServerError) as caught:
        config.write(home, Ports(bolt=11, http=12), [])
    assert str(caught.value).startswith(f"line 2 of {home.overrides} sets '{name}', which")
    assert not (home.conf / "neo4j.conf").exists()


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("server.memory.pagecache.size", "'server.memory.pagecache.size': expected name=value"),
        ("include=/etc/passwd", "'include=/etc/passwd': expected name=value, such as"),
        ("db.x=\\\n", "expected name=value"),
        ("db.x=1\ndb.x=2", "line 2 of .* sets 'db.x' a second time: remove one of the lines"),
    ],
)
def test_lines_that_are_no_settings_are_told(text: str, seen: str, home: ServerHome) -> None:
    own_settings(home, text)
    with pytest.raises(ServerError, match=seen):
        config.write(home, Ports(bolt=11, http=12), [])


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


@pytest.mark.parametrize(("reply", "speaks"), [(bytes(4), False), (b"\0\0\4\5", True)])
def test_bolt_answers_when_it_agrees_on_a_version(reply: bytes, speaks: bool) -> None:
    def serve(listener: socket.socket) -> None:
        link, _ = listener.accept()
        with link:
            assert link.recv(64).startswith(bytes.fromhex("6060b017"))
            link.sendall(reply)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        assert _bolt_answers(listener.getsockname()[1]) is speaks
        thread.join()


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


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            'Exception in thread "main" java.lang.IllegalArgumentException: No setting x.y\n'
            "\tat a.b\n",
            "No setting x.y",
        ),
        (
            "Invalid maximum heap size: -Xmxmuch\nError: Could not create the Java machine.\n",
            "Invalid maximum heap size: -Xmxmuch ... Error: Could not create the Java machine.",
        ),
    ],
)
def test_last_words_of_java_are_without_its_names(said: str, words: str, home: ServerHome) -> None:
    home.prepare()
    home.console.write_text(said)
    assert logs.last_words(home, 0) == words


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
