"""How soon the local server answers: its start, the first load after it, its stop, and the demo.

python -m benchmarks.first_answer
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from unittest.mock import patch

from benchmarks.common import machine, process, seconds, table, write
from headgraph import loader
from headgraph.graphdb import connect
from headgraph.graphdb.server import ANY_PORTS, RunningServer, ServerHome, archive, start, stop
from headgraph.graphdb.server.jars import cache_folder, ensure_jars
from headgraph.pk_engine import Selection
from headgraph.pk_engine.linalg.backends import usable_cpus

ROUNDS = 5
DEMO = [sys.executable, "-m", "headgraph", "demo"]
KEPT, RECORDED, NONE = "with the archive", "recording it", "without one"
STEPS = ("server start", "first load of 15 edges", "load of 15 edges again", "server stop", "demo")


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


def measure(home: ServerHome) -> list[float]:
    """Seconds of each step but the last."""
    found: list[RunningServer] = []
    times = [seconds(lambda: found.append(start(home, ports=ANY_PORTS)))]
    for name in ("first", "again"):
        with connect(settings=found[0].settings()) as graph:
            times.append(seconds(_loaded(graph, name)))
    times.append(seconds(lambda: stop(home)))
    return times


def _loaded(graph: object, run: str) -> Callable[[], object]:
    five = Selection(top=5)  # of each of three pairings
    return lambda: loader.load("gpt2-small", graph, run=run, selection=five)  # type: ignore[arg-type]


def demo() -> list[float]:
    """Seconds of the command in an empty data folder, with everything fetched."""
    shutil.rmtree(os.environ["XDG_DATA_HOME"], ignore_errors=True)
    took = seconds(lambda: process(DEMO))
    stop()
    return [took]


def main() -> None:
    """Measure each kind of start in turn and write the page."""
    before = os.getloadavg()[0]
    found: dict[str, list[list[float]]] = {NONE: [], RECORDED: [], KEPT: []}
    with own_folders() as here:
        classes = cache_folder().with_name("classes")
        for number in range(ROUNDS):
            home = ServerHome(here / f"home{number}")
            with patch.object(archive, "arguments", return_value=[]):
                found[NONE].append(measure(home))
            for kind in (RECORDED, KEPT):
                times: list[float] = []
                for work in (partial(measure, home), demo):
                    if kind == RECORDED:
                        shutil.rmtree(classes, ignore_errors=True)
                    shutil.rmtree(home.path, ignore_errors=True)
                    times += work()
                found[kind].append(times)
        size = sum(path.stat().st_size for path in classes.rglob("*.jsa"))
    rows = [
        [step, *(f"{median(times[i] for times in rounds):.1f}" if i < len(rounds[0]) else ""
                 for rounds in found.values())]
        for i, step in enumerate(STEPS)
    ]  # fmt: skip
    note = (
        f"{machine('neo4j', rounds=ROUNDS)} Seconds, median. The archive is {size / 1e6:.0f} MB. "
        f"The machine's load over a minute was {before:.1f} before."
    )
    if before > usable_cpus():
        note += " Other programs kept the processors busy: compare the columns, not the seconds."
    write("first answer", f"{note}\n\n{table(['', *found], rows)}")


if __name__ == "__main__":
    main()
