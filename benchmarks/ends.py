"""How the tests went with the oldest or the newest versions that the ranges allow.

    make test-newest 2>&1 | tee LOG; python -m benchmarks.ends newest LOG

keeps the counts at the end of the log for docs/project/security.md, with the versions of the
environment that the tests ran in.
"""

import csv
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import common

REPORT = common.DOCS / "data" / "ends.csv"
ENVIRONMENT = Path(__file__).parents[1] / ".venv-ends" / "bin" / "python"
PACKAGES = ("numpy", "pandas", "torch", "transformers", "neo4j")
COUNTS = ("passed", "skipped", "failed", "errors")
COLUMNS = ("versions", "Python", *PACKAGES, *COUNTS, "date")
_ASKS = """
import platform, sys
from importlib.metadata import version
print(platform.python_version(), *map(version, sys.argv[1:]))
"""


def counts(log: str) -> dict[str, str]:
    """What pytest's last line says, such as `1 failed, 2516 passed, 4 deselected in 60.2s`."""
    lines = re.findall(r"^.*\b\d+ passed\b.* in [\d.]+s.*$", log, re.MULTILINE)
    found = {
        kind: number
        for number, kind in re.findall(r"(\d+) (passed|skipped|failed|error)", lines[-1])
    }
    found["errors"] = found.pop("error", "0")
    return {kind: found.get(kind, "0") for kind in COUNTS}


def main(versions: str, log: str) -> None:
    """Keep a row, in place of an older one of the same versions and the same Python."""
    asked = [ENVIRONMENT, "-c", _ASKS, *PACKAGES]
    answer = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()
    row = {"versions": versions, **dict(zip(("Python", *PACKAGES), answer, strict=True))}
    row |= counts(Path(log).read_text(encoding="utf-8")) | {"date": f"{datetime.now(UTC):%Y-%m-%d}"}
    kept = {(it["versions"], it["Python"]): it for it in rows()} | {(versions, row["Python"]): row}
    with REPORT.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(kept[key] for key in sorted(kept))


def rows() -> list[dict[str, str]]:
    """The report, if there is one."""
    return common.rows(REPORT) if REPORT.exists() else []


def table() -> str:
    """The report as a table."""
    return common.table(COLUMNS, [list(row.values()) for row in rows()])


if __name__ == "__main__":
    main(*sys.argv[1:])
