"""Several models in one database: the commands of docs/guides/many-models.md and their output.

    python examples/many_models.py

Starts a Neo4j of its own in a temporary folder and stops it at the end.
"""

import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.common import write
from headgraph.graphdb.server import ANY_PORTS, ServerHome, start, stop

PAGE = Path(__file__).parents[1] / "docs/guides/many-models.md"
OWN = "layer,head,role,note\n0,1,mine,looked at by hand\n1,2,mine,\n"
LINES = 14  # shown lines of an answer
PARTS = {
    "listing": """\
headgraph load gpt2-small --run gpt2-small --top-percent 3
headgraph compute induction-2l --all -o induction-2l.parquet
headgraph load induction-2l.parquet --run tiny --top-percent 50
headgraph runs""",
    "labels": """\
cat own.csv
headgraph load induction-2l.parquet --run tiny --top-percent 50 --labels own.csv
headgraph load induction-2l.parquet --run tiny --top 20 --replace
headgraph query roles --run tiny""",
    "comparing": """\
headgraph compute induction-2l --all --fold-ln -o folded.parquet
headgraph load folded.parquet --run tiny-folded --top 20
headgraph query compare_runs --run tiny -p other=tiny-folded -p limit=2
headgraph query compare_runs --run tiny -p other=gpt2-small""",
    "checkpoints": """\
headgraph trajectory induction-2l --no-behaviour --tables steps -o steps.csv --format csv
headgraph load --series steps --top 20
headgraph runs --series induction-2l
headgraph query checkpoints --run induction-2l-step0
headgraph query hubs_in --series induction-2l -p pairings=OK -p limit=1""",
    "dropping": """\
headgraph runs 'tiny*'
headgraph drop tiny-folded
headgraph drop tinny
headgraph drop --dry-run --series induction-2l
headgraph drop --yes 'induction-2l-step*'
headgraph runs""",
}
QUIET = ("headgraph compute", "headgraph trajectory")
"""Parts that print progress, or more rows than the page has room for."""


def shown(line: str) -> str:
    """A command and its output, with both streams as on a terminal."""
    done = subprocess.run(
        ["bash", "-c", line],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600, env=os.environ,
    )  # fmt: skip
    if done.returncode > 1:
        raise SystemExit(f"{line}\n{done.stdout}")
    said = done.stdout if not line.startswith(QUIET) else ""
    # the time of a load depends on the machine: see project/performance.md
    lines = [re.sub(r" in [\d.]+ s$", "", text.rstrip()) for text in said.splitlines()]
    lines = [*lines[:LINES], "..."] if len(lines) > LINES else lines
    return "\n".join([f"$ {line}", *lines])


def path_with_headgraph(folder: Path) -> str:
    """A PATH on which `headgraph` is that of this checkout."""
    command = folder / "bin" / "headgraph"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m headgraph "$@"\n')
    command.chmod(0o755)
    return f"{command.parent}:{os.environ['PATH']}"


def main() -> None:
    """Run each part, and write it into the page."""
    root = Path(__file__).parents[1]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "own.csv").write_text(OWN, encoding="utf-8")
        os.environ |= {
            "XDG_DATA_HOME": str(folder / "data"),
            "PATH": path_with_headgraph(folder),
            "PYTHONPATH": str(root),
        }
        os.chdir(folder)
        start(ServerHome.default(), ports=ANY_PORTS)
        try:
            for part, lines in PARTS.items():
                text = "\n".join(shown(line) for line in lines.splitlines())
                write(f"many {part}", f"```text\n{text}\n```", PAGE)
        finally:
            stop(ServerHome.default())


if __name__ == "__main__":
    main()
