"""Completion: what headgraph answers to a shell, and what stands in a real one after Tab."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from headgraph import cli, loader
from headgraph.completion import HOW, SHELLS
from headgraph.graphdb import Graph
from headgraph.pk_engine.table.selection import Selection
from headgraph.shell_completion import attach
from tests.commands import headgraph, headgraph_process
from tests.shells import STARTS, Shell
from tests.tables import random_table
from tests.test_cli import HEAVY, ROOT, every_command, imported_by

CATALOGUE = sorted(path.stem for path in (ROOT / "queries/catalogue").glob("*.cypher"))
NOWHERE = "bolt://127.0.0.1:9"
FREE = {
    "browser_url", "database", "head", "heads", "name", "pairs", "revision", "scheduler", "source",
    "steps", "target", "target_layers", "text", "uri", "user", "variant",
}  # fmt: skip
"""Parameters whose values nobody knows before they are typed."""


def asked(line: str, shell: str = "bash") -> dict[str, str]:
    """What the shell's script sets when the cursor is at the end of a line."""
    return {
        "COMP_WORDS": line,
        "COMP_CWORD": line.split(" ")[-1],
        "_HEADGRAPH_COMPLETE": f"{shell}_complete",
    }


def ask(line: str, shell: str = "bash", **env: str) -> subprocess.CompletedProcess[str]:
    """What headgraph answers, however busy the machine is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("headgraph.shell_completion._shells.SECONDS", 600.0)
        return headgraph(**{"NEO4J_URI": NOWHERE, **asked(line, shell), **env})


def values(line: str, **env: str) -> list[str]:
    done = ask(line, **env)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return [text.partition(",")[2] for text in done.stdout.splitlines() if text]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("headgraph co", ["compute", "communities", "completion"]),
        ("headgraph server st", ["start", "stop", "status"]),
        ("headgraph load --top-p", ["--top-percent", "--top-per-target"]),
        ("headgraph query hub", [name for name in CATALOGUE if name.startswith("hub")]),
        ("headgraph query ", CATALOGUE),
        ("headgraph browser widest-p", ["widest_path"]),
        ("headgraph query strongest_chains -p by=", ["product", "weakest"]),
        ("headgraph cypher 'RETURN $run, $head, $layer' -p ", ["head=", "layer="]),
        ("headgraph cypher 'RETURN 1' -p ", []),
        ("headgraph query hubs -p li", ["limit="]),
        ("headgraph query hubs -p limit=3 -p ", ["pairings="]),
        ("headgraph query hubs --run x -p pairings=OQ,O", ["OQ,OK", "OQ,OV", "OQ,OO"]),
        ("headgraph query hubs -p no=", []),
        ("headgraph query nosuchquery -p ", []),
        ("headgraph compute x --pairings q", ["QQ", "QK", "QV", "QO"]),
        ("headgraph compute x --metrics pk,p", ["pk,procrustes", "pk,procrustes_columns"]),
        ("headgraph compute i", ["induction-2l", "i"]),
        ("headgraph compute g", ["g"]),
        ("headgraph detect gpt", ["gpt2-small", "gpt"]),
        ("headgraph load gp", ["gpt2-small", "gp"]),
        ("headgraph load x --labels no", ["no", "none"]),
        ("headgraph ablate x --replace r", ["resample"]),
        ("headgraph ablate x --role greater", ["greater_than"]),
        ("headgraph figure wiring --metric ", ["pk", "cs"]),
        ("headgraph query --format=js", ["json", "jsonl"]),
        ("headgraph completion ", list(SHELLS)),
    ],
)  # fmt: skip
def test_values(line: str, expected: list[str]) -> None:
    assert sorted(values(line)) == sorted(expected)


def test_files_are_left_to_the_shell() -> None:
    assert ask("headgraph load t").stdout.splitlines() == ["table,t"]
    assert ask("headgraph figure hubs ./t").stdout.splitlines() == ["table,./t"]
    assert ask("headgraph load x --labels ./t").stdout.splitlines() == ["file,./t"]
    assert ask("headgraph compute ./m").stdout.splitlines() == ["dir,./m"]


def test_help_stands_beside_the_values_where_a_shell_can_show_it() -> None:
    fish = ask("headgraph query hubs_b", "fish").stdout.splitlines()
    assert fish == ["plain,hubs_by_layer\tHubs, compared within their layer"]
    zsh = ask("headgraph query hubs -p lim", "zsh").stdout.splitlines()
    assert zsh == ["open", "limit=", "heads at most"]


def test_every_parameter_is_completed_or_known_to_be_free() -> None:
    ctx = click.Context(cli.headgraph, info_name="headgraph")
    ctx.meta["headgraph.running"] = True
    open_ = set()
    for _, command in every_command(cli.headgraph, ctx):
        for param in attach(command).params:
            plain = type(param.type) is click.types.StringParamType
            if plain and not getattr(param, "is_flag", False):
                open_.add(param.name)
    assert open_ == FREE


def test_completing_imports_nothing_heavy() -> None:
    for line in ("headgraph qu", "headgraph query hubs -p ", "headgraph compute --pairings O"):
        code = f"""
import os
os.environ.update(_HEADGRAPH_COMPLETE="bash_complete", COMP_WORDS={line!r}, COMP_CWORD="x")
import contextlib; from headgraph import cli
with contextlib.suppress(SystemExit):
    cli.main([])
print()
"""
        found = imported_by(code)
        assert "headgraph" in found
        assert found & HEAVY == set(), line


def test_nobody_is_asked_for_long(tmp_path: Path) -> None:
    """A server that takes connections and says nothing ends the question, not the prompt."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        uri = f"bolt://127.0.0.1:{silent.getsockname()[1]}"
        done = headgraph_process(NEO4J_URI=uri, **asked("headgraph drop "))
        silent.setblocking(False)
        silent.accept()[0].close()  # it was asked
    assert (done.stdout, done.stderr) == ("", "")


@pytest.mark.parametrize("uri", [NOWHERE, "nonsense", "neo4j+s://127.0.0.1:9"])
def test_without_a_database_there_are_no_runs_and_no_words(uri: str) -> None:
    assert values("headgraph drop ", NEO4J_URI=uri) == []
    assert values("headgraph view gpt", NEO4J_URI=uri) == ["gpt2-small", "gpt"]


@pytest.fixture
def stored(graph: Graph, tmp_path: Path) -> Graph:
    """Two runs, one of them with roles and a series."""
    roles = tmp_path / "roles.csv"
    roles.write_text("layer,head,role,circuit\n0,1,induction,ioi\n2,3,name_mover,\n")
    table = random_table(series="training", step=3.0)
    loader.load(table, graph, run="wide", labels=roles)
    loader.load(table, graph, run="narrow", selection=Selection(top=2), labels="none")
    return graph


def test_names_from_a_database(stored: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    # the local server of the session, as nothing names an address
    for line, expected in (
        ("headgraph query hubs --run ", ["narrow", "wide"]),
        ("headgraph query hubs --run=w", ["wide"]),
        ("headgraph drop w", ["wide"]),
        ("headgraph drop narrow w", ["wide"]),
        ("headgraph runs --model ", ["test/random"]),
        ("headgraph runs --series t", ["training"]),
        ("headgraph query hubs --series t", ["training"]),
        ("headgraph query neighbours --run wide -p head=l2", [f"L2H{i}" for i in range(4)]),
        ("headgraph query compare_runs --run wide -p other=", ["narrow", "wide"]),
        ("headgraph query circuit_gaps --run wide -p circuit=", ["ioi"]),
        ("headgraph query neighbours -p head=", []),  # of which of the two runs?
    ):
        assert values(line, NEO4J_URI="") == expected, line
    stored.write("MATCH (r:Run {name: 'wide'}) SET r.name = 'gpt2-small'")
    assert values("headgraph view gp", NEO4J_URI="") == ["gpt2-small", "gp"], "a table and a run"
    assert values("headgraph query hubs --run g", NEO4J_URI="") == ["gpt2-small"]
    refused = {"NEO4J_URI": "", "NEO4J_USERNAME": "nobody"}
    assert values("headgraph drop ", **refused) == []


@pytest.fixture(params=[*STARTS])
def shell(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shell]:
    if shutil.which(request.param) is None:
        pytest.skip(f"{request.param} is not on this machine")
    started = Shell(request.param, tmp_path)
    yield started
    started.close()


def test_in_a_real_shell(shell: Shell, stored: Graph, tmp_path: Path) -> None:
    for name in ("scores of a model.parquet", "scores of a model.svg", "other.pq", "other.txt"):
        (tmp_path / name).touch()
    (tmp_path / "folder.svg").mkdir()
    (tmp_path / "folder.svg" / "inside.parquet").touch()
    (tmp_path / "folder.svg" / "inside.txt").touch()
    for typed, shown in (
        ("headgraph qu\tover\t--run na\t", "headgraph query overview --run narrow "),
        ("headgraph query hubs -p lim\t7 -p pa\tOK,OV", "-p limit=7 -p pairings=OK,OV"),
        ("headgraph query strongest_chains -p by=we\t", "-p by=weakest "),
        ("headgraph load scores\t", r"headgraph load scores\ of\ a\ model.parquet "),
        ("headgraph load gpt2\t", "headgraph load gpt2-small "),
        ("headgraph view othe\t", "headgraph view other.pq "),
        ("headgraph view fold\tin\t", "/inside.parquet "),
    ):
        shell.type(typed)
        assert shown in shell.until(shown)
        shell.type("\x15")  # clears the line


@pytest.mark.parametrize("name", SHELLS)
def test_the_script_is_printed(name: str) -> None:
    done = headgraph("completion", SHELL=f"/bin/{name}")
    assert done.returncode == 0, done.stderr
    assert f"_HEADGRAPH_COMPLETE={name}_complete" in done.stdout
    assert f"completion {name}" in HOW[name]


def test_a_shell_that_it_does_not_know() -> None:
    done = headgraph("completion", SHELL="/bin/tcsh")
    assert done.returncode == 2
    assert "expected a shell, got tcsh: give bash, zsh or fish" in done.stderr
