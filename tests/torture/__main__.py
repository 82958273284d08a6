"""`python -m tests.torture`: see the package."""

import argparse
import hashlib
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.torture.kinds import KINDS
from tests.torture.mutation import mutated
from tests.torture.report import commit, write
from tests.torture.trial import READ, limited, tried

CASES = Path(__file__).with_name("cases")
REPORT = "torture.csv"


@contextmanager
def good(kind: str) -> Iterator[tuple[Path, Path, bytes]]:
    """A folder with a good input: the folder, the file, and its bytes, which are read once."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = KINDS[kind].make(folder)
        whole = file.read_bytes()
        came_to, fault = tried(kind, file, whole, folder)
        if came_to != READ or fault:
            raise AssertionError(f"the good {kind} is not read: {came_to}, {fault}")
        yield folder, file, whole


def torture(kind: str, inputs: range, seed: int) -> dict[str, object]:
    """A row of the report; each fault is written to `CASES`, and said."""
    found: Counter[str] = Counter()
    faults = 0
    with good(kind) as (folder, file, whole), limited():
        for number in inputs:
            data = mutated(whole, random.Random(f"{kind} {seed} {number}"))
            came_to, fault = tried(kind, file, data, folder)
            if not fault:
                found[came_to] += 1
            else:
                faults += 1
                print(f"{kind}, seed {seed}, input {number}: {fault}", file=sys.stderr)
                keep(kind, data)
    read = found.pop(READ, 0)
    return {
        "kind": kind, "seed": seed, "inputs": len(inputs), "read": read,
        "refused": found.total(), "sentences": len(found), "faults": faults,
    }  # fmt: skip


def keep(kind: str, data: bytes) -> None:
    """Write an input to `CASES`."""
    folder = CASES / kind.replace(" ", "-")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{hashlib.sha256(data).hexdigest()[:12]}.bin").write_bytes(data)


def main() -> int:
    """Torture the kinds that are named, and say how it went."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture")
    parser.add_argument("--inputs", type=int, default=200, help="Damaged inputs of each kind.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", action="append", choices=list(KINDS), help="default: all")
    parser.add_argument("--report", action="store_true", help=f"write {REPORT}")
    given = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"  # threads reserve memory that is not taken
    faults = 0
    for kind in given.kind or KINDS:
        start = time.process_time()
        row = torture(kind, range(given.inputs), given.seed)
        faults += int(str(row["faults"]))
        print(*(f"{name} {value}" for name, value in row.items()),
              f"({time.process_time() - start:.0f} s)", sep=", ", flush=True)  # fmt: skip
        if given.report:
            write(REPORT, row | {"commit": commit()}, list(KINDS))
    return int(faults > 0)


if __name__ == "__main__":
    sys.exit(main())
