"""How folding norms and centring writes change the scores.

Neither changes what the model computes (`pk_engine.models.folding`). A score that changes much
therefore depends on how the weights happen to be stored.
"""

import os
from collections.abc import Sequence

import pandas as pd

from headgraph.analysis.errors import AnalysisError
from headgraph.base.names import GRAPH_PAIRINGS
from headgraph.base.progress import Progress
from headgraph.pk_engine.errors import ModelError
from headgraph.pk_engine.models.folding import check_folding
from headgraph.pk_engine.models.weights import ModelWeights
from headgraph.pk_engine.scoring._compute import compute
from headgraph.pk_engine.table.affinity import KEYS, AffinityTable
from headgraph.pk_engine.table.selection import Selection

METRICS = ("pk", "cs", "simple_cs", "cka")
"""Metrics compared by default; they take seconds, not minutes."""
TOP = 20
"""Length of the lists whose overlap is counted, as in the paper's Fig. 1."""
VARIANTS = {
    "folded": {"fold_ln": True},
    "centred": {"center_writing": True},
    "both": {"fold_ln": True, "center_writing": True},
}


def robustness(
    model: str | os.PathLike[str],
    *,
    pairings: Sequence[str] | str = GRAPH_PAIRINGS,
    metrics: Sequence[str] = METRICS,
    revision: str | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Rank correlation and overlap of the 20 strongest pairs with those of the raw weights.

    Variants are `folded` (the norm before attention folded into Q, K and V), `centred` (the mean
    over d_model subtracted from what heads write) and `both`. Variants that would change what the
    model computes are left out: centring with RMS norms, folding without a norm before attention.

    Where users go wrong: a correlation over all pairs says little about the strongest pairs, which
    a graph shows. Read the overlap beside it.

    Args:
        model: a bundled model's name, a folder, or a hub id.
        pairings: pairings to compare.
        metrics: metrics to compare, names of `pk_engine.metrics.registry`.
        revision: branch, tag or commit of a hub id.
        progress: as for `pk_engine.compute`.

    Returns:
        `metric`, `pairing`, `variant`, `spearman` (with the raw scores, over all pairs),
        `top20_overlap` (share of the 20 strongest raw pairs, or of all pairs if fewer, among the 20
        strongest of the variant), `pairs`.

    Raises:
        AnalysisError: both folding and centring would change what this model computes.
        ModelError, WeightsError, EngineError: as for `pk_engine.compute`.
    """
    variants = _possible(model, revision)

    def scored(*, fold_ln: bool = False, center_writing: bool = False) -> AffinityTable:
        return compute(
            model,
            pairings=pairings,
            metrics=tuple(dict.fromkeys(("pk", *metrics))),
            selection=Selection(),
            decoys=False,
            revision=revision,
            progress=progress,
            fold_ln=fold_ln,
            center_writing=center_writing,
        )

    raw = scored()
    parts = [compared(raw, scored(**VARIANTS[name]), name, metrics) for name in variants]
    frame = pd.concat(parts, ignore_index=True)
    order = {name: place for place, name in enumerate(dict.fromkeys(metrics))}
    keys = frame["metric"].map(order)
    return frame.loc[keys.sort_values(kind="stable").index].reset_index(drop=True)


def compared(
    raw: AffinityTable, other: AffinityTable, variant: str, metrics: Sequence[str]
) -> pd.DataFrame:
    """One variant's rows of `robustness`, for the pairs that both tables have."""
    from scipy.stats import spearmanr

    keys = ["pairing", *KEYS]
    both = raw.frame.merge(other.frame, on=keys, suffixes=("", "_other"), validate="1:1")
    rows = []
    for metric in dict.fromkeys(metrics):
        for pairing in raw.meta.pairings:
            pairs = both[both["pairing"] == pairing].reset_index(drop=True)
            first, second = pairs[metric].astype(float), pairs[f"{metric}_other"].astype(float)
            best = min(TOP, len(pairs))
            shared = _strongest(pairs.assign(score=first), best) & _strongest(
                pairs.assign(score=second), best
            )
            rows.append(
                {
                    "metric": metric,
                    "pairing": pairing,
                    "variant": variant,
                    "spearman": float(spearmanr(first, second).statistic),
                    "top20_overlap": len(shared) / best,
                    "pairs": len(pairs),
                }
            )
    return pd.DataFrame(rows)


def _strongest(pairs: pd.DataFrame, n: int) -> set[int]:
    """Indices of the n strongest pairs, ties by source, then target."""
    order = pairs.sort_values(["score", *KEYS], ascending=[False, *[True] * len(KEYS)])
    return set(order.index[:n])


def _possible(model: str | os.PathLike[str], revision: str | None) -> list[str]:
    """The variants that do not change what this model computes."""
    family = ModelWeights(model, revision).family
    reasons, found = [], []
    for name, how in VARIANTS.items():
        asked = {"fold_ln": False, "center_writing": False} | how
        try:
            check_folding(family.name, family.norm, **asked)
        except ModelError as reason:
            reasons.append(reason.message.marked)
        else:
            found.append(name)
    if not found:
        raise AnalysisError(
            f"{os.fspath(model)} can be neither folded nor centred without a change to what it "
            f"computes, so there is nothing to compare: {'; '.join(reasons[:2])}"
        )
    return found
