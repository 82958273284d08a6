"""The commands without a database: what they give the command line to print, and refuse."""

import json
from typing import Any

import click
import pandas as pd
import pytest
from click.testing import CliRunner

from headgraph import cli
from headgraph.base.errors import HeadgraphError
from headgraph.queries.answers.command import query
from headgraph.queries.browser.command import browser
from headgraph.queries.errors import MissingParameter, ParameterError, QueryError, UnknownQuery
from headgraph.queries.options import parse_params


@pytest.fixture(autouse=True)
def nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEO4J_URI", "bolt://127.0.0.1:9")


def call(command: click.Command, *args: str) -> Any:
    return command.main(list(args), standalone_mode=False)


def test_without_a_name_the_questions_are_listed() -> None:
    rows = call(query)
    assert isinstance(rows, pd.DataFrame)
    assert list(rows.columns) == ["name", "title", "params"]
    rows = rows.set_index("name")
    assert rows.loc["through"].tolist() == ["Paths through a head", "head, limit, per_head"]
    assert {"hubs", "ioi_circuit", "neighbours", "roles", "runs", "strongest_edges"} <= {
        *rows.index
    }


def test_show_with_a_run_needs_no_database() -> None:
    text = call(query, "hubs", "--run", "gpt2", "-p", "limit=3", "--show")
    assert text.startswith(
        ':params {"run": "gpt2", "pairings": ["OQ", "OK", "OV"], "limit": 3};\n// Hubs\n'
    )
    assert not text.endswith("\n")


def test_show_needs_no_database_and_says_what_is_still_to_be_written(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = call(query, "through", "-p", "limit=3", "--show")
    assert text.splitlines()[0] == (
        ':params {"run": "<the run to ask about>", "head": "<the hub, such as L4H7>", '
        '"limit": 3, "per_head": 2};'
    )
    said = "replace <...> on line 1 by a value for run and head\n"
    assert capsys.readouterr().err == said
    assert call(query, "runs", "--show").startswith(':params {"run": null};\n')
    assert capsys.readouterr().err == ""


def test_the_list_for_programs_has_parameters_in_full() -> None:
    done = CliRunner().invoke(cli.headgraph, ["query", "--format", "json"])
    rows = {row["name"]: row["params"] for row in json.loads(done.stdout)}
    run, head, limit, *_ = rows["through"]
    assert run == {
        "name": "run", "type": "run", "required": False, "default": None,
        "text": "the run to ask about",
    }  # fmt: skip
    assert (head["name"], head["type"], head["required"]) == ("head", "head", True)
    assert (limit["name"], limit["default"], limit["text"]) == ("limit", 20, "paths at most")
    assert rows["hubs"][1]["default"] == ["OQ", "OK", "OV"]


@pytest.mark.parametrize("format_", ["csv", "jsonl"])
def test_a_graph_is_one_json_document(format_: str) -> None:
    done = CliRunner().invoke(cli.headgraph, ["query", "hubs", "--graph", "--format", format_])
    assert done.exit_code == 2
    assert f"--graph prints one JSON document: leave out --format {format_}" in done.output


@pytest.mark.parametrize(
    ("command", "args", "error", "message"),
    [
        (query, ["hub"], UnknownQuery, "no stored query is called 'hub'"),
        (browser, ["hub"], UnknownQuery, "no stored query is called 'hub'"),
        (query, ["through"], MissingParameter, "needs head: give -p head=L4H7"),
        (
            query,
            ["hubs", "-p", "limit=x"],
            ParameterError,
            "limit is 'x': expected a whole",
        ),
        (query, ["hubs", "--show", "--graph"], click.UsageError, "give one of them"),
        (query, ["--show"], click.UsageError, "require a query: headgraph query NAME"),
        (query, ["--graph"], click.UsageError, "require a query: headgraph query NAME"),
        (query, ["--run", "x"], click.UsageError, "require a query: headgraph query"),
        (query, ["--series", "x"], click.UsageError, "require a query: headgraph query"),
        (
            query,
            ["hubs", "--series", "x", "--run", "y"],
            click.UsageError,
            "--series excludes --run, --show and --graph: leave them out",
        ),
        (
            query,
            ["strongest_chains", "-p", "by=weekest"],
            ParameterError,
            "by is 'weekest': expected product or weakest (did you mean weakest?)",
        ),
        (query, ["-p", "x=1"], click.UsageError, "require a query: headgraph query"),
        (
            browser,
            ["-p", "x=1"],
            click.UsageError,
            "-p requires a query: ",
        ),
        (browser, ["--force"], click.UsageError, "--force requires --kit DIR"),
        (browser, ["hubs", "--kit", "x"], click.UsageError, "--kit excludes QUERY"),
    ],
)
def test_what_is_wrong_is_said_before_a_database_is_looked_for(
    command: click.Command, args: list[str], error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as caught:
        call(command, *args)
    said = caught.value
    text = said.for_command_line() if isinstance(said, HeadgraphError) else str(said)
    assert message in text
    # a value that cannot be used is 1, options that do not go together are 2
    assert getattr(caught.value, "exit_code", 1) == (2 if error is click.UsageError else 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("head", "-p head: expected NAME=VALUE, such as -p head=L4H7"),
        ("=3", "-p =3: expected NAME=VALUE"),
        ("run=gpt2", "run is not a -p parameter: give --run gpt2"),
    ],
)
def test_bad_params(text: str, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        parse_params([text])


def test_params() -> None:
    assert parse_params(["head = l4h7", "x=a=b"]) == {"head": "l4h7", "x": "a=b"}
    with pytest.raises(ParameterError, match="-p x is given twice: separate items by commas"):
        parse_params(["x=1", "x=2"])


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (
            b'RETURN "\xff"',
            "stdin is not UTF-8 text (byte 8 is 0xff): expected a statement",
        ),
        (b"\xef\xbb\xbf;;", "there is no statement"),
        (b":params " + b"[" * 100_000, "is nested too deeply to be read as JSON"),
        (b':params {"a": ' + b"9" * 5000 + b"}\nRETURN $a", "cannot be read as JSON"),
        (b":params 3\nRETURN 1", "holds a number: expected a JSON object"),
        (b"RETURN $a", "$a has no value"),
        (b"RETURN " + b"(" * 300, "brackets within more than 100 others"),
    ],
)
def test_a_piped_statement_that_is_none_is_said_before_a_database_is_looked_for(
    data: bytes, said: str
) -> None:
    done = CliRunner().invoke(cli.headgraph, ["cypher", "-"], input=data)
    assert isinstance(done.exception, QueryError)
    assert said in str(done.exception)
    assert len(str(done.exception)) < 300
    assert "\n" not in str(done.exception)


def test_too_much_on_stdin_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headgraph.queries.statements.input._MOST_BYTES", 10)
    done = CliRunner().invoke(cli.headgraph, ["cypher", "-"], input=b"x" * 11)
    assert str(done.exception) == "stdin has more than 10 bytes: expected a statement"


LONG = "9" * 6000


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["query", "hubs", "-p", f"limit={LONG}"], "limit is '999"),
        (["query", "hubs", "-p", f"pairings=OQ,{LONG}"], "pairings is 'OQ,9"),
        (["query", "hubs", "-p", f"{LONG}=1"], "query hubs has no parameter '999"),
        (["query", "hubs", "-p", LONG], "-p 999"),
        (["query", LONG], "no stored query is called '999"),
        (["query", "hubs", "-p", "\x1b]0;title\x07"], r"-p \x1b]0;title\x07: expected NAME=VALUE"),
        (["query", "hubs", "-p", "\x1b=1", "-p", "\x1b=1"], r"-p \x1b is given twice"),
        (["query", "hubs", "-p", "limit=\udcff"], r"limit is '\udcff'"),
        (["query", "neighbours", "-p", "head=\udcff"], r"head is '\udcff'"),
    ],
)
def test_what_a_terminal_would_obey_or_drown_in_is_quoted(args: list[str], said: str) -> None:
    done = CliRunner().invoke(cli.headgraph, args)
    assert isinstance(done.exception, QueryError)
    text = str(done.exception)
    assert text.startswith(said)
    assert len(text) < 300
    assert text.isprintable()
