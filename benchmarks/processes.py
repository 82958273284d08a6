"""Whole processes, timed from outside: `make bench`. Writes into project/performance.md."""

import sys
import tempfile
from functools import partial
from statistics import median

from benchmarks.common import GPT2, in_turn, machine, process, ratio, spread, table, write

ROUNDS = 7
COMPUTE = "`headgraph compute` GPT-2 small, PK of all 28,512 pairs"
TORCH = "`python -c 'import torch'`"


def main() -> None:
    """Time the commands and write the table."""
    headgraph = [sys.executable, "-m", "headgraph"]
    with tempfile.TemporaryDirectory() as folder:
        compute = [
            *headgraph,
            "compute",
            str(GPT2),
            "-o",
            f"{folder}/t.parquet",
            "--force",
            "--all",
        ]
        commands = {
            TORCH: [sys.executable, "-c", "import torch"],
            COMPUTE: compute,
            "the same with `--metrics pk,cs`": [*compute, "--metrics", "pk,cs"],
            "`headgraph --help`": [*headgraph, "--help"],
            "`python -c pass`": [sys.executable, "-c", "pass"],
        }
        times = in_turn({name: partial(process, args) for name, args in commands.items()}, ROUNDS)
    rows = [
        [name, f"{median(own):.2f}", spread(own), f"{ratio(own, times[TORCH]):.2f}"]
        for name, own in times.items()
    ]
    head = ["whole process", "median s", "range s", "beside `import torch`"]
    write("whole processes", f"{machine('torch', rounds=ROUNDS)}\n\n{table(head, rows)}")


if __name__ == "__main__":
    main()
