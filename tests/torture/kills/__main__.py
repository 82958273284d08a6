"""`python -m tests.torture.kills`: see the package."""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headgraph.graphdb import connect
from headgraph.graphdb.server import ANY_PORTS, start
from tests.graphdb_server_fixture import keep_plans, own_home
from tests.torture.kills.commands import CASES, Command, World
from tests.torture.kills.forks import Forks
from tests.torture.kills.plants import PLANTS
from tests.torture.kills.servers import SERVERS
from tests.torture.kills.trial import Trial, tried
from tests.torture.report import commit, write, write_all

REPORT, PLANTED = "kills.csv", "planted.csv"
NAMES = [*CASES, *SERVERS]
SLOWER = 10
"""Of commands that start a server, a kill takes so many times as long as of others."""


def row_of(trial: Trial, forks: Forks, kills: int, seed: int) -> dict[str, object]:
    """A row of the report; each fault is printed."""
    count, faults = tried(trial, forks, kills, seed)
    for fault in faults:
        print(fault, file=sys.stderr, flush=True)
    return {
        "command": trial.name, "seed": seed, "kills": count["kills"], "before": count["before"],
        "part": count["part"], "whole": count["whole"], "healed": count["healed"],
        "faults": len(faults), "commit": commit(),
    }  # fmt: skip


@contextmanager
def world(folder: Path, forks: Forks) -> Iterator[World]:
    """One server for all trials that leave it alone."""
    with own_home(folder / "server") as home:
        keep_plans(home)
        server = start(home, ports=ANY_PORTS)
        with connect(settings=server.settings()) as graph:
            there = World(graph, folder, forks)
            try:
                yield there
            finally:
                there.workers.close()


def _trials(names: list[str], folder: Path, forks: Forks) -> Iterator[Trial]:
    """The trials of these commands, each with its server."""
    if quick := [name for name in names if name in CASES]:
        with world(folder, forks) as there:
            yield from (Command(name, there) for name in quick)
    for number, name in enumerate(name for name in names if name in SERVERS):
        trial = SERVERS[name](folder / f"own{number}", forks)
        try:
            yield trial
        finally:
            trial.end()


def planted(folder: Path, kills: int, seed: int) -> list[dict[str, object]]:
    """Kill a command with each fault of `PLANTS`: rows with the kill that found it, or nothing."""
    rows = []
    for number, (name, plant) in enumerate(PLANTS.items()):
        place = folder / str(number)
        place.mkdir()
        with Forks(name) as forks, world(place, forks) as there:
            count, faults = tried(Command(plant.command, there), forks, kills, seed, most=1)
        print(f"{name}: {faults[0] if faults else 'NOT FOUND'}", flush=True)
        found = count["kills"] if faults else ""
        rows.append(
            {"fault": name, "command": plant.command, "seed": seed, "found at kill": found,
             "commit": commit()}
        )  # fmt: skip
    return rows


def main() -> int:
    """Kill the commands that are named, and say how it went."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture.kills")
    parser.add_argument(
        "--kills", type=int, default=20,
        help=f"Kills of each command; one in {SLOWER} where each trial starts a server.",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--command", action="append", choices=NAMES, help="default: all")
    parser.add_argument("--report", action="store_true", help=f"write {REPORT}")
    parser.add_argument(
        "--planted", action="store_true", help="check that faults in the code are found"
    )
    given = parser.parse_args()
    if given.planted:
        with tempfile.TemporaryDirectory() as name:
            rows = planted(Path(name).resolve(), given.kills, given.seed)
        if given.report:
            write_all(PLANTED, rows)
        return int(not all(row["found at kill"] for row in rows))
    faults = 0
    with tempfile.TemporaryDirectory() as name, Forks() as forks:
        for trial in _trials(given.command or NAMES, Path(name).resolve(), forks):
            begin = time.monotonic()
            kills = -(-given.kills // SLOWER) if trial.name in SERVERS else given.kills
            row = row_of(trial, forks, kills, given.seed)
            faults += int(str(row["faults"]))
            print(*(f"{name} {value}" for name, value in row.items()),
                  f"({time.monotonic() - begin:.0f} s)", sep=", ", flush=True)  # fmt: skip
            if given.report:
                write(REPORT, row, NAMES)
    return int(faults > 0)


if __name__ == "__main__":
    sys.exit(main())
