"""The table and the picture of docs/studies/identity-heads.md: are identity heads hubs?

python -m benchmarks.identity
"""

import sys

import numpy as np
import pandas as pd

from benchmarks import facts
from benchmarks.common import DOCS, GPT2, SHARED, STUDIES, table, write
from headgraph.analysis.behaviour import behaviour
from headgraph.analysis.figures import save
from headgraph.analysis.hubs.kinds import hubs_of_kind
from headgraph.analysis.hubs.kinds_figure import identity as draw
from headgraph.analysis.reproduction._reproduce import published
from headgraph.analysis.reproduction.parts.model import TOKENS
from headgraph.base.names import parse_head
from headgraph.pk_engine import Selection, compute
from headgraph.pk_engine.models.weights import ModelWeights

MODELS = ("induction-2l", "stories260K", "babyllama-361")
SEED, THRESHOLD = 0, 0.3


def main() -> None:
    """GPT-2's labelled heads, then measured ones of models that run; with `gpt2`, those alone."""
    rows = hubs_of_kind("gpt2-small")
    write("gpt2 identity", f"{_counts(rows)}\n\n{_table(rows)}", STUDIES / "identity-heads.md")
    write("gpt2 copying", _copying(), STUDIES / "identity-heads.md")
    if sys.argv[1:] == ["gpt2"]:
        return
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


def _counts(rows: pd.DataFrame) -> str:
    """How many heads are 0 by construction."""
    chosen = rows[rows["of_kind"]]
    first = chosen[chosen["layer"] == 0]
    return (
        f"Of {len(chosen)} identity heads, {len(first)} are in the first layer: their `both` is 0 "
        f"by construction, whatever their weights. The comparison rests on the other "
        f"{len(chosen) - len(first)}."
    )


def _copying() -> str:
    """Sign and overlap of the identity heads and of all derived erasers."""
    named = dict(facts.identity_heads())
    others = {one.name: one for one in facts.erasers() if one.name not in named}
    d_head = facts.gpt2().meta.d_head
    body = [
        [name, "yes" if name in named else "no", f"{one.copying:.4f}",
         f"{one.self_overlap * d_head:.2f}", one.role or "none"]
        for name, one in (named | others).items()
    ]  # fmt: skip
    most = max(facts.heads().values(), key=lambda one: one.self_overlap)
    meta = facts.gpt2().meta
    chance = meta.moments["OV"]["mean"]
    words = (
        "The table has the PK of two subspaces of one head: what it reads as its value, and what "
        f"it writes. This PK is at most {d_head}; two random subspaces have {chance:.2f}. "
        f"{most.name} has the largest of all {meta.n_layers * meta.n_heads} heads. The eigenvalues "
        f"of its W_OV have a mean modulus of {_modulus(most.name):.1f}, without the layer norm "
        f"before the head. In Fig. 7 of the PK paper, its identity score on {TOKENS} tokens is "
        f"{published()['identity'][most.name]}. Attention that is spread equally has "
        f"{sum(1 / n for n in range(1, TOKENS + 1)) / TOKENS:.2f}."
    )
    head = ["head", "identity head", "`copying`", "PK of its V and O", "derived role"]
    return f"{words}\n\n{table(head, body)}"


def _modulus(name: str) -> float:
    """Mean modulus of the nonzero eigenvalues of a head's W_OV, from GPT-2's weights."""
    layer, head = parse_head(name)
    weights = ModelWeights(GPT2).layer(layer)
    values, outputs = (weights[role][head].astype(np.float64) for role in ("V", "O"))
    return float(np.abs(np.linalg.eigvals(outputs.T @ values)).mean())


def _table(rows: pd.DataFrame) -> str:
    chosen = rows[rows["of_kind"]]

    def shown(both: float, place: int) -> str:
        return f"{place} of {len(rows)}" if both else "none"

    body = [
        [r.head, f"{r.inlet:,.0f}", f"{r.outlet:,.0f}", f"{r.both:,.0f}",
         shown(r.both, r.place), shown(r.both, r.place_by_layer)]
        for r in chosen.itertuples()
    ]  # fmt: skip
    head = ["head", "inlet", "outlet", "both", "place", "place within layers"]
    return table(head, body)


if __name__ == "__main__":
    main()
