"""The archive of the server's classes: recorded, kept, used, and left out where it is not good."""

import os
import re
import signal
from pathlib import Path

import pytest

from headgraph.base.signals import sigterm_raises
from headgraph.graphdb.server import ServerHome, archive, lifecycle, process
from headgraph.graphdb.server.process import find_java
from tests.graphdb.server.interrupted_start import (
    SIGNALS,
    signal_as_a_child_starts,
    sleeping_java,
)

USED = re.compile(r"-XX:SharedArchiveFile=(.*)")
RECORDED = re.compile(r"-XX:ArchiveClassesAtExit=(.*)")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ServerHome:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(archive, "TRIES", 3)  # the session's other servers record none
    return ServerHome(tmp_path / "home")


@pytest.fixture
def java(tmp_path: Path) -> Path:
    """A Java that writes the archive it is told to, of its own name."""
    path = tmp_path / "java"
    path.write_text('#!/bin/sh\nfor it; do case "$it" in *SharedArchiveFile=*) '
                    'echo base > "${it#*=}";; esac; done\n')  # fmt: skip
    path.chmod(0o700)
    return path


@pytest.fixture
def jars(tmp_path: Path) -> list[Path]:
    path = tmp_path / "a.jar"
    path.write_bytes(b"jar")
    return [path]


def given(pattern: re.Pattern[str], arguments: list[str]) -> list[str]:
    return [found[1] for it in arguments if (found := pattern.fullmatch(it))]


def recorded(home: ServerHome, java: Path, jars: list[Path]) -> Path:
    """The archive after a server that recorded one and was stopped."""
    first = archive.arguments(home, java, jars)
    (recording,) = given(RECORDED, first)
    Path(recording).write_bytes(b"classes")
    archive.keep(home, whole=True)
    return archive.place(java, jars) / archive.TOP


def test_a_stop_keeps_what_the_server_recorded_and_the_next_start_uses_it(
    home: ServerHome, java: Path, jars: list[Path]
) -> None:
    top = recorded(home, java, jars)
    second = archive.arguments(home, java, jars)
    assert given(RECORDED, second) == []
    assert given(USED, second) == [f"{top.with_name(archive.BASE)}{os.pathsep}{top}"]
    assert not list(top.parent.glob("*.new"))


@pytest.mark.parametrize("damage", ["contents", "length", "sum", "other jar", "other java"])
def test_an_archive_that_is_not_what_was_kept_is_recorded_anew(
    damage: str, home: ServerHome, java: Path, jars: list[Path]
) -> None:
    top = recorded(home, java, jars)
    if damage in ("contents", "length"):
        top.write_bytes(b"Classes" if damage == "contents" else b"cla")
    elif damage == "sum":
        top.with_suffix(".sha256").unlink()
    else:
        os.utime(jars[0] if damage == "other jar" else java, (1, 1))
    again = archive.arguments(home, java, jars)
    assert len(given(RECORDED, again)) == 1
    assert str(top) not in str(given(USED, again))
    assert recorded(home, java, jars).read_bytes() == b"classes"


def test_a_server_starts_without_an_archive_where_none_can_be(
    home: ServerHome, tmp_path: Path, java: Path, jars: list[Path]
) -> None:
    bad = tmp_path / "bad"
    bad.write_text(f"#!/bin/sh\necho >> {tmp_path}/calls\nexit 1\n")
    bad.chmod(0o700)
    for _ in range(archive.BASE_TRIES + 2):
        assert archive.arguments(home, bad, jars) == []
    assert len((tmp_path / "calls").read_text()) == archive.BASE_TRIES
    archive.keep(home, whole=True)
    assert archive.arguments(home, java, [tmp_path / "missing.jar"]) == []


def test_what_a_killed_server_recorded_is_deleted(
    home: ServerHome, java: Path, jars: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    home.prepare()
    monkeypatch.setattr(lifecycle, "pid_of", lambda _: 1)
    for how, kept in (("killed", False), (None, False), ("stopped", True)):
        monkeypatch.setattr(process, "end", lambda *_, how=how: how)
        (recording,) = given(RECORDED, archive.arguments(home, java, jars))
        Path(recording).write_bytes(b"half")
        assert lifecycle.stop(home) is (how is not None)
        assert not Path(recording).exists()
        assert (archive.place(java, jars) / archive.TOP).exists() is kept


def test_recording_is_given_up_where_each_server_is_killed(
    home: ServerHome, java: Path, jars: list[Path]
) -> None:
    tries = [given(RECORDED, archive.arguments(home, java, jars)) for _ in range(archive.TRIES + 1)]
    assert all(tries[:-1])
    assert tries[-1] == []


def test_of_many_archives_those_used_last_stay(
    home: ServerHome, java: Path, jars: list[Path]
) -> None:
    made, other = [], archive.place(java, jars).with_name(".DS_Store")  # of a file manager
    other.parent.mkdir(parents=True)
    other.touch()
    os.utime(other, (0, 0))
    for day in range(archive.KEPT + 1):
        os.utime(jars[0], (day, day))  # as the jar of another environment
        made.append(recorded(home, java, jars).parent)
        if day == archive.KEPT - 1:
            for old, folder in enumerate(made):
                os.utime(folder, (old, old))
            os.utime(jars[0], (0, 0))
            archive.arguments(home, java, jars)  # the oldest is used again
    assert [it.exists() for it in made] == [True, False] + [True] * (archive.KEPT - 1)


def test_an_archive_of_another_user_is_used(
    home: ServerHome, java: Path, jars: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    top = recorded(home, java, jars)

    def refuse(path: Path) -> None:
        raise PermissionError(path)

    monkeypatch.setattr(os, "utime", refuse)
    assert str(top) in str(given(USED, archive.arguments(home, java, jars)))


def test_two_servers_that_record_at_once_keep_one_archive(
    home: ServerHome, tmp_path: Path, java: Path, jars: list[Path]
) -> None:
    other = ServerHome(tmp_path / "other")
    files = [Path(given(RECORDED, archive.arguments(it, java, jars))[0]) for it in (home, other)]
    for file, text in zip(files, (b"one", b"two"), strict=True):
        file.write_bytes(text)
    archive.keep(home, whole=True)
    archive.keep(other, whole=True)
    assert (archive.place(java, jars) / archive.TOP).read_bytes() == b"one"
    assert not any(file.exists() for file in files)


def test_java_runs_with_a_base_of_its_own_and_without_a_damaged_archive(
    home: ServerHome, jars: list[Path]
) -> None:
    """The real Java: it maps the base, and goes on where the archive on top of it is damaged."""
    import subprocess

    real = find_java()
    top = recorded(home, real, jars)  # of bytes that Java cannot read
    used = archive.arguments(home, real, jars)
    said = subprocess.run(
        [real, *used, "-Xlog:cds*=info", "-version"], capture_output=True, text=True, check=True
    )
    assert "Runtime Environment" in said.stderr
    assert str(top.with_name(archive.BASE)) in said.stdout


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_as_the_base_is_written_leaves_neither_java_nor_a_file(
    number: signal.Signals, home: ServerHome, jars: list[Path], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    java = sleeping_java(tmp_path)
    made = signal_as_a_child_starts(number, monkeypatch)
    with pytest.raises(KeyboardInterrupt), sigterm_raises():
        archive.arguments(home, java, jars)
    assert [process.is_running() for process in made] == [False]
    assert {it.suffix for it in archive.place(java, jars).iterdir()} == {".tries"}


def test_a_file_that_cannot_be_removed_does_not_hide_an_interruption(
    home: ServerHome, java: Path, jars: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    def refused(*_: object, **__: object) -> None:
        raise PermissionError

    monkeypatch.setattr(archive, "_put", interrupted)
    monkeypatch.setattr(Path, "unlink", refused)
    with pytest.raises(KeyboardInterrupt):
        archive.arguments(home, java, jars)
