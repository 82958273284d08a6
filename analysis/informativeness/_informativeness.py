"""Informativeness of a pairing: how far its scores lie from those of random subspaces.

KL(reference || observed) in nats, as Yamagiwa, Takase, Shimodaira (arXiv:2601.10266) take it: 255
equal bins on [0, m], m = d_head; the reference is the probability of each bin under the normal with
the moments of `pk_engine.metrics.random_reference`, renormalised to 1; the observed is the share of
the directed pairs. Bins with a reference below 1e-12 are left out, and the observed is floored at
1e-12.

With few pairs, many bins are empty and the floor decides the result. `kl_sd` is this project's own
and is meant to compare models: the same divergence of z = (PK - mean) / sd, over bins of one sd
from -4 to 4 and the two tails, with half a pair added to each bin (Krichevsky & Trofimov 1981,
doi:10.1109/TIT.1981.1056331), so that it needs no floor. Its interval resamples heads, not pairs,
since pairs that share a head are not independent (Snijders & Borgatti 1999, "Non-parametric
standard errors and tests for network statistics", Connections 22:161-170).
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from headgraph.analysis._tables import full_table
from headgraph.analysis.errors import AnalysisError
from headgraph.analysis.unequal import refuse_unequal
from headgraph.base.names import PAIRINGS
from headgraph.base.progress import Progress
from headgraph.base.seeds import check_seed
from headgraph.base.spelling import argument
from headgraph.pk_engine.metrics.random_reference import reference_mean, reference_sd
from headgraph.pk_engine.models.interface import Model
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.pk_engine.table.heads import pair_dimensions, pair_ranks
from headgraph.pk_engine.table.meta import TableMeta

BINS = 255
FLOOR = 1e-12
SD_EDGES = np.arange(-4.0, 5.0)
"""Inner edges of the bins in units of the reference's sd; the outermost bins are open."""
CHUNK = 64
"""Resamples at a time, to keep intermediate arrays small."""


def informativeness(
    model: Model | AffinityTable,
    *,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
    revision: str | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Mean PK, random reference and KL(reference || observed) of all 16 pairings.

    Pairs go from an earlier layer to a later one, in every pairing.

    Args:
        model: a model as for `compute`, or a table of all pairs of all 16 pairings.
        resamples: number of bootstrap resamples of the heads, for the interval.
        level: confidence level of the interval, between 0 and 1.
        seed: random seed for the resampling.
        revision: branch, tag or commit of a hub id.
        progress: as for `compute`.

    Returns:
        A row per pairing: `pairing`, `pairs`, `mean_pk`, `reference_mean`, `reference_sd` (a
        mixture's where ranks differ), `kl` (nats, the paper's bins), `floored` (the reference's
        probability of bins in which no pair lies: what the floor decides), `kl_sd` (nats, bins of
        one sd) with the bounds of its interval `kl_sd_low` and `kl_sd_high`, `resamples`, `seed`.

    Raises:
        AnalysisError: numbers out of range, an incomplete table, or a reference without variance.
    """
    if resamples < 1:
        raise AnalysisError(
            f"{argument('resamples', resamples)}: expected a whole number of at least 1"
        )
    if not 0 < level < 1:
        raise AnalysisError(f"{argument('level', level)}: expected more than 0 and less than 1")
    seed = check_seed(seed, AnalysisError)
    table = full_table(model, PAIRINGS, revision=revision, progress=progress)
    refuse_unequal(table.meta, "informativeness")
    rows = [
        _row(name, frame, table.meta, resamples, level, seed)
        for name, frame in table.frame.groupby("pairing", sort=False)
    ]
    return pd.DataFrame(rows)


def _row(
    pairing: Any, frame: pd.DataFrame, meta: TableMeta, resamples: int, level: float, seed: int
) -> dict[str, Any]:
    means, sds = reference_of(frame, meta)
    kl, floored = paper_kl(frame["pk"].to_numpy(), means, sds, meta.d_head)
    draws = _kl_sd(frame, meta, resamples, seed)
    low, high = np.quantile(draws[1:], [(1 - level) / 2, (1 + level) / 2])
    return {
        "pairing": pairing,
        "pairs": len(frame),
        "mean_pk": float(frame["pk"].to_numpy(np.float64).mean()),
        "reference_mean": float(means.mean()),
        "reference_sd": float(np.sqrt((sds**2).mean() + means.var())),
        "kl": kl,
        "floored": floored,
        "kl_sd": float(draws[0]),
        "kl_sd_low": float(low),
        "kl_sd_high": float(high),
        "resamples": resamples,
        "seed": seed,
    }


def reference_of(frame: pd.DataFrame, meta: TableMeta) -> tuple[NDArray[Any], NDArray[Any]]:
    """Mean and sd of the random reference for the ranks of each row.

    Raises:
        AnalysisError: a subspace that is all of R^d shares as much with every other.
    """
    r, s = pair_ranks(frame, meta)
    d = pair_dimensions(frame, meta)
    means, sds = reference_mean(r, s, d), reference_sd(r, s, d)
    if not (sds > 0).all():
        raise AnalysisError(
            f"{meta.model} has heads that span all {meta.d_model} dimensions, where every score is "
            "that of random subspaces: expected a model whose d_head is smaller than its d_model"
        )
    return means, sds


def paper_kl(
    pk: NDArray[Any], means: NDArray[Any], sds: NDArray[Any], m: int
) -> tuple[float, float]:
    """KL(reference || observed) over the paper's bins, and the reference's share in empty ones.

    Args:
        pk: scores, one per pair.
        means: of the reference, one per pair; the reference is their mixture.
        sds: likewise.
        m: d_head, the upper end of the bins.
    """
    edges = np.linspace(0, m, BINS + 1)
    reference = binned_reference(edges, means, sds)
    # rounding may carry a score past the ends
    observed = np.histogram(np.clip(pk, 0, m), edges)[0] / len(pk)
    counts = reference >= FLOOR
    p, q = reference[counts], np.maximum(observed[counts], FLOOR)
    return float((p * np.log(p / q)).sum()), float(reference[counts & (observed == 0)].sum())


def binned_reference(
    edges: NDArray[Any], means: NDArray[Any], sds: NDArray[Any]
) -> NDArray[np.float64]:
    """Probability of each bin under the mixture of normals, 1 in all."""
    from scipy.stats import norm

    kinds, counts = np.unique(np.stack([means, sds]), axis=1, return_counts=True)
    bins = np.zeros(len(edges) - 1)
    for (mean, sd), count in zip(kinds.T, counts, strict=True):
        bins += count * np.diff(norm.cdf(edges, mean, sd))
    return np.asarray(bins / bins.sum())


def _kl_sd(frame: pd.DataFrame, meta: TableMeta, resamples: int, seed: int) -> NDArray[np.float64]:
    """The divergence over bins of one sd: of the pairs as they are, then of each resample."""
    from scipy.stats import norm

    reference = np.diff(norm.cdf(np.r_[-np.inf, SD_EDGES, np.inf]))
    source, target, units = _units(frame, meta)
    drawn = np.random.default_rng(seed).multinomial(
        units, np.full(units, 1 / units), size=resamples
    )
    times = np.vstack([np.ones(units, int), drawn])
    counts = _counts(frame["z"].to_numpy(), source, target, times)
    # a resample may hold fewer or more pairs: scale its counts to the number of pairs
    counts *= len(frame) / np.maximum(counts.sum(1, keepdims=True), 1)
    observed = (counts + 0.5) / (len(frame) + 0.5 * len(reference))
    return np.asarray((reference * np.log(reference / observed)).sum(1))


def _counts(
    z: NDArray[Any], source: NDArray[Any], target: NDArray[Any], times: NDArray[Any]
) -> NDArray[np.float64]:
    """Pairs in each bin (columns) when each head counts `times` times (a row per resample)."""
    from scipy.sparse import coo_array

    places, units = np.searchsorted(SD_EDGES, z, side="right"), times.shape[1]
    bins = len(SD_EDGES) + 1
    # pairs by (bin, source) and target: one product sums over the targets of many resamples
    pairs = coo_array((np.ones(len(z)), (places * units + source, target)),
                      shape=(bins * units, units)).tocsr()  # fmt: skip
    parts = []
    for first in range(0, len(times), CHUNK):
        weights = times[first : first + CHUNK].T.astype(float)  # units x resamples
        by_source = (pairs @ weights).reshape(bins, units, -1)
        parts.append(np.einsum("bur,ur->rb", by_source, weights))
    return np.concatenate(parts)


def _units(frame: pd.DataFrame, meta: TableMeta) -> tuple[NDArray[Any], NDArray[Any], int]:
    """The resampled unit at each end of each row: a head, or a group that shares keys."""
    pairing = str(frame["pairing"].iloc[0])
    ends = []
    for end, role in zip(("source", "target"), pairing, strict=True):
        width = meta.heads_of(role) // meta.n_kv_heads
        head = frame[f"{end}_head"].to_numpy() // width
        ends.append(frame[f"{end}_layer"].to_numpy() * meta.n_kv_heads + head)
    return ends[0], ends[1], meta.n_layers * meta.n_kv_heads
