"""Rank correlation of PK with the effect of patching, with an interval."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from headgraph.analysis.errors import PatchingError
from headgraph.base.seeds import check_seed
from headgraph.base.spelling import argument

MEASURES = ("effect", "local", "gain")
RESAMPLES = 2000
COLUMNS = (
    "model",
    "pairing",
    "score",
    "measure",
    "pairs",
    "spearman",
    "low",
    "high",
    "p",
    "prompts",
    "seed",
)


def rank_correlation(edges: pd.DataFrame, *, score: str = "pk", seed: int = 0) -> pd.DataFrame:
    """Spearman's rank correlation of PK with the effects of patching, for each pairing.

    Args:
        edges: rows of `headgraph.verify_edge`, best of all pairs, since the strongest alone say
            little about the rest.
        score: the column to correlate with the measures, such as `pk` or `written`.
        seed: random seed for the bootstrap.

    Returns:
        `model`, `pairing`, `score`, `measure` (`effect`, `local` or `gain`), `pairs`, `spearman`,
        `low` and `high` (95 %, percentile bootstrap over pairs, which ignores that pairs sharing a
        head are not independent), `p` (two-sided, for no correlation), `prompts`, `seed`. The
        values are empty where all pairs have the same score or the same effect.

    Raises:
        PatchingError: fewer than 4 pairs of a pairing.
    """
    seed = check_seed(seed, PatchingError)
    rows = []
    for pairing, part in edges.groupby("pairing", sort=False):
        if len(part) < 4:
            raise PatchingError(
                f"{len(part)} pairs of {pairing} cannot be correlated: expected at least 4, such "
                f"as all of them with {argument('every', True, option='--all')}"
            )
        for measure in MEASURES:
            rows.append({
                "model": part["model"].iloc[0],
                "pairing": pairing,
                "score": score,
                "measure": measure,
                "pairs": len(part),
                **_spearman(part[score].to_numpy(float), part[measure].to_numpy(float), seed),
                "prompts": int(part["prompts"].iloc[0]),
                "seed": int(part["seed"].iloc[0]),
            })  # fmt: skip
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _spearman(x: NDArray[np.float64], y: NDArray[np.float64], seed: int) -> dict[str, float | None]:
    from scipy.stats import spearmanr

    if min(np.ptp(x), np.ptp(y)) == 0:
        return dict.fromkeys(("spearman", "low", "high", "p"))
    found = spearmanr(x, y)
    draws = np.random.default_rng(seed).integers(0, len(x), (RESAMPLES, len(x)))
    low, high = np.nanquantile(_row_by_row(x[draws], y[draws]), [0.025, 0.975])
    return {
        "spearman": float(found.statistic),
        "low": float(low),
        "high": float(high),
        "p": float(found.pvalue),
    }


def _row_by_row(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Spearman's correlation of each row of x with that of y; NaN where one is constant."""
    from scipy.stats import rankdata

    ranks = [rankdata(part, axis=1) for part in (x, y)]
    a, b = (part - part.mean(axis=1, keepdims=True) for part in ranks)
    size = np.sqrt((a**2).sum(1) * (b**2).sum(1))
    found = np.full(len(x), np.nan)
    np.divide((a * b).sum(1), size, out=found, where=size > 0)
    return found
