"""One store in the place of another: whole, or as it was, whatever comes in between."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import psutil
import pytest

from headgraph.base.signals import sigterm_raises
from headgraph.graphdb.errors import ServerError
from headgraph.graphdb.server import ServerHome, lifecycle
from headgraph.graphdb.server.store import importer
from headgraph.graphdb.server.store.exchange import PARTS, heal, keep, replace_store
from headgraph.graphdb.server.store.importer import _argument, clear, last_words, workplace
from tests.graphdb.server.interrupted_start import (
    SIGNALS,
    signal_as_a_child_starts,
    sleeping_java,
)

WHOLE = 2 * len(PARTS)
"""Files of a store."""


@pytest.fixture
def home(tmp_path: Path) -> ServerHome:
    return ServerHome(tmp_path / "home")


def store(folder: Path, text: str) -> Path:
    for part in PARTS:
        (folder / part).mkdir(parents=True)
        for name in ("file", "file2"):
            (folder / part / name).write_text(text)
    return folder


def texts(folder: Path) -> list[str]:
    """What the files of the two parts say; a part with a file missing says less."""
    return [path.read_text() for part in PARTS for path in (folder / part).rglob("*")]


def beside(home: ServerHome) -> set[str]:
    """What lies in the home besides its data and its locks."""
    return {path.name for path in home.path.iterdir()} - {"data", "lock", "import.lock"}


class Killed(BaseException):
    """In place of a kill: nothing that follows it in the same process does anything."""


class Fuse:
    """Lets so many changes of the disk happen, and no other: as a kill after the last of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, steps: int) -> None:
        self.left = steps
        self.blown = False
        for owner, name in [
            (Path, "rename"), (Path, "mkdir"), (Path, "rmdir"), (os, "unlink"), (os, "rmdir"),
        ]:  # fmt: skip
            monkeypatch.setattr(owner, name, self.limited(getattr(owner, name)))

    def limited(self, change: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **options: Any) -> Any:
            if not self.left:
                self.blown = True
                raise Killed
            self.left -= 1
            return change(*args, **options)

        return run


def until_killed(steps: int, work: Callable[[], object]) -> bool:
    """Whether the work was killed before its end."""
    with pytest.MonkeyPatch.context() as patch:
        fuse = Fuse(patch, steps)
        with suppress(Killed):
            work()
        return fuse.blown


def exchange(home: ServerHome, new: Path) -> None:
    """What an offline load does to the folders; `keep` when the server answers with the new one."""
    replace_store(home, new)
    keep(home)


def test_the_new_store_is_in_and_the_old_one_can_come_back(
    home: ServerHome, tmp_path: Path
) -> None:
    store(home.data, "old")
    replace_store(home, store(tmp_path / "new", "new"))
    assert texts(home.data) == ["new"] * WHOLE
    heal(home)
    assert texts(home.data) == ["old"] * WHOLE
    exchange(home, store(tmp_path / "newer", "newer"))
    assert texts(home.data) == ["newer"] * WHOLE
    heal(home)
    assert texts(home.data) == ["newer"] * WHOLE, "what was kept stays"
    assert beside(home) == set()


def test_a_kill_at_any_step_leaves_a_whole_store_after_the_next_start(tmp_path: Path) -> None:
    seen: list[str] = []
    for steps in count():
        home = ServerHome(tmp_path / str(steps))
        store(home.data, "old")
        new = store(tmp_path / f"new{steps}", "new")
        killed = until_killed(steps, lambda home=home, new=new: exchange(home, new))  # type: ignore[misc]
        heal(home)
        (text,) = set(texts(home.data))
        assert (len(texts(home.data)), beside(home)) == (WHOLE, set()), steps
        seen.append(text)
        if not killed:
            break
    assert len(seen) > 2 * len(PARTS) + 3, "every rename, and what deletes the old store"
    # from one step on it is the new one: there is no way back
    first = seen.index("new")
    assert seen == ["old"] * first + ["new"] * (len(seen) - first)


def test_a_start_that_is_killed_too_is_healed_by_the_one_after_it(tmp_path: Path) -> None:
    # at its worst: one part of each store is in
    for steps in count():
        home = ServerHome(tmp_path / str(steps))
        store(home.data, "old")
        new = store(tmp_path / f"new{steps}", "new")
        replace_store(home, new)
        killed = until_killed(steps, lambda home=home: heal(home))  # type: ignore[misc]
        heal(home)
        assert texts(home.data) == ["old"] * WHOLE, steps
        assert beside(home) == set()
        if not killed:
            break
    assert steps > WHOLE, "each file of the new store was deleted in a step of its own"


RENAMES = 2 * len(PARTS)  # the old part aside and the new one in, of each


def interrupted(number: int) -> Callable[[Path, Path], Path]:
    """`Path.rename` that Ctrl-C meets once, after it did its work."""
    calls: list[Path] = []
    rename = Path.rename

    def run(path: Path, target: Path) -> Path:
        calls.append(path)
        moved = rename(path, target)
        if len(calls) == number:
            raise KeyboardInterrupt
        return moved

    return run


@pytest.mark.parametrize("number", range(1, RENAMES + 1))
def test_an_interruption_at_any_rename_leaves_the_old_store(
    number: int, home: ServerHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(home.data, "old")
    new = store(tmp_path / "new", "new")
    monkeypatch.setattr(Path, "rename", interrupted(number))
    with pytest.raises(KeyboardInterrupt):
        replace_store(home, new)
    assert texts(home.data) == ["old"] * WHOLE
    assert beside(home) == set()


@pytest.mark.parametrize("steps", range(9))
def test_where_there_was_no_store_there_is_none_again(
    steps: int, home: ServerHome, tmp_path: Path
) -> None:
    home.data.mkdir(parents=True)
    new = store(tmp_path / "new", "new")
    until_killed(steps, lambda: replace_store(home, new))
    heal(home)
    assert texts(home.data) == []
    assert not any((home.data / part).exists() for part in PARTS)


def test_an_interruption_while_the_server_stops_starts_it_again(
    home: ServerHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(home.data, "old")
    said: list[str] = []

    def end(pid: int, home: ServerHome) -> bool:
        said.append("end")
        if len(said) == 1:
            raise KeyboardInterrupt
        return True

    monkeypatch.setattr(lifecycle, "ensure_jars", lambda progress: [])
    monkeypatch.setattr(lifecycle, "pid_of", lambda home: 1)
    monkeypatch.setattr(lifecycle.process, "end", end)
    monkeypatch.setattr(lifecycle, "launch", lambda *args: said.append("launch"))
    with pytest.raises(KeyboardInterrupt):
        lifecycle.restart_with(home, store(tmp_path / "new", "new"))
    assert said == ["end", "end", "launch"]
    assert texts(home.data) == ["old"] * WHOLE


def left_behind(home: ServerHome) -> Path:
    scratch = home.path / "import"
    (scratch / "data").mkdir(parents=True)
    (scratch / "data" / "left").touch()
    return scratch


def test_the_next_start_or_import_removes_what_a_killed_one_left(home: ServerHome) -> None:
    scratch = left_behind(home)
    clear(home)
    assert not scratch.exists()
    left_behind(home)
    with workplace(home) as scratch:
        assert list(scratch.iterdir()) == []
        (scratch / "wanted").touch()
        clear(home)
        assert (scratch / "wanted").exists(), "another command's, under way"
    assert beside(home) == set()


def test_the_importer_of_a_killed_load_is_ended_before_its_folder_goes(home: ServerHome) -> None:
    scratch = left_behind(home)
    code = "import time; print(flush=True); time.sleep(600)"
    with subprocess.Popen(
        [sys.executable, "-c", code, _argument(scratch)], stdout=subprocess.PIPE
    ) as importer:
        assert importer.stdout
        importer.stdout.readline()  # its command line is there
        clear(home)
        assert importer.wait(60) == -signal.SIGKILL
    assert not scratch.exists()


def test_an_importer_does_not_outstay_a_disk_that_fills(
    home: ServerHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    java, pid, usage = tmp_path / "java", tmp_path / "pid", shutil.disk_usage(tmp_path)
    java.write_text(f"#!/bin/sh\necho $$ > {pid}\nexec sleep 600\n")
    java.chmod(0o755)

    def filled(folder: Path) -> object:
        runs = pid.exists() and pid.read_text().endswith("\n")
        return usage._replace(free=5_000_000 if runs else usage.free)

    monkeypatch.setattr(shutil, "disk_usage", filled)
    monkeypatch.setattr(importer, "ensure_jars", lambda progress: [])
    monkeypatch.setattr(importer, "find_java", lambda: java)
    monkeypatch.setattr(importer, "LOOK_S", 0.05)
    with importer.workplace(home) as scratch:
        nodes, relationships = scratch / "nodes.csv", scratch / "relationships.csv"
        nodes.touch()
        relationships.touch()
        with pytest.raises(ServerError, match="has 5 MB left and 20 MB are needed"):
            importer.build_store(scratch, nodes, relationships)
    assert not psutil.pid_exists(int(pid.read_text()))
    assert not (home.path / "import").exists()


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_as_the_importer_starts_ends_it_too(
    number: signal.Signals, home: ServerHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importer, "ensure_jars", lambda progress: [])
    monkeypatch.setattr(importer, "find_java", lambda: sleeping_java(tmp_path))
    made = signal_as_a_child_starts(number, monkeypatch)
    with importer.workplace(home) as scratch:
        nodes, relationships = scratch / "nodes.csv", scratch / "relationships.csv"
        nodes.touch()
        relationships.touch()
        with pytest.raises(KeyboardInterrupt), sigterm_raises():
            importer.build_store(scratch, nodes, relationships)
    assert [process.is_running() for process in made] == [False], "and reaped"
    assert not (home.path / "import").exists()


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            "VM Version: 21.0.8+9-LTS\n"
            "java.lang.IllegalStateException: Directory /x/data of data/nodes.csv doesn't exist\n"
            "\tat org.neo4j.cli.AdminTool.main(AdminTool.java:82)\n\n",
            "Directory /x/data of data/nodes.csv doesn't exist",
        ),
        (
            "IMPORT FAILED in 2s 140ms.\nError in input data\n"
            "org.neo4j.cli.CommandFailedException: Error importing csv file.\n"
            "\tat org.neo4j.importer.ImportCommand.execute(ImportCommand.java:9)\n"
            "Caused by: org.neo4j.importer.FileImporter$CsvImportException: "
            "org.neo4j.internal.batchimport.input.InputException: ERROR in input\n"
            "  raw field value: q\n\t... 13 more\n"
            "Caused by: org.neo4j.internal.batchimport.input.InputException: "
            'java.lang.NumberFormatException: Not an integer: "q"\n\t... 9 more\n',
            'Not an integer: "q"',
        ),
        ("Killed\n\n", "Killed"),
        ("", "nothing"),
    ],
)
def test_the_importers_last_words_are_those_of_the_innermost_cause(said: str, words: str) -> None:
    assert last_words(said) == words
