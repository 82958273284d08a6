"""studies/reproduction.md: the paper's figures for GPT-2 small beside ours, from the weights.

python -m benchmarks.reproduction
"""

from benchmarks.common import GPT2, SHARED, STUDIES, table, write
from headgraph.analysis.reproduction import Report, reproduce
from headgraph.analysis.reproduction.claims import VERDICTS, count


def main() -> None:
    """Reproduce and write the page."""
    write("reproduction", _text(reproduce(GPT2)), STUDIES / "reproduction.md")


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
