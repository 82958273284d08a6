"""How soon the local server answers: its start, the first load after it, its stop, and the demo.

    python -m benchmarks.first_answer

starts servers in folders of its own, in turn without an archive of Java's classes and with one, and
ends within about 150 seconds on a quiet machine. Writes docs/data/first-answer.json after each
round, from which docs/project/performance.md is made (`make docs`).
"""

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple
from unittest.mock import patch

import psutil

from benchmarks.common import DOCS, machine, process, ratio, table
from headgraph import loader, queries
from headgraph.base.terminal import say
from headgraph.graphdb import Graph, connect
from headgraph.graphdb.server import (
    ANY_PORTS,
    RunningServer,
    ServerHome,
    archive,
    running,
    start,
    stop,
)
from headgraph.graphdb.server.jars import cache_folder, ensure_jars
from headgraph.pk_engine import Selection
from headgraph.pk_engine.linalg.backends import usable_cpus

REPORT = DOCS / "data" / "first-answer.json"
ROUNDS = 5
BUDGET_S = 150.0
"""No round begins that would probably end later."""
DEMO = [sys.executable, "-m", "headgraph", "demo"]
RECORDED, NONE, KEPT = "recording it", "without one", "with the archive"
START, FIRST, AGAIN, QUERY, STOP, SHOWN = (
    "server start", "first load of 15 edges", "load of 15 edges again", "first stored query",
    "server stop", "demo",
)  # fmt: skip


class Took(NamedTuple):
    """What a step took: seconds, and seconds of the processors in Java; None if it has ended."""

    wall: float
    java: float | None


Steps = dict[str, Took]


def measure(home: ServerHome) -> Steps:
    """A start, two loads and a query in an empty database, and the stop."""
    found: list[RunningServer] = []
    works = {FIRST: partial(_load, "first"), AGAIN: partial(_load, "again"), QUERY: _query}
    try:
        # on a busy machine, a start without an archive takes minutes
        began = _step(lambda: found.append(start(home, ports=ANY_PORTS, timeout_s=600)), found)
        steps = {START: began}
        for name, work in works.items():
            with connect(settings=found[0].settings()) as graph:
                steps[name] = _step(partial(work, graph), found)
        return {**steps, STOP: _step(lambda: stop(home), [])}
    finally:
        stop(home)


def _load(run: str, graph: Graph) -> object:
    five = Selection(top=5)  # of each of three pairings
    return loader.load("gpt2-small", graph, run=run, selection=five)


def _query(graph: Graph) -> object:
    return queries.query("hubs", graph, run="first")


def _step(work: Callable[[], object], servers: list[RunningServer]) -> Took:
    """What the work took; `servers` has the server, if there is one at the end."""
    began, before = time.perf_counter(), _java(servers)
    work()
    took = time.perf_counter() - began
    return Took(took, _java(servers) - before if servers else None)


def _java(servers: list[RunningServer]) -> float:
    if not servers:
        return 0.0
    times = psutil.Process(servers[0].pid).cpu_times()
    return float(times.user + times.system)


def demo() -> Steps:
    """The command in an empty data folder, with everything fetched."""
    shutil.rmtree(os.environ["XDG_DATA_HOME"], ignore_errors=True)
    found: list[RunningServer] = []

    def work() -> None:
        process(DEMO)
        found.extend(filter(None, [running()]))

    try:
        return {SHOWN: _step(work, found)}
    finally:
        stop()


@contextmanager
def own_folders() -> Iterator[Path]:
    """Folders of this benchmark's own for data and cache; the jars are the user's."""
    ensure_jars()
    jars = cache_folder()
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        (here / "cache" / "headgraph").mkdir(parents=True)
        (here / "cache" / "headgraph" / "jars").symlink_to(jars)
        own = {"XDG_CACHE_HOME": str(here / "cache"), "XDG_DATA_HOME": str(here / "data")}
        with patch.dict(os.environ, own):
            for name in [name for name in os.environ if name.startswith("NEO4J_")]:
                del os.environ[name]
            yield here


def main() -> None:
    """Record an archive, then measure both kinds of start in turn, and keep what was found."""
    began, load = time.monotonic(), os.getloadavg()[0]
    found: dict[str, list[Steps]] = {RECORDED: [], NONE: [], KEPT: []}
    longest = 0.0
    with own_folders() as here:
        found[RECORDED].append(_told(RECORDED, measure(ServerHome(here / "recorded"))))
        archives = cache_folder().with_name("classes").rglob("*.jsa")
        about: dict[str, Any] = {
            "load": load,
            "processors": usable_cpus(),
            "bytes": sum(path.stat().st_size for path in archives),
        }
        for number in range(ROUNDS):
            since = time.monotonic()
            if number and since - began + longest > BUDGET_S:
                break
            with patch.object(archive, "arguments", return_value=[]):
                found[NONE].append(_told(NONE, measure(ServerHome(here / f"none{number}"))))
            steps = measure(ServerHome(here / f"kept{number}")) | demo()
            found[KEPT].append(_told(KEPT, steps))
            about["machine"] = machine("neo4j", rounds=number + 1)
            REPORT.write_text(json.dumps({**about, "rounds": found}, indent=1) + "\n", "utf-8")
            longest = max(longest, time.monotonic() - since)
    say(report())


def _told(kind: str, steps: Steps) -> Steps:
    say(f"{kind}: {', '.join(f'{name} {took.wall:.1f} s' for name, took in steps.items())}")
    return steps


def report() -> str:
    """The table of docs/project/performance.md, and where it was taken."""
    if not REPORT.exists():
        return "This has not been measured yet."
    found = json.loads(REPORT.read_text("utf-8"))
    rounds = {
        kind: [{name: Took(*took) for name, took in steps.items()} for steps in them]
        for kind, them in found["rounds"].items()
    }
    rows = [
        [name, *(_cell(them, name) for them in rounds.values()), _ratio(rounds, name)]
        for name in (START, FIRST, AGAIN, QUERY, STOP, SHOWN)
    ]
    note = (
        f"{found['machine']} Seconds, median; in brackets, seconds of the processors in Java. The "
        f"archive is {found['bytes'] / 1e6:.0f} MB; it was recorded once. The machine's load over "
        f"a minute was {found['load']:.1f} before."
    )
    if found["load"] > found["processors"]:
        note += " Other programs kept the processors busy: compare the columns, not the seconds."
    return f"{note}\n\n{table(['', *rounds, f'{KEPT} / {NONE}'], rows)}"


def _cell(rounds: list[Steps], name: str) -> str:
    took = [steps[name] for steps in rounds if name in steps]
    java = [it.java for it in took if it.java is not None]
    cell = f"{median(it.wall for it in took):.1f}" if took else ""
    return f"{cell} ({median(java):.1f})" if java else cell


def _ratio(rounds: dict[str, Any], name: str) -> str:
    """Median of the ratios round by round."""
    with_it, without = ([steps.get(name) for steps in rounds[kind]] for kind in (KEPT, NONE))
    if None in with_it or None in without:
        return ""
    return f"{ratio((it.wall for it in with_it), (it.wall for it in without)):.2f}"


if __name__ == "__main__":
    main()
