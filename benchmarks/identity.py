"""The table and the picture of docs/studies/identity-heads.md: are identity heads hubs?

python -m benchmarks.identity
"""

import pandas as pd

from benchmarks.common import DOCS, SHARED, STUDIES, table, write
from headgraph.analysis.behaviour import behaviour
from headgraph.analysis.figures import save
from headgraph.analysis.hubs.kinds import hubs_of_kind
from headgraph.analysis.hubs.kinds_figure import identity as draw
from headgraph.pk_engine import Selection, compute

MODELS = ("induction-2l", "stories260K", "babyllama-361")
SEED, THRESHOLD = 0, 0.3


def main() -> None:
    """GPT-2's labelled heads, then measured ones of models that run."""
    rows = hubs_of_kind("gpt2-small")
    write("gpt2 identity", _table(rows), STUDIES / "identity-heads.md")
    parts = []
    for name in MODELS:
        model = name if name == "induction-2l" else SHARED / "models" / name
        scores = behaviour(model, seed=SEED)
        if not (scores["identity"] >= THRESHOLD).any():
            parts.append(f"**{name}**: no head scores {THRESHOLD} or more.")
            continue
        scored = compute(model, selection=Selection(), name=name)
        found = hubs_of_kind(scored, labels="none", behaviour=scores, threshold=THRESHOLD)
        parts.append(f"**{name}**, heads that score {THRESHOLD} or more:\n\n{_table(found)}")
    write("measured identity", "\n\n".join(parts), STUDIES / "identity-heads.md")
    for dark in (False, True):
        name = f"gpt2-identity{'-dark' if dark else ''}.svg"
        save(draw("gpt2-small", dark=dark), DOCS / "images" / name, force=True)


def _table(rows: pd.DataFrame) -> str:
    chosen = rows[rows["of_kind"]]

    def shown(both: float, place: int) -> str:
        return f"{place} of {len(rows)}" if both else "none"

    body = [
        [r.head, f"{r.inlet:,.0f}", f"{r.outlet:,.0f}", f"{r.both:,.0f}",
         shown(r.both, r.place), shown(r.both, r.place_by_layer)]
        for r in chosen.itertuples()
    ]  # fmt: skip
    head = ["head", "inlet", "outlet", "both", "place", "place corrected for layer"]
    return table(head, body)


if __name__ == "__main__":
    main()
