"""Shares of decoys in the graphs of real models.

    python -m benchmarks.decoys

Writes docs/data/decoys.csv, a row for each model, selection and pairing, from which
docs/studies/nulls.md takes its table (cog).
"""

from importlib.metadata import version

import pandas as pd

from benchmarks.common import DOCS, SHARED, table
from headgraph.pk_engine import Selection, compute

FILE = DOCS / "data" / "decoys.csv"
MODELS = {
    "GPT-2 small": "gpt2-attention",
    "GPT-Neo 125M": "gpt-neo-125m-attention",
    "stories260K": "stories260K",
    "babyllama-361": "babyllama-361",
    "slm-4096": "slm-4096",
    "capp-gpt2": "capp-gpt2",
}
SELECTIONS = {
    "top 3 %": Selection(top_percent=3),
    "`--fdr 0.05 --null covariance`": Selection(fdr=0.05, null="covariance"),
}


def main() -> None:
    """Score every model, and write the data file."""
    rows = []
    for model, folder in MODELS.items():
        for name, selection in SELECTIONS.items():
            found = compute(SHARED / "models" / folder, selection=selection)
            kept = found.frame["pairing"].value_counts()
            for pairing, counted in found.meta.decoys.items():
                rows.append({
                    "model": model, "selection": name, "pairing": pairing,
                    "kept": int(kept.get(pairing, 0)), "share": counted["share"],
                    "headgraph": version("headgraph"),
                })  # fmt: skip
                print(*rows[-1].values(), flush=True)
    pd.DataFrame(rows).to_csv(FILE, index=False)


def tables() -> str:
    """The table of docs/studies/nulls.md, from the data file."""
    rows = pd.read_csv(FILE)
    pairings = list(dict.fromkeys(rows["pairing"]))
    body = []
    for (model, selection), of in rows.groupby(["model", "selection"], sort=False):
        cells = of.set_index("pairing")
        shares = (
            "no pair" if pd.isna(cells.share[p]) else f"{cells.share[p]:.0%} of {cells.kept[p]:,}"
            for p in pairings
        )
        body.append([model, selection, *shares])
    return f"Computed with headgraph {rows['headgraph'].iloc[0]}.\n\n" + table(
        ["model", "kept", *pairings], body
    )


if __name__ == "__main__":
    main()
