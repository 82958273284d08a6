"""What killed commands left of the local server: found, told from what is in use, and deleted."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock
import pytest

from headgraph.graphdb.errors import ServerError
from headgraph.graphdb.server import ServerHome
from headgraph.graphdb.server.jars import read_pins
from headgraph.graphdb.server.leftovers import Leftover, clear, leftovers
from headgraph.graphdb.server.process import mark

SHORT = read_pins()[0]  # its file has fewer bytes than the pinned one


def write(path: Path, text: str = "12345") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def home(tmp_path: Path) -> ServerHome:
    """A home in which a start, an import and an exchange of stores were killed."""
    home = ServerHome(tmp_path / "home")
    write(home.password_file)
    write(home.path / "server.json.part")
    write(home.data / "dbms" / "auth.ini.part")
    write(home.path / "web" / "neo4j-browser.part")
    write(home.data / "databases" / "neo4j" / "neostore")
    write(home.tmp / "jetty-1" / "page")
    write(home.path / "import" / "data" / "databases" / "neo4j" / "neostore")
    write(home.path / "replaced-x1" / "databases" / "neo4j" / "neostore")
    write(home.path / "discarded" / "databases" / "neo4j" / "neostore")
    return home


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    cache = tmp_path / "jars"
    write(SHORT.file(cache))
    write(SHORT.file(cache).with_name("another-version-1.0.jar"))
    return cache


STARTS = {"server.json.part", "auth.ini.part", "neo4j-browser.part", "jetty-1"}
JAR = {SHORT.file(Path()).name}


def names(found: list[Leftover]) -> set[str]:
    return {leftover.path.name for leftover in found}


@contextmanager
def running(home: ServerHome) -> Iterator[int]:
    """A process that looks like this home's server."""
    command = [sys.executable, "-c", "print(flush=True); input()", mark(home)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process.pid
        finally:
            process.kill()


def test_all_that_nobody_uses_is_found_and_deleted(home: ServerHome, cache: Path) -> None:
    found = leftovers(home, cache, online=True)
    assert names(found) == STARTS | {"import", "replaced-x1", "discarded"} | JAR
    assert {leftover.size for leftover in found} == {5}
    assert clear(found, home, cache, online=True) == found
    kept = {path.name for path in home.path.rglob("*") if path.is_file()} - {"lock", "import.lock"}
    assert kept == {"password", "neostore"}
    assert (home.data / "databases" / "neo4j" / "neostore").exists()
    assert [path.name for path in cache.rglob("*.jar")] == ["another-version-1.0.jar"]
    assert leftovers(home, cache, online=True) == []


def test_a_store_aside_may_be_the_only_whole_one(home: ServerHome, cache: Path) -> None:
    assert not {"replaced-x1", "discarded"} & names(leftovers(home, cache, online=False))


def test_a_store_that_the_next_start_brings_back_is_no_leftover(
    home: ServerHome, cache: Path
) -> None:
    write(home.path / "replaced" / "databases" / "neo4j" / "neostore")
    assert "replaced" not in names(leftovers(home, cache, online=True))


def test_what_is_in_use_is_no_leftover(home: ServerHome, cache: Path) -> None:
    with running(home), filelock.FileLock(home.path / "import.lock"):
        assert names(leftovers(home, cache, online=True)) == STARTS - {"jetty-1"} | JAR
    with filelock.FileLock(cache / "lock"):
        assert not JAR & names(leftovers(home, cache, online=True))
    with filelock.FileLock(home.path / "lock"), pytest.raises(ServerError, match="busy"):
        leftovers(home, cache, online=True)


def test_only_what_was_listed_is_deleted(home: ServerHome, cache: Path) -> None:
    """An import began, and left something too, while somebody was asked."""
    listed = leftovers(home, cache, online=False)
    write(home.path / "replaced-x2" / "databases")
    with filelock.FileLock(home.path / "import.lock"):
        assert names(clear(listed, home, cache, online=True)) == STARTS | JAR
    assert (home.path / "import").exists()
    assert (home.path / "replaced-x2").exists()


def test_a_link_is_deleted_and_not_followed(home: ServerHome, cache: Path, tmp_path: Path) -> None:
    target = write(tmp_path / "elsewhere" / "file")
    (home.tmp / "link").symlink_to(target.parent)
    clear(leftovers(home, cache, online=False), home, cache, online=False)
    assert not (home.tmp / "link").is_symlink()
    assert target.exists()


def test_where_there_is_no_home_there_is_nothing(tmp_path: Path) -> None:
    home = ServerHome(tmp_path / "home")
    assert leftovers(home, tmp_path / "cache", online=False) == []
    assert not home.path.exists()


def test_a_server_that_is_still_starting_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its start was killed, or goes on: there is a process, and nothing says that it answered."""
    from headgraph.graphdb.connection.settings import resolve
    from headgraph.graphdb.errors import NotReachable
    from tests.graphdb.server.test_commands import call

    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    home = ServerHome.default()
    home.path.mkdir(parents=True)
    with running(home) as pid:
        for ask, said in (
            (lambda: resolve(), f"no database yet: the local server (process {pid}) is still"),
            (lambda: call("status"), f"the local server (process {pid}, folder {home.path}) is"),
        ):
            with pytest.raises(NotReachable) as caught:
                ask()
            assert str(caught.value).startswith(said)
    with pytest.raises(NotReachable, match="no local server is running"):
        resolve()
