"""Ratios of timings, all taken in one run on one machine: `make bench`.

Whole processes are timed from outside, in turn (A B A B ...), after one warm-up each, so that a
machine whose speed drifts slows both. Prints Markdown.
"""

import platform
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from statistics import median

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
    print(
        f"Taken {time.strftime('%Y-%m-%d')} on {platform.machine()}, {platform.system()}, "
        f"{len_cpus()} processors, Python {platform.python_version()}, "
        f"{', '.join(f'{name} {version(name)}' for name in names)}; {ROUNDS} rounds in turn.\n"
    )
    print("| whole process | median s | range s | beside `import torch` |")
    print("| --- | --- | --- | --- |")
    print(row("`python -c 'import torch'`", torch, torch))
    print(row("`headgraph compute` GPT-2 small, PK of all 28,512 pairs", compute, torch))
    print(row("the same with `--metrics pk,cs`", composition, torch))
    print(row("`headgraph --help`", usage, torch))
    print(row("`python -c pass`", bare, torch))


def len_cpus() -> int:
    """Processors this process may use."""
    from pk_engine.scores import usable_cpus

    return usable_cpus()


if __name__ == "__main__":
    main()
