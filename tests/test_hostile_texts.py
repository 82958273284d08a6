"""Words of others on a terminal: whatever prints, nothing of them is obeyed."""

import ast
import csv
import io
import json
import sys
from pathlib import Path

import click
import pandas as pd
import pytest

from headgraph import _output, cli
from headgraph._process import open_streams
from headgraph.base.terminal import label, say, show
from headgraph.graphdb import Graph
from headgraph.graphdb.errors import StatementError
from headgraph.graphdb.server import ServerHome
from headgraph.pk_engine.bundled import table_path
from headgraph.pk_engine.table.affinity import AffinityTable
from tests.hostile import NAMES, named, obeyed

ROOT = Path(__file__).parents[1]
ROOMS = ("headgraph", "base", "pk_engine", "graphdb", "loader", "queries", "analysis")
EXACT = {("headgraph/_output.py", "_csv")}
"""The one place that prints data as it is: CSV into a file or a pipe."""


PRINTING = {
    "click.echo", "click.secho", "click.confirm", "click.prompt", "sys.stdout.write",
    "sys.stderr.write", "error.show",
}  # fmt: skip


def printers(path: Path) -> set[str]:
    """Functions of a module that print without `base.terminal`."""
    found = set()
    for function in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(function, ast.FunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.Attribute) and ast.unparse(node) in PRINTING:
                    found.add(function.name)
    return found


def test_one_place_prints() -> None:
    paths = [ROOT / "cli.py", *(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))]
    found = {(str(path.relative_to(ROOT)), name) for path in paths for name in printers(path)}
    terminal = {("base/terminal.py", name) for name in ("_write", "is_sure", "secret")}
    assert found == terminal | EXACT


@pytest.mark.parametrize("kind", NAMES)
def test_what_is_said_is_not_obeyed(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    show(NAMES[kind])
    say(NAMES[kind])
    done = capsys.readouterr()
    assert not obeyed(done.out + done.err)
    assert not obeyed(label(NAMES[kind]))


def test_a_progress_bar_shows_markup_as_text() -> None:
    from rich.text import Text

    text = Text.from_markup(label(NAMES["rich"]))
    assert text.plain.startswith("[red]x[/red] [link=file:///etc/passwd]y[/link]")
    assert not text.spans


def printed(format_: str, value: str, capsys: pytest.CaptureFixture[str]) -> str:
    rows = pd.DataFrame({"name": [value], "more": [[value, {value: value}]]}, dtype=object)
    with click.Context(cli.headgraph) as ctx:
        ctx.meta["headgraph.format"] = format_
        _output.emit(rows)
    return capsys.readouterr().out


@pytest.mark.parametrize("kind", NAMES)
def test_each_format_is_safe_and_loses_nothing(
    kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    name = NAMES[kind]
    open_streams()
    assert not obeyed(printed("table", name, capsys))
    for format_ in ("json", "jsonl"):
        text = printed(format_, name, capsys)
        assert not obeyed(text)
        (row,) = json.loads(text) if format_ == "json" else [json.loads(text)]
        assert row == {"name": name, "more": [name, {name: name}]}
    (row,) = csv.DictReader(io.StringIO(printed("csv", name, capsys), newline=""))
    assert row["name"] == name.encode("utf-8", "backslashreplace").decode()
    assert json.loads(row["more"])[0] == name


def test_csv_on_a_terminal_is_for_reading(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert not obeyed(printed("csv", NAMES["title"], capsys))


@pytest.mark.parametrize("kind", NAMES)
def test_a_table_says_its_models_name_plainly(kind: str) -> None:
    table = named(AffinityTable.read(table_path("gpt2-small")), NAMES[kind])
    assert not obeyed(repr(table), keep="")
    assert len(repr(table)) < 300
    html = table._repr_html_()
    assert not obeyed(html)
    assert "<script" not in html


@pytest.mark.parametrize("kind", [kind for kind in NAMES if kind != "half"])  # Neo4j takes UTF-8
def test_names_in_a_database_are_not_obeyed(
    graph: Graph, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    name = NAMES[kind][:1000]  # an index takes no longer ones
    graph.write("CREATE (:Run {id: $id, name: $name, model: $name, series: $name})",
                {"id": "ab" * 32, "name": name})  # fmt: skip
    for line in (
        ["runs"],
        ["cypher", "MATCH (r:Run) RETURN r.name AS name, r AS run"],
        ["cypher", "MATCH (r:Run) RETURN r.nome"],
        ["query", "runs"],
        ["query", "hubs", "--run", "nope"],
        ["drop", "--dry-run", "*"],
        ["drop", "*"],
        ["export", "--run", "nope", "-o", "x.graphml"],
        ["view", "--run", "nope", "-o", "x.html"],
    ):
        with pytest.raises(SystemExit) as stop:
            cli.main(line)
        done = capsys.readouterr()
        assert stop.value.code in (0, 1, 2), (line, done.err)
        assert "this is a bug" not in done.err, line
        assert not obeyed(done.out + done.err), line
        assert all(len(said) < 300 for said in done.err.splitlines()), line


def test_half_a_character_is_said_before_it_is_sent(graph: Graph) -> None:
    with pytest.raises(StatementError, match=r"holds '\\ud800', which is not a character"):
        graph.read("RETURN $a", {"a": NAMES["half"]})
    with pytest.raises(StatementError, match=r"holds '\\ud800', which is not a character"):
        graph.read(f"RETURN '{NAMES['half']}'")


def test_the_servers_log_is_not_obeyed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    home = ServerHome.default()
    home.log.parent.mkdir(parents=True)
    home.log.write_text("\n".join(f"{kind}: {name}" for kind, name in NAMES.items()
                                  if kind != "half"), encoding="utf-8")  # fmt: skip
    with pytest.raises(SystemExit):
        cli.main(["server", "logs"])
    assert not obeyed(capsys.readouterr().out)


def test_a_shell_is_not_offered_what_it_would_obey() -> None:
    from headgraph.shell_completion._known import among

    offered = [item.value for item in among(["gpt2", NAMES["title"], NAMES["bidi"]], "gpt2")]
    assert offered == ["gpt2"]
