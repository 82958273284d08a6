"""How much folding and centring change: the paper's robustness check."""

from collections.abc import Mapping
from typing import Any

from headgraph.analysis.reproduction.claims import Claim, Part
from headgraph.analysis.reproduction.sources import Source

METRICS = ("pk", "cs")
NAMES = {"pk": "PK", "cs": "CS"}


def folding(source: Source, paper: Mapping[str, Any]) -> Part:
    """Top lists of PK nearly unchanged by folding the norm and centring; those of CS not.

    The paper says so in words; so the numbers are ours alone, and nothing is judged.
    """
    title, where = "Folding and centring", "Robustness, in the text"
    said = "The paper says that PK's top lists stay nearly unchanged and that CS changes much."
    if not source.has_weights:
        return Part(title, where, [], (said, "Needs the weights, not a table of scores."))
    from headgraph.analysis.robustness._robustness import robustness

    rows = robustness(source.weights, metrics=METRICS, revision=source.revision)
    claims = [
        Claim(
            f"{NAMES[str(row.metric)]}, {row.pairing}, {row.variant}: share of the 20 strongest "
            "that stay (rank correlation of all)",
            "",
            f"{row.top20_overlap:.2f} ({row.spearman:.3f})",
            "",
            "",
        )
        for row in rows.itertuples()
    ]
    return Part(title, where, claims, (said,))
