"""The figures and the pictures of docs/studies/nulls.md, from the real weights.

    python -m benchmarks.nulls [TABLE...]

Tables of `headgraph compute MODEL --fdr 1 --null NAMES` can be given in place of models.
"""

import sys
from dataclasses import replace

import pandas as pd

from benchmarks.common import DOCS, SHARED, STUDIES, table, write
from headgraph.analysis.figures import save
from headgraph.analysis.nulls import nulls
from headgraph.analysis.nulls._nulls import null_table
from headgraph.analysis.nulls.figure import nulls_figure
from headgraph.pk_engine import AffinityTable
from headgraph.pk_engine.labels import labels_for

MODELS = {
    "gpt2-attention": "GPT-2 small",
    "gpt-neo-125m-attention": "GPT-Neo 125M",
    "babyllama-361": "babyllama-361",
    "stories260K": "stories260K",
}
"""Folders of weights, and what the page calls the models."""
DRAWN = 2
"""The first ones, which the picture shows."""
FDR = 0.05


def main(given: list[str]) -> None:
    """Compare all pairs with all nulls, and write the page and the pictures."""
    tables = [null_table(path) for path in given] or [
        _named(null_table(SHARED / "models" / folder), name) for folder, name in MODELS.items()
    ]
    for dark, ending in ((False, ""), (True, "-dark")):
        picture = nulls_figure(*tables[:DRAWN], dark=dark)
        save(picture, DOCS / "images" / f"nulls{ending}.svg", force=True)
    write("nulls", "\n".join(_text(scores) for scores in tables), STUDIES / "nulls.md")


def _named(scores: AffinityTable, name: str) -> AffinityTable:
    return AffinityTable(scores.frame, replace(scores.meta, model=name))


def _text(scores: AffinityTable) -> str:
    rows = nulls(scores, fdr=FDR)
    body = []
    for null, of in rows.groupby("null", sort=False):
        first = of.iloc[0]
        draws = "none" if pd.isna(first.samples) else f"{first.samples} (seed {first.seed})"
        cells = [
            f"{r.significant:,} ({r.share:.1%})" + ("" if pd.isna(r.cutoff) else f" {r.cutoff:.2f}")
            for r in of.itertuples()
        ]
        moments = "; ".join(f"{r.mean:.2f}, {r.sd:.2f}" for r in of.itertuples())
        body.append([f"`{null}`", *cells, moments, _values(of), draws])
    pairings = rows.pairing.unique()
    pairs = ", ".join(f"{n:,} of {pairing}" for pairing, n in scores.meta.scored.items())
    head = [
        "null",
        *pairings,
        f"mean, sd of the null ({', '.join(pairings)})",
        "values of the null",
        "samples",
    ]
    return (
        f"**{scores.meta.model}**, pairs scored: {pairs}. A cell has the number of pairs "
        f"that stand out at a false discovery rate of {rows.fdr[0]:g}, their share, and the "
        "smallest PK among them.\n\n"
        f"{table(head, body)}\n{_known(scores)}"
    )


def _known(scores: AffinityTable) -> str:
    """Which of the pairs that stand out from `backward` join known induction heads."""
    labels = labels_for(scores.meta)
    if labels.empty:
        return ""
    of = scores.frame[scores.frame["q_backward"] <= FDR]
    known = labels.groupby("role").apply(lambda at: set(zip(at["layer"], at["head"], strict=True)))
    ends = {
        end: pd.Series(list(zip(of[f"{end}_layer"], of[f"{end}_head"], strict=True)), of.index)
        for end in ("source", "target")
    }
    into = ends["target"].isin(known["induction"])
    out = ends["source"].isin(known["previous_token"])
    hub = ends["source"].isin([(4, 7)])
    return (
        f"\n{len(of)} pairs of {scores.meta.model} stand out from `backward`. {into.sum()} of "
        f"these {len(of)} end in a head that the literature calls an induction head. "
        f"{(into & out).sum()} of the {into.sum()} begin in a previous-token head, and "
        f"{(into & hub).sum()} begin in L4H7, an [identity head](identity-heads.md).\n"
    )


def _values(of: pd.DataFrame) -> str:
    """Number of null values of each pair, per pairing where that differs."""
    if not of["values"].any():
        return "formula"
    counts = [f"{n:,}" for n in of["values"]]
    return counts[0] if len(set(counts)) == 1 else "; ".join(counts)


if __name__ == "__main__":
    main(sys.argv[1:])
