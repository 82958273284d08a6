"""How far each pairing is from random subspaces: Fig. 8."""

from collections.abc import Mapping
from typing import Any

from headgraph.analysis.informativeness import informativeness
from headgraph.analysis.informativeness.figure import informativeness_figure
from headgraph.analysis.reproduction.claims import Part, claim, not_run
from headgraph.analysis.reproduction.drawing import picture
from headgraph.analysis.reproduction.sources import Source


def divergences(source: Source, paper: Mapping[str, Any]) -> Part:
    """Fig. 8: KL of all 16 pairings, and mean PK of the highest and the lowest."""
    where, title = "Fig. 8", "Informativeness of the 16 pairings"
    names = [(f"KL of {pairing}, nats", pairing, "kl") for pairing in paper["kl"]]
    names += [(f"mean PK of {pairing}", pairing, "mean_pk") for pairing in paper["mean_pk"]]
    if not source.has_weights:
        return Part(
            title,
            where,
            [not_run(text, paper[kind][pairing]) for text, pairing, kind in names],
            ("Needs the weights: the table at hand has OQ, OK and OV.",),
        )
    rows = informativeness(source.sixteen).set_index("pairing")
    return Part(
        title,
        where,
        [
            claim(text, paper[kind][pairing], float(rows.loc[pairing, kind]))
            for text, pairing, kind in names
        ],
        (
            "KL(reference || observed) over 255 bins on [0, d_head], as the paper takes it. "
            "docs/studies/informativeness.md has a version that can be compared between models.",
            "A divergence over 255 bins jumps by about 0.001 when one score crosses the edge of a "
            "bin, so rounding can show in the last digit.",
        ),
        (picture("KL by pairing, and the scores behind the extremes",
                 lambda dark: informativeness_figure(source.sixteen, dark=dark)),),
    )  # fmt: skip
