"""Decoy shares between neighbouring layers, and further apart, where the truth is known.

    python -m benchmarks.decoy_simulations [--models N]

Writes docs/data/decoy-simulations.csv, a row for each kind of weights and distance, from which
docs/studies/nulls.md takes a table (cog). Model i of a kind has the seed i. Weights, files and
planted pairs are those of `benchmarks.null_simulations`.
"""

import argparse
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.common import DOCS, table
from benchmarks.null_simulations import (
    Rng,
    Simulated,
    depth_drift,
    independent,
    lagging_drift,
    planted,
    save,
)
from headgraph.pk_engine import Selection, compute

FILE = DOCS / "data" / "decoy-simulations.csv"
KINDS: dict[str, Callable[[Rng], Simulated]] = {
    "independent": independent,
    "depth drift": depth_drift,
    "planted": planted,
    "planted, depth drift": partial(planted, base=depth_drift),
    "lagging drift": lagging_drift,
}
DISTANCES = ("neighbours", "further")
TOP = Selection(top_percent=3)


def one(kind: str, seed: int) -> Iterator[dict[str, Any]]:
    """Pairs kept in one model, those that are false, and what each estimate says of their number.

    A row for each pairing and distance with a kept pair.
    """
    model = KINDS[kind](np.random.default_rng([list(KINDS).index(kind), seed]))
    with TemporaryDirectory() as folder:
        kept = compute(save(model, Path(folder)), selection=TOP)
    columns = ["source_layer", "source_head", "target_layer", "target_head"]
    rows = kept.frame
    ends = zip(rows["pairing"].str[1], *(rows[name] for name in columns), strict=True)
    rows = rows.assign(false=[end not in model.edges for end in ends])
    apart = rows["target_layer"] - rows["source_layer"]
    rows = rows.assign(distance=np.where(apart == 1, *DISTANCES))
    for (pairing, distance), of in rows.groupby(["pairing", "distance"]):
        shares = kept.meta.decoys[str(pairing)]
        yield {
            "kind": kind, "distance": distance, "seed": seed,
            "kept": len(of), "false": int(of["false"].sum()),
            "pairing": len(of) * shares["share"], "own": len(of) * shares[f"share_{distance}"],
        }  # fmt: skip


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Shares of all pairs kept in the models of a kind, with standard errors over the models."""
    out = []
    for (kind, distance), of in rows.groupby(["kind", "distance"], sort=False):
        models = of.groupby("seed")[["kept", "false", "pairing", "own"]].sum()
        shares = models[["false", "pairing", "own"]].sum() / models["kept"].sum()
        away = models[["false", "pairing", "own"]] - np.outer(models["kept"], shares)
        error = np.sqrt((away**2).sum()) / models["kept"].sum()
        out.append({
            "kind": kind, "distance": distance, "models": len(models),
            "kept": models["kept"].sum(), **shares, **error.add_suffix("_se"),
        })  # fmt: skip
    return pd.DataFrame(out)


def main() -> None:
    """Simulate, and write the data file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=40)
    models = parser.parse_args().models
    rows = [row for kind in KINDS for seed in range(models) for row in one(kind, seed)]
    found = summary(pd.DataFrame(rows))
    print(found.to_string())
    found.to_csv(FILE, index=False, float_format="%.4g")


def tables(file: Path = FILE) -> str:
    """The table of docs/studies/nulls.md, from the data file."""
    words = dict(zip(DISTANCES, ("neighbouring layers", "further apart"), strict=True))
    body = [
        [
            r.kind, words[r.distance], f"{r.kept:,}", f"{r.false:.2f}",
            f"{r.pairing:.2f} ± {r.pairing_se:.2f}", f"{r.own:.2f} ± {r.own_se:.2f}",
        ]
        for r in pd.read_csv(file).sort_values("distance", ascending=False)
        .sort_values("kind", key=lambda it: it.map([*KINDS].index), kind="stable").itertuples()
    ]  # fmt: skip
    head = ["weights", "pairs", "kept", "share of false pairs", "decoy share of the pairing",
            "decoy share of the distance"]  # fmt: skip
    return table(head, body)


if __name__ == "__main__":
    main()
