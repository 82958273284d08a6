"""Help of the command line: groups, lines, examples, options and stored queries."""

import re
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from headgraph import cli
from headgraph.queries.stored_queries.library import catalogue
from headgraph.queries.stored_queries.markdown import EXAMPLES
from tests.commands import headgraph
from tests.test_cli import every_command


def test_every_command_in_the_table_loads_and_says_what_it_does() -> None:
    for name in cli.COMMANDS:
        done = CliRunner().invoke(cli.headgraph, [name, "--help"])
        assert done.exit_code == 0, done.output
        assert "Usage: headgraph" in done.output.replace("\n", " ")
        assert "╭─ Options" in done.output, "its help looks other than the top level's"


def test_the_help_shows_the_commands_in_their_groups() -> None:
    shown: dict[str, list[str]] = {}
    for line in CliRunner().invoke(cli.headgraph, ["--help"]).output.splitlines():
        if title := re.match(r"╭─ (\w+) ─", line):
            names = shown.setdefault(title[1], [])
        elif entry := re.match(r"│ ([a-z][\w-]*) ", line):
            names.append(entry[1])
    options = shown.pop("Options")
    assert options == []
    assert list(shown) == [*cli.GROUPS]
    assert shown == {
        group: [name for name, entry in cli.COMMANDS.items() if entry.group == group]
        for group in cli.GROUPS
    }
    assert [name for names in shown.values() for name in names] == list(cli.COMMANDS)


COMPOSING = """
import importlib, os, pkgutil
import click
import headgraph
from headgraph import cli

found, ids = {}, {}
for name in ("pk_engine", "graphdb", "loader", "queries", "analysis"):
    room = importlib.import_module(f"headgraph.{name}")
    for module in pkgutil.walk_packages(room.__path__, f"headgraph.{name}."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, click.Command):
                found[id(value)] = value

def look(command):
    inner = getattr(command, "commands", {})
    params = [(id(it), id(it.type), it.name, it.help if hasattr(it, "help") else None)
              for it in command.params]
    return (type(command), sorted(vars(command)), id(command.callback), params, command.help,
            {name: id(it) for name, it in inner.items()})

before = {key: look(command) for key, command in found.items()}
os.environ["_HEADGRAPH_COMPLETE"] = "bash_complete"
ctx = click.Context(cli.headgraph, info_name="headgraph")
ctx.meta["headgraph.running"] = True
for name in cli.COMMANDS:
    module, _, attribute = cli.COMMANDS[name].where.partition(":")
    first, second = (cli.headgraph.get_command(ctx, name) for _ in range(2))
    assert id(first) not in found and first is not second, name
    assert len(first.params) == len(second.params), name
    for inner in (first, *getattr(first, "commands", {}).values()):
        assert id(inner) not in found, name
        assert not {id(it) for it in inner.params} & {
            id(it) for command in found.values() for it in command.params}, name
after = {key: look(command) for key, command in found.items()}
changed = [it.name for key, it in found.items() if after[key] != before[key]]
assert not changed, changed
print(len(found))
"""


def test_composing_leaves_the_commands_of_the_rooms_as_they_are() -> None:
    done = subprocess.run([sys.executable, "-c", COMPOSING], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 40


@pytest.mark.parametrize("name", sorted(catalogue()))
def test_help_of_a_stored_query_explains_it(name: str) -> None:
    query = catalogue()[name]
    done = CliRunner().invoke(cli.headgraph, ["query", name, "--help"], env={"COLUMNS": "250"})
    assert done.exit_code == 0, done.output
    words = " ".join(done.output.split())
    assert f"Usage: headgraph query {name}" in words
    assert " ".join(f"{query.title}. {query.description}".split()) in words
    for param in query.params.values():
        option = "--run" if param.name == "run" else f"-p {param.name}="
        assert re.search(
            rf"│ {option} +{re.escape(param.type)} +{re.escape(param.text)}", done.output
        )
    for column in query.columns:
        assert re.search(
            rf"│ {column.name} +{re.escape(column.type)} +{re.escape(column.text)}", done.output
        )
    shown = (EXAMPLES / f"{name}.txt").read_text("utf-8").splitlines()[0].removeprefix("$ ")
    assert done.output.count("Example: ") == 1
    assert f"Example: {shown}" in words


def test_help_of_a_query_says_what_may_be_left_out() -> None:
    hubs = CliRunner().invoke(cli.headgraph, ["query", "--help", "hubs"]).output
    assert "[default: the only run]" in hubs
    assert "[default: OQ,OK,OV]" in hubs
    assert "[default: 20]" in hubs
    neighbours = CliRunner().invoke(cli.headgraph, ["query", "neighbours", "-h"]).output
    assert re.search(r"-p head= .*\[required\]", neighbours)


def test_help_of_query_alone_and_of_an_unknown_query() -> None:
    alone = CliRunner().invoke(cli.headgraph, ["query", "--help"]).output
    assert "Usage: headgraph query [OPTIONS] [NAME]" in alone
    assert "--series" in alone
    done = headgraph("query", "hub", "--help")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("headgraph: no stored query is called 'hub'")
    assert "did you mean hubs" in done.stderr


def test_every_command_has_a_line_to_paste_and_help_of_one_look() -> None:
    import rich_click

    ctx = click.Context(cli.headgraph, info_name="headgraph")
    ctx.meta["headgraph.running"] = True
    found = dict(every_command(cli.headgraph, ctx))
    assert {"headgraph load", "headgraph server start"} <= found.keys()
    for path, command in found.items():
        assert f"Example: {path}" in (command.help or ""), path
        assert isinstance(command, rich_click.RichCommand), path


def test_every_option_says_what_it_does_in_a_sentence_or_noun_phrase() -> None:
    ctx = click.Context(cli.headgraph, info_name="headgraph")
    ctx.meta["headgraph.running"] = True
    seen = 0
    for path, command in every_command(cli.headgraph, ctx):
        for param in command.params:
            if isinstance(param, click.Option):
                text, _, _ = (param.help or "").partition("  [default")
                seen += 1
                assert re.fullmatch(r"[A-Z`a-z].*[.]", text), (path, param.name, text)
                riddle = re.match(r"(Of|What|Which|Who|Those|Such|Or|For|As) ", text)
                assert riddle is None, (path, param.name, text)
    assert seen > 200


def test_usage_errors_begin_at_once_and_suggest_in_one_style() -> None:
    for args, near in (
        (["lod"], "No such command 'lod'. Did you mean load?"),
        (["hubs"], "No such command 'hubs'. It is a stored query: headgraph query hubs."),
        (["server", "strt"], "No such command 'strt'. Did you mean start or status?"),
        (["compute", "--toop", "3"], "Did you mean --top"),
    ):
        done = headgraph(*args)
        assert done.returncode == 2
        assert done.stderr.startswith("Usage: headgraph")
        assert near in done.stderr.splitlines()[-1]
