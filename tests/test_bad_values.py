"""Exit codes, command by command: a value that cannot be used is 1 and one sentence, everywhere."""

from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest

from headgraph import cli, loader
from headgraph.graphdb import Graph
from headgraph.pk_engine.table.selection import Selection
from tests.loader.imports.test_older_versions_real import OLDER
from tests.test_cli import every_command

GOOD = {
    "angles": ["induction-2l", "L0H1", "L1H1", "--pairing", "OK"],
    "annotate": ["gpt2", "{csv}"],
    "compute": ["induction-2l", "-o", "{out}.parquet"],
    "cypher": ["RETURN 1 AS one"],
    "diff": ["gpt2-small", "gpt2-small"],
    "drop": ["--dry-run", "gpt2"],
    "export": ["gpt2-small", "-o", "{out}.graphml"],
    "import": ["--dry-run", str(OLDER / "version-2.json")],
    "load": ["gpt2-small", "--run", "gpt2", "--dry-run"],
    "merge": ["gpt2-small", "-o", "{out}.parquet"],
    "query": ["neighbours", "-p", "head=L4H7"],
    "reproduce": ["-o", "{out}.html"],
    "tokens": ["induction-2l", "L1H2"],
    "trajectory": ["induction-2l", "--no-behaviour"],
    "verify-edge": ["induction-2l", "L0H1", "L1H1"],
    "view": ["gpt2-small", "-o", "{out}.html"],
    "figure ablation": ["{csv}", "-o", "{out}.svg"],
    "figure causality": ["{csv}", "-o", "{out}.svg"],
    "figure difference": ["gpt2-small", "gpt2-small", "-o", "{out}.svg"],
    "figure nulls": ["induction-2l", "-o", "{out}.svg"],
    "figure training": ["induction-2l", "-o", "{out}.svg"],
    "figure wiring": ["-o", "{out}.svg"],
    **{name: ["induction-2l"] for name in
       ("ablate", "behaviour", "informativeness", "nulls", "plan", "robustness")},
    **{name: ["gpt2-small"] for name in ("circuits", "detect")},
    **{f"figure {name}": ["induction-2l", "-o", "{out}.svg"] for name in
       ("behaviour", "informativeness", "robustness")},
    **{f"figure {name}": ["gpt2-small", "-o", "{out}.svg"] for name in
       ("copying", "detection", "heatmap", "hubs", "identity", "scatter")},
}  # fmt: skip
"""A line of each command that needs one: what has no value here takes what it must have."""

BAD = {
    "adapter": "nope", "variant": "nope",
    "after": "nope", "before": "nope",
    "behaviour": "nope.csv", "by": "nope", "calibrate": "{csv}/nope", "device": "nope",
    "env_file": "nope", "file": "nope",
    "files": "nope", "head": "L9X", "heads": "L0H99", "html": "nope.pdf", "kind": "nope",
    "kit": "{csv}", "labels": "nope.csv", "labels_out": "nope.pdf", "machine": "nope",
    "measure": "nope",
    "metric": "nope", "metrics": "nope", "model": "nope", "models": "nope", "name": "nope",
    "names": "nope", "null": "nope", "output": "nope.xyz", "pairing": "OX", "pairings": "OX",
    "page": "nope.pdf",
    "pairs": "L0H1>L1H1:OX", "params": "head=L99H0", "prompts": "nope.txt", "replace": "nope",
    "role": "nope", "run": "nope", "runs": "nope", "scheduler": "nope",
    "scheduler_file": "nope", "score": "nope", "series": "nope",
    "source": "L9X", "steps": "nope", "table": "nope", "tables": "{csv}/nope", "target": "L99H0",
    "target_layers": "nope",
    "text": "MATCH",
    "text_file": "nope.txt", "tokens": "nope", "what": "nope",
}  # fmt: skip
"""What each parameter that takes text cannot take, by its name."""

LINES = {
    ("browser", "params"): ["neighbours", "--print", "-p", "head=L99H0"],
    ("compute", "null"): ["induction-2l", "-o", "out.parquet", "--fdr", "0.1", "--null", "nope"],
    ("diff", "labels"): ["gpt2-small", "gpt2-small", "--view", "out.html", "--labels", "nope.csv"],
    ("drop", "series"): ["--dry-run", "--series", "nope"],
    ("export", "env_file"): ["gpt2", "-o", "out.graphml", "--env-file", "nope"],
    ("export", "null"): ["gpt2-small", "-o", "out.graphml", "--fdr", "0.1", "--null", "nope"],
    ("export", "run"): ["--run", "nope", "-o", "out.graphml"],
    ("figure wiring", "behaviour"): ["-o", "out.svg", "--panels", "--behaviour", "nope.csv"],
    ("load", "env_file"): ["gpt2-small", "--run", "gpt2", "--env-file", "nope"],
    ("load", "null"): ["gpt2-small", "--dry-run", "--fdr", "0.1", "--null", "nope"],
    ("query", "html"): ["neighbours", "-p", "head=L4H7", "--graph", "--html", "nope.pdf"],
    ("view", "env_file"): ["gpt2", "-o", "out.html", "--env-file", "nope"],
    ("view", "run"): ["--run", "nope", "-o", "out.html"],
}
"""Whole lines, where the value means something beside others alone."""

OTHER: dict[str, dict[str, Any]] = {
    "compute": {"name": None},  # a table may call its model anything
    "figure behaviour": {"text": None},
    "figure robustness": {"name": None},
    "behaviour": {"text": None},
    "export": {"name": "no name"},
    "import": {"run": "no name"},
    "load": {"run": "no name"},
    "runs": {"model": "nope"},
}
FREE = {"browser_url", "database", "revision", "uri", "user"}
"""Text that is sent to somebody else, who says what is wrong with it."""


@cache
def commands() -> dict[str, click.Command]:
    """All commands by name, composed once: a test only looks at their parameters."""
    ctx = click.Context(cli.headgraph, info_name="headgraph")
    ctx.meta["headgraph.running"] = True
    every = every_command(cli.headgraph, ctx)
    return {path.removeprefix("headgraph "): command for path, command in every}


def lines() -> list[tuple[str, str, str]]:
    """(command, parameter, value) of all commands and of all their values that can be bad."""
    found = []
    for name, command in commands().items():
        for param in command.params:
            if isinstance(command, click.Group) or getattr(param, "is_flag", False):
                continue
            key = str(param.name)
            if type(param.type) is not click.types.StringParamType:
                found.append((name, key, "x"))  # a number or a choice
            elif key not in FREE:
                value = OTHER.get(name, {}).get(key, BAD[key])
                if value is not None:
                    found.append((name, key, value))
    return found


@pytest.fixture(scope="module")
def loaded(database: Graph) -> Graph:
    database.write("MATCH (n) DETACH DELETE n")
    loader.load("gpt2-small", database, run="gpt2", selection=Selection(top_percent=1))
    return database


def built(command: click.Command, name: str, key: str, value: str) -> list[str]:
    """The good line with this one value in the place of what stood there, or added to it."""
    if (name, key) in LINES:
        return LINES[name, key]
    words = list(GOOD.get(name, []))
    param = next(p for p in command.params if p.name == key)
    if isinstance(param, click.Option):
        return [*words, max(param.opts, key=len), value]
    place = [p.name for p in command.params if isinstance(p, click.Argument)].index(key)
    # words that are neither options nor their values
    after = ["", *words]
    given = [at for at, word in enumerate(words) if not word.startswith("-")
             and (not after[at].startswith("-") or after[at] == "--dry-run")]  # fmt: skip
    if place < len(given):
        words[given[place]] = value
    else:
        words.append(value)
    return words


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize(("name", "key", "value"), lines())
def test_a_bad_value_is_1(
    name: str,
    key: str,
    value: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "some.csv").write_text("layer,head,role\n0,0,induction\n")
    line = built(commands()[name], name, key, value)
    words = [word.format(csv="some.csv", out="out") for word in line]
    with pytest.raises(SystemExit) as stop:
        cli.main([*name.split(), *words])
    said = capsys.readouterr().err.strip().splitlines()
    assert stop.value.code == 1, (words, said)
    assert said[-1].startswith("headgraph: "), (words, said)
    assert "this is a bug" not in said[-1]
    assert [path.name for path in tmp_path.iterdir()] == ["some.csv"], "something was written"


@pytest.mark.parametrize("name", sorted({name for name, key, _ in lines() if key == "seed"}))
def test_a_seed_below_0(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main([*name.split(), *GOOD.get(name, []), "--seed", "-1"])
    assert stop.value.code == 1
    assert "invalid value for '--seed': -1 is not in the range x>=0" in capsys.readouterr().err
