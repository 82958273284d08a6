"""Shares of decoys in the graphs of real models.

    python -m benchmarks.decoys

Writes docs/data/decoys.csv, a row for each model, selection and pairing, and
docs/data/decoy-bulks.csv, a row for each model and pairing. docs/studies/nulls.md takes its tables
from them (cog).
"""

from collections.abc import Iterator
from importlib.metadata import version
from math import ceil
from typing import Any

import pandas as pd

from benchmarks.common import DOCS, SHARED, table
from headgraph.pk_engine import Selection, compute
from headgraph.pk_engine.metrics.decoys import APART

FILE = DOCS / "data" / "decoys.csv"
BULKS = DOCS / "data" / "decoy-bulks.csv"
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
                    **{name: counted[name] for name in APART},
                    "headgraph": version("headgraph"),
                })  # fmt: skip
                print(*rows[-1].values(), flush=True)
    pd.DataFrame(rows).to_csv(FILE, index=False)
    bulks = [row for model, folder in MODELS.items() for row in _bulks(model, folder)]
    pd.DataFrame(bulks).to_csv(BULKS, index=False, float_format="%.6g")


def _bulks(model: str, folder: str) -> Iterator[dict[str, Any]]:
    """Forward and backward pairs of a model: typical PK, and shares with and without it."""
    path = SHARED / "models" / folder
    found = compute(path, selection=Selection(), layer_order="all", decoys=False).frame
    found = found[found["source_layer"] != found["target_layer"]]
    layers = found.groupby(["pairing", "source_layer", "target_layer"])["pk"]
    found = found.assign(centred=found["pk"] - layers.transform("median"))
    for pairing, rows in found.groupby("pairing", sort=False):
        ahead = rows["source_layer"] < rows["target_layer"]
        forward, backward = rows[ahead], rows[~ahead]
        yield {
            "model": model, "pairing": pairing,
            "forward": forward["pk"].median(), "backward": backward["pk"].median(),
            "raw": _share(forward["pk"], backward["pk"]),
            "centred": _share(forward["centred"], backward["centred"]),
            "headgraph": version("headgraph"),
        }  # fmt: skip


def _share(forward: pd.Series, backward: pd.Series) -> float:
    """The share of decoys where the strongest 3 % of the forward pairs are kept."""
    least = forward.nlargest(ceil(0.03 * len(forward))).min()
    return float((1 + (backward >= least).sum()) / (forward >= least).sum())


def tables() -> str:
    """The table of docs/studies/nulls.md, from the data file."""
    rows = pd.read_csv(FILE)
    pairings = list(dict.fromkeys(rows["pairing"]))
    body = []
    for (model, selection), of in rows.groupby(["model", "selection"], sort=False):
        cells = of.set_index("pairing")
        shares = (
            "no pair" if pd.isna(cells.share[p]) else f"{cells.share[p]:.0%} ({cells.kept[p]:,})"
            for p in pairings
        )
        body.append([model, selection, *shares])
    return table(["model", "kept", *pairings], body) + (
        f"\n\nComputed with headgraph {rows['headgraph'].iloc[0]}."
    )


def distances() -> str:
    """The table of shares between neighbouring layers and further apart, from the data file."""
    rows = pd.read_csv(FILE)
    rows = rows[rows["selection"] == next(iter(SELECTIONS))]
    pairings = list(dict.fromkeys(rows["pairing"]))
    body = []
    for model, of in rows.groupby("model", sort=False):
        cells = of.set_index("pairing")
        shares = (" / ".join(_percent(cells.loc[p, name]) for name in APART) for p in pairings)
        body.append([model, *shares])
    return table(["model", *pairings], body)


def _percent(share: float) -> str:
    return "no pair" if pd.isna(share) else f"{share:.0%}"


def bulks() -> str:
    """The table of typical forward and backward pairs, from the data file."""
    rows = pd.read_csv(BULKS)
    body = [
        [r.model, r.pairing, f"{r.forward:.3f}", f"{r.backward:.3f}", f"{r.raw:.0%}",
         f"{r.centred:.0%}"]
        for r in rows.itertuples()
    ]  # fmt: skip
    head = ["model", "pairing", "median PK forward", "median PK backward", "decoy share",
            "share after centring"]  # fmt: skip
    return table(head, body)


def avoidance() -> str:
    """How often heads write outside the values that later heads read."""
    rows = pd.read_csv(BULKS)
    values = rows[rows["pairing"] == "OV"]
    less = values[values["forward"] < values["backward"]]
    return (
        "One difference is common: heads seem to avoid writing into the value subspaces of later "
        f"heads. In {len(less)} of {len(values)} models ({', '.join(less['model'])}), the median "
        "PK of OV is lower for forward pairs than for backward pairs. We do not know why."
    )


if __name__ == "__main__":
    main()
