"""The figures and the picture of docs/studies/informativeness.md, from the real weights.

python -m benchmarks.informativeness
"""

import pandas as pd

from benchmarks.common import DOCS, SHARED, STUDIES, table, write
from headgraph.analysis._tables import full_table
from headgraph.analysis.figures import save
from headgraph.analysis.informativeness import informativeness
from headgraph.analysis.informativeness.figure import informativeness_figure
from headgraph.base.names import PAIRINGS
from headgraph.pk_engine import Selection, compute

MODELS = {
    "GPT-2 small": "gpt2-attention",
    "GPT-Neo 125M": "gpt-neo-125m-attention",
    "babyllama-361": "babyllama-361",
    "stories260K": "stories260K",
}


def main() -> None:
    """Score all pairings of each model and write page and picture."""
    found = {}
    for name, folder in MODELS.items():
        scores = compute(
            SHARED / "models" / folder, pairings="all", selection=Selection(), name=name
        )
        found[name] = informativeness(full_table(scores, PAIRINGS)).set_index("pairing")
        if folder == "gpt2-attention":
            for dark, ending in ((False, ""), (True, "-dark")):
                path = DOCS / "images" / f"gpt2-informativeness{ending}.svg"
                save(informativeness_figure(scores, dark=dark), path, force=True)
    write("informativeness", _text(found), STUDIES / "informativeness.md")


def _text(found: dict[str, pd.DataFrame]) -> str:
    first = next(iter(found.values()))
    head = ["pairing", *(f"{name}: mean PK, `kl`, `kl_sd`" for name in found)]
    body = []
    for pairing in PAIRINGS:
        cells = [pairing]
        for rows in found.values():
            row = rows.loc[pairing]
            interval = f"{row.kl_sd_low:.2f} to {row.kl_sd_high:.2f}"
            cells.append(f"{row.mean_pk:.3f}, {row.kl:.3f}, {row.kl_sd:.2f} ({interval})")
        body.append(cells)
    ends = [
        f"{name} {rows.reference_mean.iloc[0]:.3f} (sd {rows.reference_sd.iloc[0]:.3f}; "
        f"floored at most {rows.floored.max():.2g})"
        for name, rows in found.items()
    ]
    return "\n".join(
        [
            f"Written by `python -m benchmarks.informativeness`; {first.resamples.iloc[0]:,} "
            f"resamples, seed {first.seed.iloc[0]}, 95 % intervals in parentheses. Reference mean: "
            f"{'; '.join(ends)}.",
            "",
            table(head, body),
        ]
    )


if __name__ == "__main__":
    main()
