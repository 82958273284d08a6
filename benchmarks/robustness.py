"""The figures and pictures of docs/studies/robustness.md, from the real weights.

python -m benchmarks.robustness
"""

import pandas as pd

from benchmarks.common import DOCS, SHARED, STUDIES, table, write
from headgraph.analysis.figures import save
from headgraph.analysis.figures.pairs import metric_name
from headgraph.analysis.robustness import robustness
from headgraph.analysis.robustness._robustness import VARIANTS
from headgraph.analysis.robustness.figure import robustness_figure

MODELS = {
    "GPT-2 small": "gpt2-attention",
    "GPT-Neo 125M": "gpt-neo-125m-attention",
    "slm-4096": "slm-4096",
    "stories260K": "stories260K",
    "babyllama-361": "babyllama-361",
}


def main() -> None:
    """Compare each model's weights and write page and pictures."""
    found = {name: robustness(SHARED / "models" / folder) for name, folder in MODELS.items()}
    first = next(iter(found))
    for dark, end in ((False, ""), (True, "-dark")):
        picture = robustness_figure(found[first], name="gpt2-small", dark=dark)
        save(picture, DOCS / "images" / f"gpt2-robustness{end}.svg", force=True)
    text = "\n\n".join(_section(name, frame) for name, frame in found.items())
    write("robustness", text, STUDIES / "robustness.md")


def _section(name: str, frame: pd.DataFrame) -> str:
    """One model: a row per metric, in each cell correlation and overlap of a pairing."""
    variants = [variant for variant in VARIANTS if variant in set(frame["variant"])]
    pairings = list(dict.fromkeys(frame["pairing"]))
    cells = frame.set_index(["metric", "pairing", "variant"])
    rows = []
    for metric in dict.fromkeys(frame["metric"]):
        for variant in variants:
            found = [cells.loc[(metric, pairing, variant)] for pairing in pairings]
            shown = [f"{row['spearman']:.3f}, {row['top20_overlap'] * 20:.0f} of 20"
                     for row in found]  # fmt: skip
            rows.append([metric_name(metric), variant, *shown])
    head = ["metric", "variant", *(f"{p}: Spearman, top 20" for p in pairings)]
    left_out = [variant for variant in VARIANTS if variant not in variants]
    note = f" Left out, as it would change the model: {', '.join(left_out)}." if left_out else ""
    pairs = f"{cells['pairs'].iloc[0]:,} pairs of each pairing."
    return f"**{name}**: {pairs}{note}\n\n{table(head, rows)}"


if __name__ == "__main__":
    main()
