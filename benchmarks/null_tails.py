"""Tails of the isotropic null on simulated subspaces.

    python -m benchmarks.null_tails

Writes docs/data/null-tails.csv, from which docs/studies/nulls.md takes its table (cog): how often
PK of exactly uniform subspaces has p at most x, by the null's Beta distribution, by a Beta of two
moments on [max(0, r + s - d), min(r, s)], and by a normal of the same mean and sd.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from benchmarks.common import DOCS, table
from headgraph.pk_engine.metrics.random_reference import reference_mean, reference_sd
from headgraph.pk_engine.nulls.isotropic import upper_tail

FILE = DOCS / "data" / "null-tails.csv"
CASES = ((8, 8, 64), (16, 16, 96), (20, 20, 30))
SAMPLES = 1_000_000
LEVELS = (0.05, 0.01, 1e-3, 1e-4)
_AT_ONCE = 20_000

Array = NDArray[np.float64]


def simulated(r: int, s: int, d: int, samples: int, seed: int) -> Array:
    """PK of the first r coordinates with the span of a normal d x s matrix Z, r + s <= d.

    With A the Gram matrix of the first r rows of Z and B that of the others, PK = tr((A + B)^-1 A).
    B is a Wishart matrix, drawn by its triangular factor (Bartlett).
    """
    rng = np.random.default_rng(seed)
    found = []
    for first in range(0, samples, _AT_ONCE):
        n = min(_AT_ONCE, samples - first)
        z = rng.standard_normal((n, r, s))
        lower = np.tril(rng.standard_normal((n, s, s)), -1)
        lower[:, range(s), range(s)] = np.sqrt(rng.chisquare(d - r - np.arange(s), (n, s)))
        a = z.mT @ z
        found.append(np.linalg.solve(a + lower @ lower.mT, a).trace(axis1=1, axis2=2))
    return np.concatenate(found)


def simulated_pk(r: int, s: int, d: int, samples: int, seed: int) -> Array:
    """PK of uniform subspaces; r + s - d more than that of their complements where r + s > d."""
    over = max(0, r + s - d)
    return over + (simulated(d - r, d - s, d, samples, seed) if over else
                   simulated(r, s, d, samples, seed))  # fmt: skip


def two_moments(pk: Array, r: int, s: int, d: int) -> Array:
    """Tail of a Beta distribution with PK's mean and sd on PK's range."""
    least, width = max(0, r + s - d), min(r, s) - max(0, r + s - d)
    mu = (reference_mean(r, s, d) - least) / width
    n = mu * (1 - mu) / (reference_sd(r, s, d) / width) ** 2 - 1
    return np.asarray(stats.beta.sf(pk, n * mu, n * (1 - mu), loc=least, scale=width))


def normal(pk: Array, r: int, s: int, d: int) -> Array:
    """Tail of a normal with PK's mean and sd."""
    return np.asarray(stats.norm.sf(pk, reference_mean(r, s, d), reference_sd(r, s, d)))


def null(pk: Array, r: int, s: int, d: int) -> Array:
    """Tail that `p_isotropic` has."""
    return upper_tail(pk, np.full(len(pk), r), np.full(len(pk), s), d)


TAILS: dict[str, Callable[[Array, int, int, int], Array]] = {
    "isotropic": null,
    "two_moments": two_moments,
    "normal": normal,
}


def main() -> None:
    """Simulate, and write the data file."""
    rows = []
    for seed, (r, s, d) in enumerate(CASES):
        pk = simulated_pk(r, s, d, SAMPLES, seed)
        tails = {name: tail(pk, r, s, d) for name, tail in TAILS.items()}
        for level in LEVELS:
            found = {name: float((p <= level).mean()) for name, p in tails.items()}
            row = {"r": r, "s": s, "d": d, "p": level, **found, "se": np.sqrt(level / SAMPLES)}
            rows.append({**row, "samples": SAMPLES, "seed": seed})
    pd.DataFrame(rows).to_csv(FILE, index=False, float_format="%.4g")
    print(tables())


def tables() -> str:
    """The table of docs/studies/nulls.md, from the data file."""
    rows = pd.read_csv(FILE)
    body = [
        [
            f"{row.r} and {row.s} of {row.d}",
            f"{row.p:g}",
            *(f"{getattr(row, name) / row.p:.2f}" for name in TAILS),
            f"{row.se / row.p:.2f}",
        ]
        for row in rows.itertuples()
    ]
    head = ["dimensions", "x", "`isotropic`", "Beta of two moments", "normal", "standard error"]
    return (
        f"The table has the share of {rows.samples.iloc[0]:,} simulated pairs of random subspaces "
        "with p at most x, divided by x. It is 1 if p is right, above 1 if p is too small, and "
        f"below 1 if p is too large.\n\n{table(head, body)}"
    )


if __name__ == "__main__":
    main()
