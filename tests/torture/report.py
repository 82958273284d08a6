"""Tables of docs/project/reliability.md, from what the long runs wrote and the list of promises."""

import csv
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import common
from tests.promises import PROMISES

ROOT = Path(__file__).parents[2]
NOT_TAKEN = "This report has not been taken yet."


def _rows(name: str) -> list[dict[str, str]]:
    path = common.DOCS / "data" / name
    return common.rows(path) if path.exists() else []


def write(name: str, row: dict[str, object], order: Sequence[str]) -> None:
    """Put a row into a report, in place of an older one with the same first two columns.

    Args:
        name: the file in docs/data.
        row: the values by column.
        order: all values that the first column may have.
    """
    first, second = list(row)[:2]
    new = {column: str(value) for column, value in row.items()}
    kept = {(one[first], one[second]): one for one in [*_rows(name), new]}
    order_of = {value: place for place, value in enumerate(order)}
    write_all(name, [kept[key] for key in sorted(kept, key=lambda it: (order_of[it[0]], it[1]))])


def write_all(name: str, rows: Sequence[dict[str, Any]]) -> None:
    """Write a report of these rows."""
    with (common.DOCS / "data" / name).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[-1]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def commit() -> str:
    """The commit that is tried, with a + if the code has changed since; empty without git."""
    known = ["git", "rev-parse", "--short=8", "HEAD"]
    changed = ["git", "status", "--porcelain", "--untracked-files=no", "--", ":!docs"]
    found = [
        subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
        for line in (known, changed)
    ]
    return found[0] + "+" * bool(found[1])


def _counted(name: str, what: str, nouns: tuple[str, str]) -> str:
    """A sentence with the sums of a report, and the report as a table."""
    rows = _rows(name)
    if not rows:
        return NOT_TAKEN
    columns = list(rows[0])
    whose = {row[columns[0]] for row in rows}  # with a row for each seed
    sums = {column: sum(int(row[column]) for row in rows) for column in (what, "faults")}
    text = [
        [f"{int(it):,}" if it.isdecimal() and name != "commit" else it for name, it in row.items()]
        for row in rows
    ]
    said = f"{sums[what]:,} {nouns[0]} of {len(whose)} {nouns[1]}, {sums['faults']:,} faults."
    return f"{said}\n\n{common.table(columns, text)}"


def inputs() -> str:
    """What came of damaged inputs, by kind."""
    return _counted("torture.csv", "inputs", ("damaged inputs", "kinds"))


def kills() -> str:
    """What came of kills, by command."""
    return _counted("kills.csv", "kills", ("kills", "cases"))


def fuzzers() -> str:
    """What other ways to change inputs found in the same processor time, and their sums."""
    rows, tools = _rows("fuzzers.csv"), "inputs changed by"
    lines = []
    for tool in dict.fromkeys(row[tools] for row in rows):
        own = [row for row in rows if row[tools] == tool]
        seconds, inputs, faults = (
            sum(int(row[name]) for row in own) for name in ("processor s", "inputs", "faults")
        )
        known = [row for row in own if row["branches before"]]
        more = sum(int(row["branches"]) - int(row["branches before"]) for row in known)
        lines.append(
            f"- {tool}: {len(own)} kinds, {seconds / 60:.1f} minutes, {inputs:,} inputs, "
            f"{faults} faults; {more:,} more branches than the good inputs of {len(known)} kinds"
        )
    return "\n".join([*lines, "", _table("fuzzers.csv")])


def planted() -> str:
    """At which kill each planted fault was found."""
    return _table("planted.csv")


def _table(name: str) -> str:
    rows = _rows(name)
    return common.table(list(rows[0]), [list(row.values()) for row in rows]) if rows else NOT_TAKEN


def promises() -> str:
    """What is promised where, with the test."""
    return common.table(
        ["where", "what is promised", "test"],
        [[one.where, one.promise, f"`{one.test.partition('tests/')[2]}`"] for one in PROMISES],
    )
