"""The tables and the picture of docs/studies/detection.md, from the real weights of GPT-2 small.

python -m benchmarks.detection
"""

import sys

import numpy as np
import pandas as pd

from benchmarks.common import DOCS, GPT2, STUDIES, table, write
from headgraph.analysis._tables import full_table
from headgraph.analysis.detection import areas, circuits, detect
from headgraph.analysis.detection._detect import LAYERS, depth, leaders
from headgraph.analysis.detection.figure import detection_figure
from headgraph.analysis.detection.tasks import edges
from headgraph.analysis.figures import save
from headgraph.analysis.reproduction._reproduce import published

SEED, RESAMPLES = 0, 1000
WORDS = {
    "heads": "Labelled heads",
    "classes": "Pairs of heads of one class",
    "edges": "Edges between classes of the IOI circuit",
}


def main() -> None:
    """Score, detect, and write page and picture; with a task's name, its table alone."""
    tasks = sys.argv[1:] or list(WORDS)
    found = {}
    for task in tasks:
        found[task] = detect(GPT2, task=task, resamples=RESAMPLES, seed=SEED)
        text = _text(task, found[task]) + (f"\n\n{_left_out()}" if task == "edges" else "")
        write(f"detection {task}", text, STUDIES / "detection.md")
    if tasks != list(WORDS):
        return
    write("circuits", _circuits(circuits(GPT2, seed=SEED)), STUDIES / "detection.md")
    paper = dict(published()["detection"])
    # which reading the paper took is not known: its figure stands beside both
    paper |= {f"{name}_columns": paper[name] for name in ("cka", "procrustes")}
    for dark in (False, True):
        for name, task in (("detection", "heads"), ("ioi-edges", "edges")):
            printed = paper if task == "heads" else None
            picture = detection_figure(found[task], model="GPT-2 small", paper=printed, dark=dark)
            file = f"gpt2-{name}{'-dark' if dark else ''}.svg"
            save(picture, DOCS / "images" / file, force=True)


def _text(task: str, rows: pd.DataFrame) -> str:
    pairings = list(dict.fromkeys(rows["pairing"]))
    said = (
        f"{WORDS[task]}, {_counts(rows, pairings)}; {RESAMPLES} resamples of the heads, seed "
        f"{SEED}. {leaders(rows)} {depth(rows)}"
    )
    body = []
    for metric, part in rows.groupby("metric", sort=False):
        by = part.set_index("pairing")
        cells = [
            f"{by.loc[p, 'pr_auc']:.3f} ({by.loc[p, 'low']:.3f} to {by.loc[p, 'high']:.3f})"
            + (f", {by.loc[p, 'ap']:.3f}" if task == "edges" else "")
            for p in pairings
        ]
        body.append([f"`{metric}`", *cells])
    shown = "PR-AUC (interval)" + (", AP" if task == "edges" else "")
    return f"{said}\n\n{table([shown, *pairings], body)}\n\n{_depth(rows, pairings)}"


def _counts(rows: pd.DataFrame, pairings: list[str]) -> str:
    """Positives of all items; once where the pairings have the same."""
    by = rows.drop_duplicates("pairing").set_index("pairing")
    many = [f"{by.loc[p, 'positives']} of {by.loc[p, 'items']:,}" for p in pairings]
    shares = [f"prevalence {by.loc[p, 'prevalence']:.4f}" for p in pairings]
    if len(set(many)) == 1:
        return f"{many[0]}, {shares[0]}"
    parts = [f"{n} for {p} ({share})"
             for n, p, share in zip(many, pairings, shares, strict=True)]  # fmt: skip
    return ", ".join(parts)


def _depth(rows: pd.DataFrame, pairings: list[str]) -> str:
    """ROC-AUC among items of the same layers, each metric beside the layers alone."""
    body = []
    for metric, part in rows.groupby("metric", sort=False):
        by = part.set_index("pairing")
        cells = [
            f"{by.loc[p, 'roc_auc']:.3f}; "
            + ("0.500 by definition" if metric == LAYERS else
               f"{by.loc[p, 'within_layers']:.3f} ({by.loc[p, 'within_low']:.3f} to "
               f"{by.loc[p, 'within_high']:.3f})")
            for p in pairings
        ]  # fmt: skip
        body.append([f"`{metric}`", *cells])
    return table(["ROC-AUC of all items; of items of the same layers (interval)", *pairings], body)


def _left_out() -> str:
    """The layers-only score of IOI edges where no pair counts towards its own score."""
    scored = full_table(GPT2)
    said = []
    for pairing, items in edges(scored, "pk", None):
        _, block = np.unique(items.blocks, return_inverse=True)
        sums, sizes = np.bincount(block, items.scores)[block], np.bincount(block)[block]
        left = areas((sums - items.scores) / (sizes - 1), items.positive).roc_auc
        said.append(f"{left:.3f} for {pairing}")
    return (
        "If each pair is left out of the mean that scores it, the ROC-AUC of `layers` on these "
        f"edges is {', '.join(said)}."
    )


def _circuits(rows: pd.DataFrame) -> str:
    first = rows.iloc[0]
    head = ["circuit", "heads", *(f"{p}: mean z, random sets, p" for p in rows["pairing"].unique())]
    body = []
    for name, part in rows.groupby("circuit"):
        cells = [
            f"{r.mean_z:.1f}, {r.random_mean:.1f} ({r.random_low:.1f} to {r.random_high:.1f}), "
            f"{r.p:.4f}"
            for r in part.itertuples()
        ]
        body.append([str(name), str(part["heads"].iloc[0]), *cells])
    return f"{first.samples:,} random sets, seed {first.seed}.\n\n{table(head, body)}"


if __name__ == "__main__":
    main()
