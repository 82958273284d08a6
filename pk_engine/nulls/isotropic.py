"""The paper's reference: two independent, uniformly random subspaces of R^d.

Assumes that the model prefers no direction of the residual stream. Trained weights do, so nearly
every pair looks significant. z is the table's own. p is the upper tail of a Beta distribution.

PK of subspaces of dimensions r and s has a least value L = max(0, r + s - d): where r + s > d they
meet in r + s - d dimensions at least, and each of these adds 1. PK - L is the PK of their
complements, of dimensions d - r and d - s. The distribution here is L + w B, B ~ Beta(a, b), with
the first three moments m1, m2, m3 of PK - L. With k1 = m1, k2 = m2 / m1, k3 = m3 / m2:

    n = 2 (k3 - k2) / (2 k2 - k1 - k3),  w = (n + 1) k2 - n k1,  a = n k1 / w,  b = n - a

The moments are exact. They are sums over zonal polynomials (Constantine 1963,
doi:10.1214/aoms/1177703863), written out for r + s <= d in `_moments`.

The distribution is exact for a line and any other subspace (r or s is 1 or d - 1), where w = 1.
Otherwise w is fitted and differs from min(r, s) - L. Where it is smaller, p is 0 above L + w.
docs/data/null-tails.csv has the tail on simulated subspaces, beside a normal's, which is too small,
and that of a Beta of two moments on [L, min(r, s)], which is too large. Where r, s <= 3 and d < 10,
no Beta follows the tail closely.

Nothing is drawn. The cost is one incomplete beta function per pair. Source of the reference:
arXiv:2601.10266.
"""

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headgraph.pk_engine.metrics.random_reference import reference_mean, reference_sd
from headgraph.pk_engine.nulls.comparison import Comparison, Comparisons, NullInputs
from headgraph.pk_engine.table.heads import pair_dimensions, pair_ranks


def isotropic(inputs: NullInputs) -> Comparisons:
    """Compare every pair with random subspaces of its own ranks."""
    compared, meta = {}, inputs.table.meta
    for pairing, frame in inputs.table.frame.groupby("pairing", sort=False):
        r, s = pair_ranks(frame, meta)
        d = pair_dimensions(frame, meta)
        mean, sd = reference_mean(r, s, d), reference_sd(r, s, d)
        p = _upper_tails(frame["pk"].to_numpy(np.float64), r, s, d)
        spread = float(np.sqrt((sd**2).mean() + mean.var()))
        z = frame["z"].to_numpy(np.float64)
        compared[str(pairing)] = Comparison(z, p, 0, float(mean.mean()), spread)
    return compared


def _upper_tails(
    pk: NDArray[np.float64], r: NDArray[Any], s: NDArray[Any], d: int | NDArray[np.int64]
) -> NDArray[np.float64]:
    """`upper_tail`, where d may have one number for each score."""
    if isinstance(d, int):
        return upper_tail(pk, r, s, d)
    p = np.ones(len(pk))
    for width in np.unique(d).tolist():
        here = d == width
        p[here] = upper_tail(pk[here], r[here], s[here], width)
    return p


def upper_tail(
    pk: NDArray[np.float64], r: NDArray[Any], s: NDArray[Any], d: int
) -> NDArray[np.float64]:
    """Probability of PK at least as large between random subspaces; see the module.

    Args:
        pk: n scores.
        r: n dimensions.
        s: n dimensions.
        d: dimension of the space.

    Returns:
        n probabilities; 1 where all subspaces of these dimensions have the same PK.
    """
    from scipy.special import betaincc

    p = np.ones(len(pk))
    # ranks differ in few models: one distribution for each pair of ranks
    for ranks in np.unique(np.stack([r, s], 1), axis=0).tolist():
        here = (r == ranks[0]) & (s == ranks[1])
        if min(ranks) and max(ranks) < d:
            least, width, a, b = beta_of(ranks[0], ranks[1], d)
            p[here] = betaincc(a, b, np.clip((pk[here] - least) / width, 0, 1))
    return p


def beta_of(r: int, s: int, d: int) -> tuple[int, float, float, float]:
    """L, w, a and b of L + w Beta(a, b) for subspaces of dimensions r and s, 0 < r, s < d."""
    least = max(0, r + s - d)
    m1, m2, m3 = _moments(d - r, d - s, d) if least else _moments(r, s, d)
    k1, k2, k3 = m1, m2 / m1, m3 / m2
    n = 2 * (k3 - k2) / (2 * k2 - k1 - k3)
    width = (n + 1) * k2 - n * k1
    a = n * k1 / width
    return least, float(width), float(a), float(n - a)


def _moments(r: int, s: int, d: int) -> tuple[Fraction, Fraction, Fraction]:
    """E PK, E PK^2 and E PK^3; as fractions, since cumulants of large d lose most digits."""

    def term(weight: Fraction, *shifts: int) -> Fraction:
        above, below = weight, Fraction(1)
        for shift in shifts:
            above *= (r + shift) * (s + shift)
            below *= d + shift
        return above / below if above else Fraction(0)

    return (
        term(Fraction(1), 0),
        term(Fraction(1, 3), 0, 2) + term(Fraction(2, 3), 0, -1),
        term(Fraction(1, 15), 0, 2, 4) + term(Fraction(3, 5), 0, 2, -1)
        + term(Fraction(1, 3), 0, -1, -2),
    )  # fmt: skip
