"""The numbers of studies/causality.md: PK beside what patching does, for all pairs of small models.

python -m benchmarks.causality
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.common import DOCS, SHARED, STUDIES, table, write
from headgraph.analysis.patching import rank_correlation, verify_edge

DATA = DOCS / "data"
SEED = 0
MODELS = ("induction-2l", "slm-4096", "capp-gpt2", "stories260K", "babyllama-361")
SCORES = ("pk", "written")
PARTS = DATA / "capp-gpt2-parts.txt"


def main() -> None:
    """Patch every pair of each model, then sum up."""
    DATA.mkdir(exist_ok=True)
    write_parts()
    edges = [verify_edge(where(name), every=True, seed=SEED, **prompts(name)) for name in MODELS]
    save(pd.concat(edges, ignore_index=True), DATA / "causality.csv")
    sum_up()


def sum_up() -> None:
    """Correlations and page from the rows as they were written."""
    rows = pd.read_csv(DATA / "causality.csv")
    edges = [part for _, part in rows.groupby("model", sort=False)]
    found = pd.concat(
        [rank_correlation(part, score=score, seed=SEED) for part in edges for score in SCORES],
        ignore_index=True,
    )
    save(found, DATA / "causality-correlation.csv")
    write("causality", _text(edges, found), STUDIES / "causality.md")


def where(name: str) -> str | Path:
    """The folder of a model, or the name of the bundled one."""
    return name if name == "induction-2l" else SHARED / "models" / name


def prompts(name: str) -> dict[str, Any]:
    """What a model is run on: text of its own making, as far as it was trained on text."""
    if name == "induction-2l":
        return {}
    if name == "capp-gpt2":
        return {"prompts": PARTS, "sample": 24}
    return {"sample": 63} if name == "slm-4096" else {"sample": 47, "n_prompts": 16}


def write_parts() -> None:
    """Parts for capp-gpt2, as it was trained: one token of each feature, then <SOS>.

    The order is that in which its vocabulary lists the features; of the orders tried it is the one
    after which the model is surest of the first process.
    """
    features = json.loads((where("capp-gpt2") / "token_mappings.json").read_text())["token2id"]
    kinds = ("geometry", "holes", "external_threads", "surface_finish", "tolerance", "batch_size")
    rng = np.random.default_rng(SEED)
    choices = [[n for word, n in features.items() if word.startswith(kind)] for kind in kinds]
    lines = [
        " ".join(str(n) for n in (*(rng.choice(group) for group in choices), features["<SOS>"]))
        for _ in range(32)
    ]
    PARTS.write_text("\n".join(lines) + "\n")


def save(frame: pd.DataFrame, path: Path) -> None:
    """Write a table so that the same numbers give the same bytes."""
    frame.to_csv(path, index=False, float_format="%.6g", lineterminator="\n")


def _text(edges: list[pd.DataFrame], found: pd.DataFrame) -> str:
    columns = [("pk", "effect"), ("pk", "local"), ("pk", "gain"), ("written", "local")]
    head = ["model", "pairing", "pairs", *(f"{a} with {b}" for a, b in columns)]
    body = []
    for (model, pairing), part in found.groupby(["model", "pairing"], sort=False):
        by = part.set_index(["score", "measure"])
        cells = [
            f"{row.spearman:.2f} ({row.low:.2f} to {row.high:.2f})"
            for row in (by.loc[[key]].iloc[0] for key in columns)
        ]
        body.append([model, pairing, f"{part['pairs'].iloc[0]}", *cells])
    runs = [
        f"{rows['model'].iloc[0]} {rows['prompts'].iloc[0]} prompts with "
        f"{rows['predictions'].iloc[0]:,} predictions that count"
        for rows in edges
    ]
    return "\n".join([
        f"Written by `python -m benchmarks.causality`, seed {SEED}: {'; '.join(runs)}. 95 % "
        "bootstrap intervals over pairs in parentheses.",
        "",
        table(head, body),
    ])  # fmt: skip


if __name__ == "__main__":
    main()
