"""`headgraph doctor`: what it finds in both places, and that it asks."""

from contextlib import nullcontext, redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Any

import click
import pytest

from headgraph.base.spelling import argument
from headgraph.doctor import doctor
from headgraph.graphdb.errors import NotReachable, ServerError
from headgraph.graphdb.server import ServerHome
from tests.loader.fakes import WillingGraph
from tests.loader.test_attempts import database, row
from tests.loader.test_commands import call

DEAD = "a1a1a1a1a1a1 (an attempt at tiny, begun 2026-11-29 12:00Z, whose loader, process 7 on box, "


@pytest.fixture
def left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files of an import that was cut off, in the local server's home."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("NEO4J_URI", "bolt://127.0.0.1:9")
    monkeypatch.setenv("NEO4J_PASSWORD", "secret")
    files = ServerHome.default().path / "import"
    files.mkdir(parents=True)
    return files


def reached(monkeypatch: pytest.MonkeyPatch, *rows: tuple[Any, ...]) -> WillingGraph:
    """The database that the command opens."""
    graph = database(*rows)
    graph.settings = type("Settings", (), {"uri": "bolt://127.0.0.1:9"})  # type: ignore[attr-defined]
    monkeypatch.setattr(
        "headgraph.graphdb.connection.graph.connect", lambda **where: nullcontext(graph)
    )
    return graph


def test_a_dry_run_lists(
    left: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    graph = reached(monkeypatch, row(), row(id="b2" * 32, silent_s=1))
    assert call(doctor, "--dry-run").splitlines() == [
        f"would remove {DEAD}seems to have ended)",
        f"would remove files of an import that was cut off, 0.0 MB: {left}",
    ]
    assert capsys.readouterr().err.startswith("note: left alone: b2b2b2b2b2b2 (an attempt at tiny")
    assert {method for method, _, _ in graph.calls} == {"read"}
    assert left.exists()


@pytest.mark.parametrize("answer", ["y", "n", ""])
def test_it_asks(answer: str, left: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = reached(monkeypatch, row())
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda prompt: answer)
    with redirect_stderr(StringIO()) as err:
        said = call(doctor)
    assert err.getvalue().startswith(f"would remove {DEAD}seems to have ended)\n")
    assert said.startswith(f"removed {DEAD}" if answer == "y" else "nothing was removed")
    assert left.exists() == (answer != "y")
    assert any("AS taken" in text for text in graph.texts("write")) == (answer == "y")


def test_without_a_terminal_it_wants_yes(left: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = reached(monkeypatch, row(process=None))
    monkeypatch.setattr("sys.stdin", StringIO("y\n"))
    with pytest.raises(click.UsageError, match="stdin is not a terminal: pass --yes"):
        call(doctor)
    assert left.exists()
    assert graph.texts("write") == []
    removed = call(doctor, "--yes").splitlines()
    assert len(removed) == 2
    assert not left.exists()


def test_files_are_found_without_a_database(
    left: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def nobody(**where: Any) -> Any:
        raise NotReachable("no database answers")

    monkeypatch.setattr("headgraph.graphdb.connection.graph.connect", nobody)
    assert call(doctor, "--yes") == (f"removed files of an import that was cut off, 0.0 MB: {left}")
    assert capsys.readouterr().err == "note: the database was not checked (no database answers)\n"
    assert call(doctor, "--yes") == (
        "nothing to remove among the local server's files; the database was not checked"
    )


def test_an_empty_answer_says_what_was_checked(
    left: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    left.rmdir()
    reached(monkeypatch)
    assert call(doctor) == "nothing to remove in the database or among the local server's files"

    def busy(**_: Any) -> Any:
        raise ServerError("another command is busy")

    monkeypatch.setattr("headgraph.graphdb.server.leftovers.leftovers", busy)
    assert call(doctor) == (
        "nothing to remove in the database; the local server's files were not checked"
    )
    assert capsys.readouterr().err == "note: files were not checked (another command is busy)\n"

    def unreachable(**_: Any) -> Any:
        raise NotReachable(f"no database answers: give {argument('uri')}")

    monkeypatch.setattr("headgraph.graphdb.connection.graph.connect", unreachable)
    assert call(doctor) == "nothing was checked"
    assert capsys.readouterr().err.startswith(
        "note: the database was not checked (no database answers: give --uri)\n"
    )
