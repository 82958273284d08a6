"""Findings on GPT-2 small, each tested on another model by a criterion stated in advance.

The paper (arXiv:2601.10266) studies GPT-2 small alone and leaves open what larger models, rotary
embeddings and grouped-query attention change. Each finding here is one number of a model with a
condition on it, so that the answer is computed, not judged. Beside it stands how often a model
without the finding would meet the condition: a condition that most models meet by chance says
little where it holds.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import binom, hypergeom, norm

from headgraph.analysis._tables import full_table
from headgraph.analysis.errors import AnalysisError
from headgraph.analysis.figures.pairs import strongest_pairs, usual_number
from headgraph.analysis.informativeness._informativeness import informativeness
from headgraph.analysis.robustness._robustness import robustness
from headgraph.base.names import GRAPH_PAIRINGS, PAIRINGS
from headgraph.base.seeds import check_seed
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.pk_engine.table.selection import Selection

DRAWS = 1000
"""Random choices of pairs to compare the number of heads touched with."""
TOP = Selection(top_percent=3)


class Finding(NamedTuple):
    """One number of a model, and whether it agrees with the finding on GPT-2.

    Attributes:
        finding: the finding with its criterion.
        value: the number of this model.
        holds: whether it meets the criterion.
        chance: probability that it does in a model without the finding.
        by_chance: what such a model is taken to be.
    """

    finding: str
    value: str
    holds: bool
    chance: float
    by_chance: str


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


def findings(models: Sequence[str | os.PathLike[str]], *, seed: int = 0) -> pd.DataFrame:
    """A row per model and finding.

    Args:
        models: folders, hub ids or bundled models; weights are needed, a table is not enough.
        seed: random seed for the random choices of pairs.

    Returns:
        `model`, `layers`, `heads`, `kv_heads`, `finding` (with its criterion), `value`, `holds`,
        `chance` (probability that a model without the finding meets the criterion) and `by_chance`
        (what such a model is taken to be).
    """
    seed = check_seed(seed, AnalysisError)
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
    many = len(rows)
    above = int((rows["mean_pk"] > rows["reference_mean"]).sum())
    yield Finding(
        "mean PK is above that of random subspaces in most of the 16 pairings",
        f"{above} of {many}",
        above > many / 2,
        float(binom.sf(many // 2, many, 0.5)),
        "each pairing above or below with probability 1/2",
    )
    ratio = rows["mean_pk"] / rows["reference_mean"]
    same = [name for name in rows.index if name[0] == name[1]]
    most = str(ratio.idxmax())
    yield Finding(
        "the pairing furthest above random compares one role with itself",
        f"{most}, {ratio.max():.2f} times",
        most in same,
        len(same) / many,
        f"{len(same)} of the {many} pairings do",
    )
    with_value = [name for name in rows.index if "V" in name]
    least = str((ratio - 1).abs().idxmin())
    yield Finding(
        "the pairing nearest to random (mean PK closest to that of random subspaces) has a value "
        "role in it",
        f"{least}, {ratio[least]:.3f} times",
        least in with_value,
        len(with_value) / many,
        f"{len(with_value)} of the {many} pairings have one",
    )


def _outliers(model: _Model) -> Iterator[Finding]:
    frame, scored = model.table.frame, model.table.meta.scored
    strongest = frame.groupby("pairing")["z"].max()
    spread = frame.groupby("pairing")["z"].median()
    leader = str(strongest.idxmax())
    yield Finding(
        "the strongest pair of OQ, OK and OV is one of OK",
        f"{leader}, z {strongest.max():.0f}",
        leader == "OK",
        1 / len(strongest),
        f"one of {len(strongest)} pairings",
    )
    ratio = float((strongest - spread).min())
    yield Finding(
        "the strongest pair of every pairing stands 10 sd of the reference above the median pair",
        f"{ratio:.0f} sd at least",
        ratio > 10,
        float(np.prod([-np.expm1(n * norm.logcdf(10)) for n in scored.values()])),
        "random subspaces, their PK taken as normal",
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
        0.05,
        "pairs drawn at random; at most this",
    )


def _near_layers(model: _Model) -> Iterator[Finding]:
    frame = model.table.frame
    distance = frame["target_layer"] - frame["source_layer"]
    top = TOP.keep(frame, model.table.meta.scored)
    yield Finding(
        "the strongest 3 % go to nearer layers than pairs overall",
        f"{distance[top].mean():.1f} layers, overall {distance.mean():.1f}",
        bool(distance[top].mean() < distance.mean()),
        0.5,
        "nearer and farther are equally likely",
    )


def _other_metric(model: _Model) -> Iterator[Finding]:
    frame, scored = model.with_cs.frame, model.with_cs.meta.scored
    top = TOP.keep(frame, scored)
    place = frame.groupby("pairing")["cs"].rank(ascending=False, method="first")
    limits = frame["pairing"].map({pairing: TOP.limit(n) for pairing, n in scored.items()})
    both = float((place[top] <= limits[top].astype(float)).mean())
    yield Finding(
        "PK and the composition score disagree on a third or more of the strongest 3 %",
        f"{both:.0%} shared",
        both <= 2 / 3,
        _unrelated(scored, limits.groupby(frame["pairing"]).first()),
        "two rankings that have nothing to do with each other always disagree",
    )


def _unrelated(scored: Mapping[str, int], kept: "pd.Series[int]") -> float:
    """Probability that random rankings share at most two thirds of their strongest pairs.

    Bounded below: it is that of every pairing sharing no more than that.
    """
    shared = [hypergeom.cdf(int(2 * kept[name] / 3), n, kept[name], kept[name])
              for name, n in scored.items()]  # fmt: skip
    return float(np.prod(shared))


def _folding(model: _Model) -> Iterator[Finding]:
    pk, cs = (model.folded[name] for name in ("pk", "cs"))
    yield Finding(
        "folding the norm leaves more of PK's 20 strongest than of CS's",
        f"{pk:.0%} of PK's, {cs:.0%} of CS's",
        pk > cs,
        0.5,
        "one or the other, equally likely",
    )


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
