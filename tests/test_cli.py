"""The command line: what it imports, what it prints where, and its exit codes."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pandas as pd
import pytest
from click.testing import CliRunner

from headgraph import cli
from tests.commands import headgraph, headgraph_process
from tests.pk_engine.checkpoints import save

ROOT = Path(__file__).parents[1]
HEAVY = {
    "numpy", "pandas", "scipy", "torch", "transformer_lens", "transformers", "neo4j", "matplotlib",
    "pyarrow", "networkx", "jinja2", "huggingface_hub", "safetensors", "jgo", "psutil",
}  # fmt: skip
ROOMS = ("headgraph", "base", "pk_engine", "graphdb", "loader", "queries", "analysis")


def imported_by(code: str) -> set[str]:
    """Top-level modules in memory after some code ran in a fresh interpreter."""
    script = f"import sys\n{code}\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split("\n")[-2].split())


def run_cli(*args: str) -> str:
    return f"""
import contextlib, io; from headgraph import cli
code = None
try:
    with contextlib.redirect_stdout(io.StringIO()):
        cli.main({list(args)!r})
except SystemExit as stop:
    code = stop.code
"""


@pytest.mark.parametrize("args", [["--help"], ["--version"], ["nonsense"]])
def test_help_imports_nothing_heavy(args: list[str]) -> None:
    assert imported_by(run_cli(*args)) & HEAVY == set()


def test_that_this_test_can_fail() -> None:
    assert imported_by("import pandas") & HEAVY >= {"pandas", "numpy"}
    assert "pandas" in imported_by(run_cli("query"))  # the list of queries is a DataFrame


def test_help_of_a_command_imports_nothing_heavy() -> None:
    """One command after another in one process: what any of them imports stays there."""
    code = "".join(run_cli(command, "--help") for command in cli.COMMANDS)
    assert imported_by(code) & HEAVY == set()


def test_core_commands_never_import_torch(tmp_path: Path) -> None:
    save(tmp_path / "model")
    lines = (
        ["compute", str(tmp_path / "model"), "-o", str(tmp_path / "t.parquet"), "--all"],
        ["load", str(tmp_path / "t.parquet"), "--dry-run"],
        ["query"],
        ["figure", "wiring", str(tmp_path / "t.parquet"), "-o", str(tmp_path / "f.svg")],
        ["figure", "hubs", str(tmp_path / "t.parquet"), "-o", str(tmp_path / "h.svg")],
        ["tokens", "induction-2l", "L1H2"],
    )
    found = imported_by("".join(f"{run_cli(*args)}assert code == 0, {args}\n" for args in lines))
    assert "torch" not in found
    assert "numpy" in found


def test_import_headgraph_is_light_and_offers_its_names() -> None:
    assert imported_by("import headgraph") & HEAVY == set()
    import headgraph as face

    assert sorted(face.__all__) == face.__all__ == dir(face)
    for name in face.__all__:
        assert callable(getattr(face, name))
    with pytest.raises(AttributeError, match="No headgraph attribute nonsense"):
        face.nonsense  # noqa: B018


@cache
def imports(path: Path) -> tuple[str, ...]:
    """The modules that a file imports, absolute, wherever in it."""
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found += (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            found += (f"{node.module}.{alias.name}" for alias in node.names)
    return tuple(found)


def python_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True)
    paths = [ROOT / name for name in listed.stdout.split()]
    return [path for path in paths if not path.is_symlink()]


def test_no_room_imports_what_is_above_the_rooms() -> None:
    """The command line and its plumbing: `lint-imports` sees to the rooms among each other."""
    rooms = {room for room in ROOMS if room != "headgraph"}
    for path in python_files():
        if path.relative_to(ROOT).parts[0] in rooms:
            above = [it for it in imports(path) if it.split(".")[0] == "headgraph"]
            assert {it.split(".")[1] for it in above} <= rooms, path
    for path in (ROOT / "headgraph").glob("*.py"):
        if path.name not in ("__main__.py", "cli.py"):
            assert not any(it.startswith("headgraph.cli") for it in imports(path)), path


def test_nothing_imports_a_room_by_its_bare_name() -> None:
    """Beside a file of the user's with that name it would get the user's."""
    bare = {room for room in ROOMS if room != "headgraph"} | {"cli"}
    for path in python_files():
        assert not {it.split(".")[0] for it in imports(path)} & bare, path


def every_command(group: click.Group, ctx: click.Context) -> Iterator[tuple[str, click.Command]]:
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        assert command is not None
        inner = click.Context(command, info_name=name, parent=ctx)
        yield inner.command_path, command
        if isinstance(command, click.Group):
            yield from every_command(command, inner)


def test_version() -> None:
    done = headgraph_process("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("headgraph 0.")


def test_wrong_usage_is_2() -> None:
    for args, text in (
        (["cmpute"], "Did you mean compute?"),
        (["compute"], "Missing argument"),
        (["compute", "x"], "Missing option"),
        (["compute", "x", "-o", "y", "--kv"], "--kv' requires an argument"),
        (
            ["compute", "x", "-o", "y", "--top", "3", "--all"],
            "--all keeps every pair and excludes --top",
        ),
        (["compute", "x", "-o", "y", "--fdr", "0.1"], "--fdr without --null"),
        (
            ["behaviour", "x", "--text", "a", "--prompts", "b"],
            "--text and --prompts exclude each other",
        ),
        (["ablate", "x", "--prompts", "a", "--text-file", "b"], "--text-file exclude each other"),
        (["trajectory", "x", "--pairs", "a", "--top", "1"], "--pairs and --top exclude each other"),
        (["verify-edge", "x", "L0H0", "L1H0", "--all"], "choose edges in one way"),
        (["verify-edge", "x", "L0H0"], "give SOURCE and TARGET"),
    ):
        done = headgraph(*args)
        assert done.returncode == 2, done.stderr
        assert text in done.stderr
        assert done.stdout == ""


def test_a_stated_problem_is_1_and_one_sentence(tmp_path: Path) -> None:
    model = save(tmp_path / "model")
    there = tmp_path / "there.parquet"
    there.write_text("precious")
    for args, text in (
        (["compute", str(tmp_path), "-o", str(tmp_path / "t")], "holds no model"),
        (["compute", str(model), "-o", str(there)], "exists already"),
        (["compute", str(model), "-o", str(tmp_path / "t"), "--pairings", "OX"], "unknown pairing"),
        (["load", str(there), "--dry-run"], "is no Parquet file"),
        (["compute", "x", "-o", "y", "--kv", "z"], "'z' is not one of 'native', 'expand'"),
        (["compute", "x", "-o", "y", "--top", "0"], "--top 0: expected a whole number"),
        (["compute", "x", "-o", "y", "--top", "x"], "'x' is not a valid integer (headgraph comp"),
        (["query", "neighbours", "--run", "x"], "needs head"),
        (
            ["query", "neighbours", "-p", "head=L4"],
            "head is 'L4': expected a head, such as L4H7 or",
        ),
        (["query", "neighbours", "--show", "-p", "hed=L0H0"], "did you mean head?"),
    ):
        done = headgraph(*args)
        assert done.returncode == 1, done.stderr
        assert done.stdout == ""
        (line,) = done.stderr.strip().splitlines()
        assert line.startswith("headgraph: ")
        assert text in line
    assert there.read_text() == "precious"
    assert not (tmp_path / "t").exists()


def test_no_database_is_3() -> None:
    done = headgraph_process("runs", "--uri", "bolt://127.0.0.1:9")
    assert done.returncode == 3
    assert "no database answers at bolt://127.0.0.1:9" in done.stderr


def test_no_address_at_all_is_3_too(tmp_path: Path) -> None:
    done = headgraph("runs", XDG_DATA_HOME=str(tmp_path), NEO4J_URI="")
    assert done.returncode == 3
    assert "no local server is running and NEO4J_URI is not set" in done.stderr


def test_a_bug_is_one_sentence_too(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip  # noqa: E501
    monkeypatch.setitem(cli.COMMANDS, "runs", cli.Entry(cli.ASK, "x", "no.such.room:runs"))
    with pytest.raises(SystemExit) as stop:
        cli.main(["runs"])
    assert stop.value.code == 1
    assert "this is a bug in headgraph (ModuleNotFoundError" in capsys.readouterr().err
    monkeypatch.setenv("HEADGRAPH_DEBUG", "1")
    with pytest.raises(ModuleNotFoundError):
        cli.main(["runs"])


def test_interruption_is_130(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def interrupt(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("headgraph.pk_engine.scoring._compute.compute", interrupt)
    with pytest.raises(SystemExit) as stop:
        cli.main(["compute", "induction-2l", "-o", str(tmp_path / "t")])
    assert stop.value.code == 130


def test_formats_hold_the_same_rows() -> None:
    outputs = {kind: headgraph("query", "--format", kind).stdout for kind in
               ("table", "json", "jsonl", "csv")}  # fmt: skip
    rows = json.loads(outputs["json"])
    assert [json.loads(line) for line in outputs["jsonl"].splitlines()] == rows
    from io import StringIO

    frame = pd.read_csv(StringIO(outputs["csv"]), keep_default_na=False)
    for row in rows:  # programs get parameters in full, people their names
        row["params"] = ", ".join(p["name"] for p in row["params"] if p["name"] != "run")
    assert frame.to_dict("records") == rows
    for row in rows:
        assert row["name"] in outputs["table"]


def test_a_command_can_run_twice_in_one_process() -> None:
    for _ in range(2):
        done = CliRunner().invoke(cli.headgraph, ["query", "--format", "csv"])
        assert done.exit_code == 0, done.output
        assert done.output.startswith("name,title,params")


def test_compute_prints_the_path_and_reports_beside_it(tmp_path: Path) -> None:
    out = tmp_path / "t.parquet"
    done = headgraph_process("compute", str(save(tmp_path / "m")), "-o", str(out), "--top", "2")
    assert done.returncode == 0
    assert done.stdout == f"{out}\n"
    assert "6 of 12 pairs" in done.stderr
    assert "top 2 per pairing" in done.stderr
