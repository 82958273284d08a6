"""Ratios of timings, all taken in one run on one machine: `make bench`.

Whole processes are timed from outside, in turn (A B A B ...), after one warm-up each, so that a
machine whose speed drifts slows both. Writes its table into docs/performance.md.
"""

import platform
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from statistics import median

from pk_engine.backends import usable_cpus

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
SHARED = Path(__file__).parents[2] / "shared"
ROUNDS = 7


def seconds(command: list[str]) -> float:
    """Wall time of one process from start to end."""
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def interleaved(*commands: list[str]) -> list[list[float]]:
    """Seconds of each command in each round."""
    for command in commands:
        seconds(command)  # what the disk and the byte code cost once
    rounds = [[seconds(command) for command in commands] for _ in range(ROUNDS)]
    return [list(times) for times in zip(*rounds, strict=True)]


def row(what: str, times: list[float], base: list[float]) -> str:
    """One line of the table: median seconds, and the median of the ratios pair by pair."""
    ratio = median(a / b for a, b in zip(times, base, strict=True))
    return f"| {what} | {median(times):.2f} | {min(times):.2f} to {max(times):.2f} | {ratio:.2f} |"


def main() -> None:
    """Time the commands and print the table."""
    python = [sys.executable, "-m", "headgraph"]
    with tempfile.TemporaryDirectory() as folder:
        out = ["-o", f"{folder}/t.parquet", "--force", "--all"]
        model = str(SHARED / "models" / "gpt2-attention")
        torch, compute, composition, usage, bare = interleaved(
            [sys.executable, "-c", "import torch"],
            [*python, "compute", model, *out],
            [*python, "compute", model, *out, "--metrics", "pk,cs"],
            [*python, "--help"],
            [sys.executable, "-c", "pass"],
        )
    names = ("numpy", "torch")
    lines = [
        f"Taken {time.strftime('%Y-%m-%d')} on {platform.machine()}, {platform.system()}, "
        f"{usable_cpus()} processors, Python {platform.python_version()}, "
        f"{', '.join(f'{name} {version(name)}' for name in names)}; {ROUNDS} rounds in turn.",
        "",
        "| whole process | median s | range s | beside `import torch` |",
        "| --- | --- | --- | --- |",
        row("`python -c 'import torch'`", torch, torch),
        row("`headgraph compute` GPT-2 small, PK of all 28,512 pairs", compute, torch),
        row("the same with `--metrics pk,cs`", composition, torch),
        row("`headgraph --help`", usage, torch),
        row("`python -c pass`", bare, torch),
    ]
    write("whole processes", "\n".join(lines))


def write(name: str, text: str) -> None:
    """Put a result between its two marks in docs/performance.md, and show it."""
    print(text)
    marks = f"<!-- {name} -->", f"<!-- end of {name} -->"
    page = PAGE.read_text("utf-8")
    before, _, rest = page.partition(marks[0])
    _, end, after = rest.partition(marks[1])
    if not end:
        raise SystemExit(f"{PAGE} has no place for {name!r}: wanted the lines {marks}")
    PAGE.write_text(f"{before}{marks[0]}\n{text}\n{marks[1]}{after}", "utf-8")


if __name__ == "__main__":
    main()
