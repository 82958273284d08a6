"""`compute` in a script beside the command: `make bench`. Writes into project/performance.md.

Each is the first `compute` of a process of its own. Page faults do not depend on how busy the
machine is, and times do: ratios are taken round by round. The last way is a script whose C library
is told by its environment to keep freed memory, which a library must not decide for its caller.
"""

import json
import os
import subprocess
import sys
import tempfile
from statistics import median

from benchmarks.common import GPT2, machine, ratio, spread, table, write

ROUNDS = 15
KEEP = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(256 << 20)}
"""Variables of glibc: arrays up to 32 MB come from the heap, which gives 256 MB and more back."""
MEASURED = """
import json, resource, sys, time
import headgraph.pk_engine.scoring._compute as module
from headgraph.pk_engine.table.selection import Selection

inner = module.compute

def measured(*args, **options):
    faults, start = resource.getrusage(resource.RUSAGE_SELF).ru_minflt, time.perf_counter()
    table = inner(*args, **options)
    took = time.perf_counter() - start
    more = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults
    print(json.dumps([took, more, table.sha256]))
    return table

module.compute = measured
"""
SCRIPT = f"{MEASURED}\nmodule.compute(sys.argv[1], selection=Selection(), backend='numpy')"
COMMAND = f"{MEASURED}\nfrom headgraph import cli\ncli.main(sys.argv[2:])"
WAYS = {
    "`headgraph compute`": (COMMAND, {}),
    "`headgraph.compute` in a script": (SCRIPT, {}),
    "the same, glibc told to keep freed memory": (SCRIPT, KEEP),
}


def first_compute(code: str, variables: dict[str, str], output: str) -> tuple[float, int, str]:
    """Seconds, page faults and hash of the table of the first `compute` of a process."""
    command = ["compute", str(GPT2), "-o", output, "--force", "--all", "--backend", "numpy"]
    done = subprocess.run(
        [sys.executable, "-c", code, str(GPT2), *command],
        capture_output=True,
        text=True,
        env={**os.environ, **variables},
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    seconds, faults, sha256 = json.loads(done.stdout.splitlines()[0])
    return seconds, faults, sha256


def main() -> None:
    """Measure the ways in turn, and write the table."""
    times: dict[str, list[float]] = {name: [] for name in WAYS}
    faults: dict[str, list[int]] = {name: [] for name in WAYS}
    hashes = set()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(ROUNDS + 1):
            for name, (code, variables) in WAYS.items():
                seconds, more, sha256 = first_compute(code, variables, f"{folder}/t.parquet")
                hashes.add(sha256)
                if number:  # the first round reads the files into memory
                    times[name].append(seconds)
                    faults[name].append(more)
    if len(hashes) != 1:
        raise SystemExit("the tables differ: expected the same bits from each way")
    base = times[next(iter(WAYS))]
    rows = [
        [name, f"{median(own):.2f}", spread(own), f"{ratio(own, base):.2f}",
         f"{median(faults[name]):,.0f}"]
        for name, own in times.items()
    ]  # fmt: skip
    head = [
        "first `compute` of a process, GPT-2 small",
        "median s",
        "range s",
        "times the command's",
        "page faults",
    ]
    write("library", f"{machine(rounds=ROUNDS)} The tables are equal.\n\n{table(head, rows)}")


if __name__ == "__main__":
    main()
