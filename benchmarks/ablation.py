"""The numbers of docs/studies/ablation.md: do hubs and classes matter for what small models do?

python -m benchmarks.ablation
"""

from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.causality import DATA, MODELS, SEED, save, where, write_parts
from benchmarks.causality import prompts as prompts_of
from benchmarks.common import STUDIES, table, write
from headgraph.analysis.ablation import ablate
from headgraph.analysis.behaviour._behaviour import behaviour, labels_of

HUBS, TOP_PERCENT, SAMPLES, THRESHOLD = 4, 20, 200, 0.5


def main() -> None:
    """Ablate hubs and roles of each model; write data and page."""
    DATA.mkdir(exist_ok=True)
    write_parts()
    rows = pd.concat([rows_of(name) for name in MODELS], ignore_index=True)
    save(rows, DATA / "ablation.csv")
    sum_up()


def sum_up() -> None:
    """The page from the rows as they were written."""
    write("ablation", _text(pd.read_csv(DATA / "ablation.csv")), STUDIES / "ablation.md")


def rows_of(name: str) -> pd.DataFrame:
    """Hubs, then each role, once beside any heads and once beside heads of their layers."""
    labels = labels_for(name)
    asked: dict[str, Any] = {"hubs": HUBS}
    if labels is not None:
        asked |= {"role": "all", "labels": labels}
    parts = [
        ablate(
            where(name), top_percent=TOP_PERCENT, samples=SAMPLES, match_layers=matched, seed=SEED,
            **asked, **prompts_of(name),
        )
        for matched in (False, True)
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def labels_for(name: str) -> Path | None:
    """A label file of the heads that behave as a role says on repeated random tokens, if any."""
    labels = labels_of(behaviour(where(name), seed=SEED), THRESHOLD)
    if labels.empty:
        return None
    path = DATA / f"{name}-labels.csv"
    labels.to_csv(path, index=False, lineterminator="\n")
    return path


def _text(rows: pd.DataFrame) -> str:
    head = ["model", "ablated", "heads", "loss added", "random: mean (95 %)", "percentile", "sets"]
    body = [
        [
            row["model"],
            row["what"].replace("_", " ") + (", layers matched" if row["match_layers"] else ""),
            row["heads"].replace(",", " "),
            f"{row['base_loss']:.3g} + {row['delta']:.3g}",
            f"{row['random_mean']:.3g} ({row['low']:.3g} to {row['high']:.3g})",
            f"{row['percentile']:.0f} %",
            f"{row['possible']:,}",
        ]
        for row in rows.to_dict("records")
    ]
    first = rows.iloc[0]
    return "\n".join([
        f"Written by `python -m benchmarks.ablation`: {SAMPLES} random sets, seed {SEED}, the "
        f"{HUBS} greatest hubs by the strongest {TOP_PERCENT} % of pairs, heads replaced by their "
        f"{first['replaced_by']} over the prompts. Roles are of heads with a score of at least "
        f"{THRESHOLD} on repeated random tokens (headgraph behaviour); models without such heads "
        "have hubs alone.",
        "",
        table(head, body),
    ])  # fmt: skip


if __name__ == "__main__":
    main()
