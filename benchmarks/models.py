"""docs/studies/models.md: which findings on GPT-2 small carry over to the other models at hand.

python -m benchmarks.models
"""

from fractions import Fraction

import pandas as pd

from benchmarks.common import SHARED, STUDIES, table, write
from headgraph.analysis.generalisation import DRAWS, findings

MODELS = ("gpt2-attention", "gpt-neo-125m-attention", "stories260K", "babyllama-361")
SEED = 0


def main() -> None:
    """Compute every finding for every model and write the page's table."""
    found = findings([SHARED / "models" / name for name in MODELS], seed=SEED)
    write("findings", _text(found), STUDIES / "models.md")


def _text(found: pd.DataFrame) -> str:
    heads = found.drop_duplicates("model").set_index("model")
    names = [
        f"{name} ({row.layers} x {row.heads}"
        + (f", {row.kv_heads} key/value)" if row.kv_heads < row.heads else ")")
        for name, row in heads.iterrows()
    ]
    rows = []
    for finding, part in found.groupby("finding", sort=False):
        said = part.set_index("model")
        cells = [
            f"{'yes' if said.loc[name, 'holds'] else '**no**'}: {said.loc[name, 'value']}"
            for name in heads.index
        ]
        others = said["holds"].drop(heads.index[0])
        first = said.iloc[0]
        chance = f"{_share(first['chance'])}: {first['by_chance']}"
        rows.append([str(finding), *cells, f"{others.sum()} of {len(others)}", chance])
    head = ["finding on GPT-2 small, with its criterion", *names, "carries over to",
            "chance of a yes"]  # fmt: skip
    drawn = f"Random choices: {DRAWS} draws, seed {SEED}."
    return f"{drawn}\n\n{table(head, rows)}"


def _share(chance: float) -> str:
    """As a fraction where it is a simple one: 7/16."""
    simple = Fraction(chance).limit_denominator(20)
    if abs(simple - chance) < 1e-9 and 0 < simple < 1:
        return str(simple)
    return "below 0.001" if chance < 0.001 else f"{chance:.2g}"


if __name__ == "__main__":
    main()
