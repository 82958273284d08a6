"""studies/reproduction.md: the paper's figures for GPT-2 small beside ours, from the weights.

python -m benchmarks.reproduction

Also draws the head of the HTML report, light and dark, which needs Chromium.
"""

import tempfile
from pathlib import Path

from playwright.sync_api import ViewportSize

from benchmarks.common import DOCS, GPT2, SHARED, STUDIES, table, write
from headgraph.analysis.reproduction import Report, reproduce
from headgraph.analysis.reproduction.claims import VERDICTS, count
from tests.chromium import page

HEAD: ViewportSize = {"width": 1000, "height": 760}
"""Pixels of the report that the picture shows."""


def main() -> None:
    """Reproduce, and write the page and its pictures."""
    report = reproduce(GPT2)
    write("reproduction", _text(report), STUDIES / "reproduction.md")
    with tempfile.TemporaryDirectory() as here:
        address = report.write(Path(here) / "reproduction.html").as_uri()
        for dark, ending in ((False, ""), (True, "-dark")):
            with page(dark=dark) as tab:
                tab.set_viewport_size(HEAD)
                tab.goto(address)
                tab.screenshot(path=DOCS / "images" / f"reproduction{ending}.png")


def _text(report: Report) -> str:
    counts = count(report.parts)
    verdicts = [[name, str(counts[name]), meaning] for name, meaning in VERDICTS.items()]
    parts = [report.provenance + ".", table(["verdict", "figures", "what it means"], verdicts)]
    for part in report.parts:
        parts.append(f"### {part.title} ({part.where})")
        parts.append("\n".join(part.says))
        if part.claims:
            rows = [[c.quantity, c.paper, c.ours, c.difference, c.verdict] for c in part.claims]
            parts.append(table(["quantity", "paper", "here", "difference", "verdict"], rows))
    return "\n\n".join(filter(None, parts)).replace(str(SHARED), "../shared")


if __name__ == "__main__":
    main()
