"""Inputs changed by other tools, with the checks of `python -m tests.torture`.

    python -m tests.torture.fuzzers --tool atheris --seconds 80 --report

atheris changes bytes and keeps inputs that reach new code; Hypothesis puts values of its own into
JSON, or words and numbers into text. coverage.py counts what an input reaches. atheris and
coverage.py are no dependencies of ours: `pip install atheris coverage`.
"""

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path

from tests.torture.mutation import WORDS, mutated

TOOLS = ["tests.torture", "hypothesis", "atheris"]
ROOT = Path(__file__).parents[2]
REPORT = "fuzzers.csv"
LIBRARIES = ["dotenv", "gguf", "tomllib", "json", "xml", "safetensors"]
"""Readers in Python that ours call; atheris sees their branches too."""


class Done(KeyboardInterrupt):
    """Raised when the processor time is used up, through tools that catch errors."""


class Count:
    """Inputs of one kind within a processor time, and what came of them."""

    def __init__(self, kind: str, seconds: float, file: Path, whole: bytes) -> None:
        import coverage

        self.kind, self.seconds, self.file, self.whole = kind, seconds, file, whole
        self.found: Counter[str] = Counter()
        self.faults: dict[str, bytes] = {}
        self.inputs, self.half = 0, -1
        self.at_half: Callable[[], int] = self.branches
        omit = ["*/site-packages/*", "*/tests/*"]
        self.seen = coverage.Coverage(branch=True, data_file=None, config_file=False, omit=omit)
        self.begin = time.process_time()

    def one(self, data: bytes) -> None:
        """Read one input, as `tests.torture` does."""
        from tests.torture.__main__ import keep
        from tests.torture.trial import limited, tried

        took = time.process_time() - self.begin
        if self.half < 0 and took > self.seconds / 2:
            self.half = self.at_half()
        if took > self.seconds:
            raise Done
        with limited():  # of this input alone: the tools keep what they have tried
            came_to, fault = tried(self.kind, self.file, data, self.file.parent)
        self.inputs += 1
        if not fault:
            self.found[came_to] += 1
        elif came_to not in self.faults:
            self.faults[came_to] = data
            keep(self.kind, data)  # at once: atheris ends the process
            print(f"{self.kind}: {fault}\n{data[:2000]!r}", file=sys.stderr, flush=True)

    def branches(self) -> int:
        """Pairs of lines that ran one after the other."""
        data = self.seen.get_data()
        return sum(len(data.arcs(name) or ()) for name in data.measured_files())

    def replayed(self, inputs: list[bytes]) -> int:
        """The branches of these inputs and the good one."""
        from tests.torture.trial import tried

        self.seen.start()
        for data in [self.whole, *inputs]:
            tried(self.kind, self.file, data, self.file.parent)
        self.seen.stop()
        return self.branches()

    def said(self) -> dict[str, object]:
        """The part of a row that is the same for all tools."""
        read = self.found.pop("read", 0)
        return {"inputs": self.inputs, "read": read, "sentences": len(self.found),
                "faults": len(self.faults)}  # fmt: skip


@contextmanager
def _counting(kind: str, seconds: float) -> Iterator[Count]:
    from tests.torture.__main__ import good

    with good(kind) as (_, file, whole):
        yield Count(kind, seconds, file, whole)


def by_seed(count: Count) -> None:
    """The changes of `tests.torture`."""
    number = 0
    while True:
        count.one(mutated(count.whole, random.Random(f"{count.kind} fuzz {number}")))
        number += 1


def by_hypothesis(count: Count) -> None:
    """Values, words or bytes of Hypothesis in one to four places."""
    from hypothesis import HealthCheck, Phase, given, seed, settings

    from tests.torture.strategies import inputs

    @seed(1)
    @settings(max_examples=10**9, database=None, deadline=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(inputs(count.whole))
    def go(data: bytes) -> None:
        count.one(data)

    go()


def by_atheris(count: Count, folder: Path, row: Callable[[Count], None]) -> None:
    """Bytes that libFuzzer changes, with the words of the good input and ours; ends the process."""
    import atheris  # type: ignore[import-not-found]

    corpus = folder / "corpus"
    corpus.mkdir()
    (corpus / "good").write_bytes(count.whole)
    words = {
        *WORDS,
        *re.findall(rb"[\w.]{2,}", count.whole),
        *re.findall(rb'"[^"\n]*"', count.whole),
    }
    lines = ["".join(f"\\x{it:02x}" for it in word) for word in words if 0 < len(word) < 60]
    (folder / "words").write_text("".join(f'"{line}"\n' for line in lines))
    half: set[str] = set()

    def at_half() -> int:
        half.update(path.name for path in corpus.iterdir())
        return 0

    count.at_half = at_half

    def test(data: bytes) -> None:
        try:
            count.one(data)
        except Done:
            kept = {path.name: path.read_bytes() for path in sorted(corpus.iterdir())}
            (folder / "kept.json").write_text(
                json.dumps([[data.hex(), name in half] for name, data in kept.items()])
            )
            row(count)
            os._exit(0)

    options = ["-seed=1", f"-max_len={len(count.whole) + 6000}", "-len_control=0"]
    # `tried` has its own limits; this one would count the time of a process that is stopped
    options += ["-rss_limit_mb=0", "-timeout=1000000"]
    atheris.Setup(["x", str(corpus), f"-dict={folder / 'words'}", *options], test)
    atheris.Fuzz()


def measured(tool: str, kind: str, seconds: float, folder: Path) -> None:
    """One kind by one tool in this process; the row goes to a file."""

    def row(count: Count) -> None:
        (folder / "row.json").write_text(json.dumps(count.said()))

    if tool == "atheris":
        import atheris

        with atheris.instrument_imports(
            include=["headgraph", *LIBRARIES], enable_loader_override=False
        ):
            from tests.torture.kinds import KINDS

            # what it imports when it reads is seen too; atheris prints a line for each
            made = KINDS[kind].make(folder)
            KINDS[kind].use(made)
    with _counting(kind, seconds) as count:
        if tool == "atheris":
            by_atheris(count, folder, row)
        before = count.replayed([])
        count.seen.start()
        count.begin = time.process_time()
        with suppress(Done):
            by_seed(count) if tool == "tests.torture" else by_hypothesis(count)
        count.seen.stop()
        said = {"branches before": before, "at half": count.half, "branches": count.branches()}
        (folder / "row.json").write_text(json.dumps(count.said() | said))


def replayed(kind: str, folder: Path) -> None:
    """What the inputs that atheris kept reach, in a process without atheris."""
    kept = json.loads((folder / "kept.json").read_text())
    with _counting(kind, 1e9) as count:
        said = {"branches before": count.replayed([])}
        said["at half"] = count.replayed([bytes.fromhex(it) for it, early in kept if early])
        said["branches"] = count.replayed([bytes.fromhex(it) for it, _ in kept])
    row = json.loads((folder / "row.json").read_text())
    (folder / "row.json").write_text(json.dumps(row | said))


def tried_with(tool: str, kind: str, seconds: float) -> dict[str, object]:
    """A row of the report, from processes of their own."""
    from tests.torture.report import commit

    with tempfile.TemporaryDirectory() as name:
        line = [sys.executable, "-m", "tests.torture.fuzzers", "--tool", tool, "--kind", kind,
                "--seconds", str(seconds), "--folder", name, "--step"]  # fmt: skip
        for step in ["try", "replay"][: 1 + (tool == "atheris")]:
            out = None if os.environ.get("LOUD") else subprocess.DEVNULL
            subprocess.run([*line, step], cwd=ROOT, check=True, stdout=out)
        row = json.loads((Path(name) / "row.json").read_text())
    by = tool if "." in tool else f"{tool} {version(tool)}"
    return {"kind": kind, "inputs changed by": by, "processor s": f"{seconds:g}", **row,
            "commit": commit()}  # fmt: skip


def main() -> int:
    """Try kinds with a tool, each in a process of its own."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture.fuzzers")
    parser.add_argument("--tool", choices=TOOLS, required=True)
    parser.add_argument("--seconds", type=float, default=20, help="Processor time of each kind.")
    parser.add_argument("--kind", action="append", help="default: all")
    parser.add_argument("--report", action="store_true", help=f"write {REPORT}")
    parser.add_argument("--step", choices=["try", "replay"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step == "try":
        measured(given.tool, given.kind[0], given.seconds, given.folder)
    elif given.step == "replay":
        replayed(given.kind[0], given.folder)
    if given.step:
        return 0
    from tests.torture.kinds import KINDS  # not before: atheris must see it imported
    from tests.torture.report import write

    faults = 0
    for kind in given.kind or KINDS:
        row = tried_with(given.tool, kind, given.seconds)
        faults += int(str(row["faults"]))
        print(*(f"{name} {value}" for name, value in row.items()), sep=", ", flush=True)
        if given.report:
            write(REPORT, row, list(KINDS))
    return int(faults > 0)


if __name__ == "__main__":
    sys.exit(main())
