"""`python -m tests.torture.kills`: see the package."""

import argparse
import csv
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from headgraph.graphdb import connect
from headgraph.graphdb.server import ANY_PORTS, start
from tests.graphdb_server_fixture import keep_plans, own_home
from tests.torture.kills.commands import CASES, Command, World
from tests.torture.kills.forks import Forks
from tests.torture.kills.trial import Trial, tried

REPORT = Path(__file__).parents[3] / "docs" / "data" / "kills.csv"
COLUMNS = ["command", "seed", "kills", "before", "whole", "healed", "faults"]
NAMES = [*CASES]


def rows_of(
    trials: Iterator[Trial], forks: Forks, kills: int, seed: int
) -> Iterator[dict[str, object]]:
    """A row of the report for each trial; faults are printed."""
    for trial in trials:
        count, faults = tried(trial, forks, kills, seed)
        for fault in faults:
            print(fault, file=sys.stderr, flush=True)
        yield {"command": trial.name, "seed": seed, "kills": count["kills"],
               "before": count["before"], "whole": count["whole"], "healed": count["healed"],
               "faults": len(faults)}  # fmt: skip


@contextmanager
def world(folder: Path, forks: Forks) -> Iterator[World]:
    """One server for all trials that leave it alone."""
    with own_home(folder / "server") as home:
        keep_plans(home)
        server = start(home, ports=ANY_PORTS)
        with connect(settings=server.settings()) as graph:
            yield World(graph, folder, forks)


def main() -> int:
    """Kill the commands that are named, and say how it went."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture.kills")
    parser.add_argument("--kills", type=int, default=20, help="of each command")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--command", action="append", choices=NAMES, help="default: all")
    parser.add_argument("--report", action="store_true", help=f"write {REPORT.name}")
    given = parser.parse_args()
    faults = 0
    names = given.command or NAMES
    with tempfile.TemporaryDirectory() as name, Forks() as forks:
        folder = Path(name).resolve()
        with world(folder, forks) as there:
            begin = time.monotonic()
            trials = (Command(name, there) for name in names if name in CASES)
            for row in rows_of(trials, forks, given.kills, given.seed):
                print(row, f"{time.monotonic() - begin:.0f} s", flush=True)
                faults += int(str(row["faults"]))
    return int(faults > 0)


if __name__ == "__main__":
    sys.exit(main())
