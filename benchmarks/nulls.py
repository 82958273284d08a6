"""The figures and the pictures of docs/nulls.md, from the real weights.

    python -m benchmarks.nulls [TABLE...]

Tables of `headgraph compute MODEL --fdr 1 --null NAMES` stand in for models that take long.
"""

import sys

import pandas as pd

from analysis import nulls
from analysis.baselines import null_table
from analysis.figures import nulls as draw
from analysis.figures import save
from benchmarks.common import PAGE, SHARED, table, write
from pk_engine import AffinityTable

MODELS = (
    "gpt2-attention",
    "gpt-neo-125m-attention",
    "babyllama-361",
    "stories260K",
)
DRAWN = 2
"""The first ones, which the picture shows."""
DOCS = PAGE.parent


def main(given: list[str]) -> None:
    """Hold all pairs against all nulls and write page and pictures."""
    tables = [null_table(path) for path in given or [SHARED / "models" / m for m in MODELS]]
    for dark, ending in ((False, ""), (True, "-dark")):
        picture = draw(*tables[:DRAWN], dark=dark)
        save(picture, DOCS / "images" / f"nulls{ending}.svg", force=True)
    write("nulls", "\n".join(_text(scores) for scores in tables), DOCS / "nulls.md")


def _text(scores: AffinityTable) -> str:
    rows = nulls(scores)
    body = []
    for null, of in rows.groupby("null", sort=False):
        first = of.iloc[0]
        draws = "none" if pd.isna(first.samples) else f"{first.samples} (seed {first.seed})"
        cells = [
            f"{r.significant:,} ({r.share:.1%})" + ("" if pd.isna(r.cutoff) else f" {r.cutoff:.2f}")
            for r in of.itertuples()
        ]
        moments = "; ".join(f"{r.mean:.2f}, {r.sd:.2f}" for r in of.itertuples())
        body.append([f"`{null}`", *cells, moments, f"{first['values']:,}", draws])
    pairings = rows.pairing.unique()
    head = ["null", *pairings, f"its mean, sd ({', '.join(pairings)})", "values", "drawn"]
    return (
        f"**{scores.meta.model}**, {len(scores) // len(pairings):,} pairs in each pairing: how "
        "many of them stand out at a false discovery rate of 0.05, their share, and the smallest "
        f"PK among them.\n\n{table(head, body)}\n"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
