"""One store in the place of another: whole, or as it was, whatever comes in between."""

from collections.abc import Callable
from pathlib import Path

import pytest

from graphdb.server import ServerHome, restarting
from graphdb.server.exchanging import PARTS, replace_store
from graphdb.server.importing import last_words, workplace

RENAMES = 2 * len(PARTS)  # the old part aside and the new one in, of each


@pytest.fixture
def home(tmp_path: Path) -> ServerHome:
    return ServerHome(tmp_path / "home")


def store(folder: Path, text: str) -> Path:
    for part in PARTS:
        (folder / part).mkdir(parents=True)
        (folder / part / "file").write_text(text)
    return folder


def texts(folder: Path) -> list[str]:
    return [(folder / part / "file").read_text() for part in PARTS if (folder / part).exists()]


def left(home: ServerHome) -> list[str]:
    return [path.name for path in home.path.iterdir() if path.name.startswith("replaced")]


def interrupted(number: int, *, after: bool) -> Callable[[Path, Path], Path]:
    """`Path.rename` that Ctrl-C meets once, before or after it did its work."""
    calls: list[Path] = []
    rename = Path.rename

    def run(path: Path, target: Path) -> Path:
        calls.append(path)
        if len(calls) == number and not after:
            raise KeyboardInterrupt
        moved = rename(path, target)
        if len(calls) == number:
            raise KeyboardInterrupt
        return moved

    return run


def test_the_new_store_is_in_and_the_old_one_can_come_back(
    home: ServerHome, tmp_path: Path
) -> None:
    store(home.data, "old")
    replaced = replace_store(home, store(tmp_path / "new", "new"))
    assert texts(home.data) == ["new"] * len(PARTS)
    replaced.undo()
    assert texts(home.data) == ["old"] * len(PARTS)
    replace_store(home, store(tmp_path / "newer", "newer")).forget()
    assert texts(home.data) == ["newer"] * len(PARTS)
    assert left(home) == []


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("number", range(1, RENAMES + 1))
def test_an_interruption_at_any_step_leaves_the_old_store(
    number: int, after: bool, home: ServerHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(home.data, "old")
    new = store(tmp_path / "new", "new")
    monkeypatch.setattr(Path, "rename", interrupted(number, after=after))
    with pytest.raises(KeyboardInterrupt):
        replace_store(home, new)
    assert texts(home.data) == ["old"] * len(PARTS)
    assert left(home) == []


@pytest.mark.parametrize("number", range(1, len(PARTS) + 1))
def test_where_there_was_no_store_there_is_none_again(
    number: int, home: ServerHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.prepare()
    new = store(tmp_path / "new", "new")
    monkeypatch.setattr(Path, "rename", interrupted(number, after=True))
    with pytest.raises(KeyboardInterrupt):
        replace_store(home, new)
    assert texts(home.data) == []


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

    monkeypatch.setattr(restarting, "ensure_jars", lambda progress: [])
    monkeypatch.setattr(restarting, "pid_of", lambda home: 1)
    monkeypatch.setattr(restarting.process, "end", end)
    monkeypatch.setattr(restarting, "launch", lambda *args: said.append("launch"))
    with pytest.raises(KeyboardInterrupt):
        restarting.restart_with(home, store(tmp_path / "new", "new"))
    assert said == ["end", "end", "launch"]
    assert texts(home.data) == ["old"] * len(PARTS)


def test_the_next_import_removes_what_a_killed_one_left(home: ServerHome, tmp_path: Path) -> None:
    store(home.data, "old")
    replace_store(home, store(tmp_path / "new", "new"))  # and nobody came to forget it
    assert len(left(home)) == 1
    with workplace(home):
        assert left(home) == []
    assert texts(home.data) == ["new"] * len(PARTS)


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
