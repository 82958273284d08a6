"""The commands: options in, one sentence or table out, notes on stderr."""

from contextlib import nullcontext, redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from headgraph.graphdb import RecordingGraph
from headgraph.graphdb.results.result import Result
from headgraph.loader import commands
from headgraph.loader.errors import NothingToLoad
from headgraph.pk_engine.errors import SelectionError, TableError
from headgraph.pk_engine.options import selection_options
from headgraph.pk_engine.table.selection import Selection
from tests.loader.fakes import WillingGraph
from tests.tables import random_table


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return random_table(model="test/tiny").write(tmp_path / "t.parquet")


def call(command: click.Command, *args: str) -> Any:
    """What a command's callback returns, for the command line to print."""
    return command.main([str(arg) for arg in args], standalone_mode=False)


def test_a_dry_run_works_without_a_database(
    table: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEO4J_URI", "bolt://127.0.0.1:9")
    said = call(commands.load, str(table), "--dry-run", "--top", "2", "--run", "mine")
    assert said == (
        "would load mine: 16 heads (0 with roles) and 6 edges (OQ, OK, OV; top 2 per pairing)"
    )
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(
        "note: the database was not checked (no database answers at bolt://127.0.0.1:9"
    )


def test_the_file_is_read_before_a_database_is_looked_for(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="no file"):
        call(commands.load, str(tmp_path / "gone.parquet"), "--uri", "bolt://127.0.0.1:9")


def test_notes_go_to_stderr(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEO4J_URI", "bolt://127.0.0.1:9")
    narrow = random_table().select(Selection(top=3)).write(tmp_path / "n.parquet")
    call(commands.load, str(narrow), "--dry-run", "--top", "9")
    said = capsys.readouterr().err
    assert "note: --top 9 is wider than the selection that made the file (top 3 per" in said


def test_a_selection_that_keeps_nothing(table: Path) -> None:
    with pytest.raises(NothingToLoad):
        call(
            commands.load, str(table), "--dry-run", "--min-pk", "99", "--uri", "bolt://127.0.0.1:9"
        )


def test_runs_and_drop_return_what_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Open(RecordingGraph):
        def __enter__(self) -> "Open":
            return self

        def __exit__(self, *exc: object) -> None:
            pass

    monkeypatch.setenv("NEO4J_URI", "bolt://127.0.0.1:9")
    monkeypatch.setenv("NEO4J_PASSWORD", "secret")
    monkeypatch.setattr("headgraph.graphdb.connection.graph.connect", lambda **where: Open())
    assert list(call(commands.runs).columns)[:2] == ["name", "model"]
    with pytest.raises(Exception, match="the database holds none"):
        call(commands.drop, "x")


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> WillingGraph:
    """What the commands reach: a database of two complete runs."""
    rows = tuple((name[-1] * 64, name, 16, 9) for name in ("ckpt-1", "ckpt-2"))
    graph = WillingGraph(
        {"AS id, toStringOrNull(r.name)": Result(("id", "name", "heads", "edges"), rows)}
    )
    monkeypatch.setenv("NEO4J_URI", "bolt://127.0.0.1:9")
    monkeypatch.setenv("NEO4J_PASSWORD", "secret")
    monkeypatch.setattr(
        "headgraph.graphdb.connection.graph.connect", lambda **where: nullcontext(graph)
    )
    return graph


@pytest.mark.parametrize("options", [[], ["--dry-run"]])
def test_ctrl_c_says_what_may_be_left(
    options: list[str],
    two: WillingGraph,
    table: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def stopped(*args: Any, **kwargs: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr("headgraph.loader.loading.load.load", stopped)
    with pytest.raises((KeyboardInterrupt, click.Abort)):
        call(commands.load, str(table), *options)
    said = capsys.readouterr().err
    assert ("the next load under its name removes it" in said) == (not options)


def changes(graph: WillingGraph) -> int:
    return sum(method != "read" for method, _, _ in graph.calls)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("y", "dropped ckpt-1: 16 heads and 9 edges\ndropped ckpt-2: 16 heads and 9 edges"),
        ("n", "nothing was dropped"),
        ("", "nothing was dropped"),
    ],
)
def test_a_pattern_is_listed_and_asks(
    answer: str, said: str, two: WillingGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda prompt: answer)
    with redirect_stderr(StringIO()) as err:
        assert call(commands.drop, "ckpt-*") == said
    assert err.getvalue().startswith(
        "would drop ckpt-1: 16 heads and 9 edges\nwould drop ckpt-2: 16 heads and 9 edges\n"
    )
    assert (changes(two) > 0) == (answer == "y")


def test_a_pattern_without_a_terminal_requires_yes(
    two: WillingGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", StringIO("y\n"))
    with pytest.raises(click.UsageError, match="stdin is not a terminal: pass --yes, or give"):
        call(commands.drop, "ckpt-*")
    assert call(commands.drop, "ckpt-?", "--dry-run").startswith("would drop ckpt-1: 16 heads")
    assert changes(two) == 0
    assert call(commands.drop, "ckpt-?", "--yes").count("dropped ckpt-") == 2
    # names in full were chosen by whoever typed them
    assert call(commands.drop, "ckpt-2", "ckpt-1").startswith("dropped ckpt-2: 16 heads and 9")
    assert changes(two) > 0


@pytest.mark.parametrize("command", [commands.load, commands.runs, commands.drop])
def test_help_has_a_sentence_and_a_line_to_paste(command: click.Command) -> None:
    text = CliRunner().invoke(command, ["--help"]).output
    assert f"Example: headgraph {command.name}" in text
    assert "--password" not in text
    assert "--env-file" in text


@click.command()
@selection_options
def select(selection: Selection | None) -> Selection | None:
    """Hand the selection back."""
    return selection


@pytest.mark.parametrize(
    ("args", "selection"),
    [
        ([], None),
        (["--all"], Selection()),
        (["--top", "3"], Selection(top=3)),
        (["--top-percent", "2.5", "--min-z", "4"], Selection(top_percent=2.5, min_z=4.0)),
        (["--min-pk", "0", "--top-per-target", "1"], Selection(min_pk=0.0, top_per_target=1)),
    ],
)
def test_selection_options(args: list[str], selection: Selection | None) -> None:
    assert call(select, *args) == selection


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (
            ["--all", "--top", "3", "--min-z", "2"],
            "--all keeps every pair and excludes --top and --min-z: leave one out",
        ),
        (
            ["--null", "within"],
            "--null without --fdr: expected both, such as --fdr 0.05 --null covariance",
        ),
    ],
)
def test_selections_that_do_not_go_together_are_wrong_usage(args: list[str], message: str) -> None:
    with pytest.raises(click.UsageError) as caught:
        call(select, *args)
    assert caught.value.message == message
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--top", "0"], "--top 0: expected a whole number of at least 1"),
        (["--top-percent", "101"], "--top-percent 101: expected more than 0 and at most 100"),
        (["--min-z", "nan"], "--min-z nan: expected a finite number"),
    ],
)
def test_selections_that_make_no_sense_are_bad_values(args: list[str], message: str) -> None:
    with pytest.raises(SelectionError) as caught:
        call(select, *args)
    assert caught.value.for_command_line() == message
    assert caught.value.exit_code == 1
