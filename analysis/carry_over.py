"""Findings on GPT-2 small, each tested on another model by a criterion stated in advance.

The paper (arXiv:2601.10266) studies GPT-2 small alone and leaves open what larger models, rotary
embeddings and grouped-query attention change. Each finding here is one number of a model with a
condition on it, so that the answer is computed, not judged.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd

from headgraph.analysis._tables import full_table
from headgraph.analysis.figures.pairs import strongest_pairs, usual_number
from headgraph.analysis.informativeness._informativeness import informativeness
from headgraph.analysis.robustness._robustness import robustness
from headgraph.base.names import GRAPH_PAIRINGS, PAIRINGS
from headgraph.pk_engine.scoring.selection import Selection
from headgraph.pk_engine.table.affinity import AffinityTable

DRAWS = 1000
"""Random choices of pairs to compare the number of heads touched with."""
TOP = Selection(top_percent=3)


class Finding(NamedTuple):
    """One number of a model, and whether it agrees with the finding on GPT-2."""

    finding: str
    value: str
    holds: bool


@dataclass
class _Model:
    """A model's tables, each computed on first use."""

    model: str | os.PathLike[str]
    seed: int

    @cached_property
    def table(self) -> AffinityTable:
        return full_table(self.model, GRAPH_PAIRINGS)

    @cached_property
    def with_cs(self) -> AffinityTable:
        """PK and CS; CS expands shared key/value heads to a row per query head."""
        return full_table(self.model, GRAPH_PAIRINGS, ("pk", "cs"))

    @cached_property
    def sixteen(self) -> pd.DataFrame:
        table = full_table(self.model, PAIRINGS)
        return informativeness(table, resamples=1).set_index("pairing")

    @cached_property
    def folded(self) -> dict[str, float]:
        rows = robustness(self.model, metrics=("pk", "cs"))
        folded = rows[rows["variant"] == "folded"]
        means = folded.groupby("metric")["top20_overlap"].mean()
        return {str(metric): float(mean) for metric, mean in means.items()}


def carry_over(models: Sequence[str | os.PathLike[str]], *, seed: int = 0) -> pd.DataFrame:
    """A row per model and finding.

    Args:
        models: folders, hub ids or bundled models; weights are needed, a table is not enough.
        seed: random seed for the random choices of pairs.

    Returns:
        `model`, `layers`, `heads`, `kv_heads`, `finding` (with its criterion), `value`, `holds`.
    """
    rows = []
    for model in models:
        at_hand = _Model(model, seed)
        meta = at_hand.table.meta
        about = {"model": meta.model, "layers": meta.n_layers, "heads": meta.n_heads,
                 "kv_heads": meta.n_kv_heads}  # fmt: skip
        rows += [{**about, **found._asdict()} for find in FINDINGS for found in find(at_hand)]
    return pd.DataFrame(rows)


def _above_random(model: _Model) -> Iterator[Finding]:
    rows = model.sixteen
    above = int((rows["mean_pk"] > rows["reference_mean"]).sum())
    yield Finding("mean PK is above that of random subspaces in most of the 16 pairings",
                  f"{above} of 16", above > len(rows) / 2)  # fmt: skip
    ratio = rows["mean_pk"] / rows["reference_mean"]
    most = str(ratio.idxmax())
    yield Finding(
        "the pairing furthest above random compares one role with itself",
        f"{most}, {ratio.max():.2f} times",
        most[0] == most[1],
    )
    least = str(ratio.idxmin())
    yield Finding(
        "the pairing nearest to random has a value role in it",
        f"{least}, {ratio.min():.2f} times",
        "V" in least,
    )


def _outliers(model: _Model) -> Iterator[Finding]:
    frame = model.table.frame
    strongest = frame.groupby("pairing")["z"].max()
    spread = frame.groupby("pairing")["z"].median()
    leader = str(strongest.idxmax())
    yield Finding("the strongest pair of OQ, OK and OV is one of OK",
                  f"{leader}, z {strongest.max():.0f}", leader == "OK")  # fmt: skip
    ratio = float((strongest - spread).min())
    yield Finding(
        "the strongest pair of every pairing stands 10 sd of the reference above the median pair",
        f"{ratio:.0f} sd at least",
        ratio > 10,
    )


def _few_heads(model: _Model) -> Iterator[Finding]:
    """Heads touched by the strongest pairs, against as many pairs drawn at random."""
    number = usual_number(model.table.meta)
    touched = _touched(strongest_pairs(model.table, number))
    frame, rng = model.table.edges(), np.random.default_rng(model.seed)
    groups = [rows for _, rows in frame.groupby("pairing", sort=False)]
    drawn = [
        _touched(pd.concat([rows.iloc[rng.choice(len(rows), number, replace=False)]
                            for rows in groups]))
        for _ in range(DRAWS)
    ]  # fmt: skip
    share = float(np.mean(np.array(drawn) > touched))
    yield Finding(
        "the strongest pairs of each pairing touch fewer heads than as many drawn at random "
        "(fewer in at least 95 % of draws)",
        f"{touched} heads, drawn {np.mean(drawn):.0f} (fewer in {share:.0%})",
        share >= 0.95,
    )


def _near_layers(model: _Model) -> Iterator[Finding]:
    frame = model.table.frame
    distance = frame["target_layer"] - frame["source_layer"]
    top = TOP.keep(frame, model.table.meta.scored)
    yield Finding(
        "the strongest 3 % go to nearer layers than pairs at large",
        f"{distance[top].mean():.1f} layers, at large {distance.mean():.1f}",
        bool(distance[top].mean() < distance.mean()),
    )


def _other_metric(model: _Model) -> Iterator[Finding]:
    frame, scored = model.with_cs.frame, model.with_cs.meta.scored
    top = TOP.keep(frame, scored)
    place = frame.groupby("pairing")["cs"].rank(ascending=False, method="first")
    limits = frame["pairing"].map({pairing: TOP.limit(n) for pairing, n in scored.items()})
    both = float((place[top] <= limits[top].astype(float)).mean())
    yield Finding("PK and the composition score disagree on a third or more of the strongest 3 %",
                  f"{both:.0%} shared", both <= 2 / 3)  # fmt: skip


def _folding(model: _Model) -> Iterator[Finding]:
    pk, cs = (model.folded[name] for name in ("pk", "cs"))
    yield Finding("folding the norm leaves more of PK's 20 strongest than of CS's",
                  f"{pk:.0%} of PK's, {cs:.0%} of CS's", pk > cs)  # fmt: skip


def _touched(edges: pd.DataFrame) -> int:
    ends = [edges[[f"{end}_layer", f"{end}_head"]].to_numpy() for end in ("source", "target")]
    return len(np.unique(np.concatenate(ends), axis=0))


FINDINGS: tuple[Callable[[_Model], Iterator[Finding]], ...] = (
    _above_random,
    _outliers,
    _few_heads,
    _near_layers,
    _other_metric,
    _folding,
)
