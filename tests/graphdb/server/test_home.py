"""The local server's home folder and password, without a server."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from headgraph.graphdb import server
from headgraph.graphdb.errors import ServerError
from headgraph.graphdb.server import (
    ServerHome,
    process,
)
from headgraph.graphdb.server.home.state import (
    auth_line,
    ensure_password,
    read_password,
    write_private,
)

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
