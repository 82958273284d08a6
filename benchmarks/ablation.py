"""The numbers of docs/ablation.md: do hubs and classes matter for what small models do?

python -m benchmarks.ablation
"""

from typing import Any

import pandas as pd

from analysis.patching import ablate
from benchmarks.causality import DATA, MODELS, SEED, save, where, write_parts
from benchmarks.causality import prompts as prompts_of
from benchmarks.common import table, write

HUBS, TOP_PERCENT, SAMPLES = 4, 20, 200


def main() -> None:
    """Ablate hubs and roles of each model; write data and page."""
    DATA.mkdir(exist_ok=True)
    write_parts()
    rows = pd.concat([rows_of(name) for name in MODELS], ignore_index=True)
    save(rows, DATA / "ablation.csv")
    sum_up()


def sum_up() -> None:
    """The page from the rows as they were written."""
    write("ablation", _text(pd.read_csv(DATA / "ablation.csv")), DATA.parent / "ablation.md")


def rows_of(name: str) -> pd.DataFrame:
    """Hubs, then each known role, once beside any heads and once beside heads of their layers."""
    asked: dict[str, Any] = {"hubs": HUBS, "role": roles(name)}
    parts = [
        ablate(
            where(name), top_percent=TOP_PERCENT, samples=SAMPLES, match_layers=matched, seed=SEED,
            **asked, **prompts_of(name),
        )
        for matched in (False, True)
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def roles(name: str) -> str | None:
    """All roles where there are labels."""
    return "all" if name == "induction-2l" else None


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
        f"{first['replaced_by']} over {first['prompts']} prompts.",
        "",
        table(head, body),
    ])  # fmt: skip


if __name__ == "__main__":
    main()
