"""Tables of docs/project/reliability.md, from what the long runs wrote and the list of promises."""

from benchmarks import common
from tests.promises import PROMISES


def _counted(name: str, what: str, nouns: tuple[str, str]) -> str:
    """A sentence with the sums of a report, and the report as a table."""
    path = common.DOCS / "data" / name
    if not path.exists():
        return "This report has not been taken yet."
    rows = common.rows(path)
    columns = list(rows[0])
    whose = {row[columns[0]] for row in rows}  # with a row for each seed
    sums = {column: sum(int(row[column]) for row in rows) for column in (what, "faults")}
    text = [[f"{int(it):,}" if it.isdecimal() else it for it in row.values()] for row in rows]
    said = f"{sums[what]:,} {nouns[0]} of {len(whose)} {nouns[1]}, {sums['faults']:,} faults."
    return f"{said}\n\n{common.table(columns, text)}"


def inputs() -> str:
    """What came of damaged inputs, by kind."""
    return _counted("torture.csv", "inputs", ("damaged inputs", "kinds"))


def kills() -> str:
    """What came of kills, by command."""
    return _counted("kills.csv", "kills", ("kills", "cases"))


def promises() -> str:
    """What is promised where, with the test."""
    return common.table(
        ["where", "what is promised", "test"],
        [[one.where, one.promise, f"`{one.test.partition('tests/')[2]}`"] for one in PROMISES],
    )
