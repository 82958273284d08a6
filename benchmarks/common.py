"""What the benchmarks share: rounds in turn, peaks of processes, and where results are written."""

import csv
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from headgraph.pk_engine.linalg.backends import usable_cpus

DOCS = Path(__file__).parents[1] / "docs"
STUDIES = DOCS / "studies"
PAGE = DOCS / "project" / "performance.md"
SHARED = Path(__file__).parents[2] / "shared"
GPT2 = SHARED / "models" / "gpt2-attention"


def seconds(work: Callable[[], Any]) -> float:
    """Wall time of a call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def in_turn(
    works: Mapping[str, Callable[[], Any]], rounds: int, *, warm: bool = False
) -> dict[str, list[float]]:
    """Seconds of each work in each round: A B A B ..., after one of each that does not count.

    A machine whose speed drifts then slows all of them, and ratios taken within a round hold.
    With `warm` they ran before.
    """
    for work in () if warm else works.values():
        work()
    found: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            found[name].append(seconds(work))
    return found


def process(command: Sequence[str]) -> None:
    """Run a process to its end, and show what it said if it failed.

    Its modules are compiled once and kept, as those of an installed package are, also where the
    environment asks Python not to keep what it compiles.
    """
    kept = {name: v for name, v in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(command, capture_output=True, text=True, env=kept)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")


def watched(command: Sequence[str]) -> tuple[float, float]:
    """(seconds, peak resident MB) of one process."""
    # a process of its own waits for it: ru_maxrss of children is the largest of all of them
    code = (
        "import json, resource, subprocess, sys, time\n"
        "start = time.perf_counter()\n"
        "done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)\n"
        "took = time.perf_counter() - start\n"
        "peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss\n"
        "print(json.dumps([took, peak, done.returncode]))"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", code, *command], capture_output=True, text=True, check=True
    )
    took, peak, failed = json.loads(done.stdout)
    if failed:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
    return took, peak * (1 if sys.platform == "darwin" else 1024) / 1e6


def ratio(times: Iterable[float], base: Iterable[float]) -> float:
    """Median of the ratios round by round."""
    return median(a / b for a, b in zip(times, base, strict=True))


def spread(times: Sequence[float]) -> str:
    """The range, for a table."""
    return f"{min(times):.2f} to {max(times):.2f}"


def processor() -> str:
    """The processor's name where the system tells it, otherwise its kind."""
    about = Path("/proc/cpuinfo")
    lines = about.read_text("utf-8").splitlines() if about.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def machine(*packages: str, rounds: int) -> str:
    """When, where and with what a result was taken."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("numpy", *packages))
    return (
        f"Taken {time.strftime('%Y-%m-%d')} on {platform.machine()}, {platform.system()}, "
        f"{usable_cpus()} processors ({processor()}), Python {platform.python_version()}, "
        f"{versions}; {rounds} {'round' if rounds == 1 else 'rounds in turn'}."
    )


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def rows(path: Path) -> list[dict[str, str]]:
    """The lines of a CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write(name: str, text: str, page: Path = PAGE) -> None:
    """Put a result between its two marks in a page of docs/, and show it."""
    print(text)
    marks = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, _, rest = page.read_text("utf-8").partition(marks[0])
    _, end, after = rest.partition(marks[1])
    if not end:
        raise SystemExit(f"{page} has no place for {name!r}: expected the lines {marks}")
    page.write_text(f"{before}{marks[0]}\n{text}\n{marks[1]}{after}", "utf-8")
