"""Scores from the singular values of every pair: Procrustes, largest cosine, angles.

No d x d matrix is formed. X^T Y is m x m. With X = U R, Y = U' R' (U, U' with orthonormal columns),

    X Y^T = U (R R'^T) U'^T

has the singular values of the m x m matrix R R'^T, because U and U' preserve lengths. Columns of
zeros, which fill up missing ranks, add singular values 0 and change neither a sum nor a maximum.

These scores are defined for all sixteen pairings. A pair costs an SVD of an m x m matrix.

Sources: Bjorck and Golub 1973, "Numerical methods for computing angles between linear subspaces",
doi:10.1090/S0025-5718-1973-0348991-3 (angles by the SVD); Knyazev and Argentati 2002,
doi:10.1137/S1064827500377332 (small angles by their sines); Williams et al. 2021,
"Generalized Shape Metrics on Neural Representations", arXiv:2110.14739 (Procrustes similarity).
"""

from collections.abc import Sequence
from concurrent.futures import Executor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headgraph.pk_engine.linalg.array_ops import namespace, to_numpy
from headgraph.pk_engine.linalg.bases import bases
from headgraph.pk_engine.linalg.kernel import Block
from headgraph.pk_engine.linalg.progress_executor import without_progress
from headgraph.pk_engine.metrics.similarity import frobenius, over_norms

CHUNK = 64
"""Targets per call of LAPACK: 64 products of 128 x 128 in float32 are 4 MB a thread."""

Floats = NDArray[Any]


def procrustes(
    x: Floats, y: Floats, blocks: Sequence[Block], *, executor: Executor | None = None
) -> Floats:
    """||X^T Y||_* / (||X||_F ||Y||_F): how well a rotation in R^m maps X to Y.

    ||.||_* is the sum of the singular values. The d rows are the examples, so the score does not
    depend on the inner basis of a head.

    Args:
        x: ... x d x m raw weights (O transposed), n in all.
        y: ... x d x m' raw weights, k in all.
        blocks: which sources meet which targets, as for `kernel`.
        executor: where the parts are computed; the caller's thread by default. With threads, keep
            BLAS on one thread (`pk_engine.linalg.bases.one_thread`).

    Returns:
        n x k, 0 to 1, of the type of `x`; 1 for X = Y rotated, 0 for a matrix of zeros and outside
        the blocks. Memory beyond the result: CHUNK products per thread.
    """
    sums = _of_singular_values(x, y, blocks, "sum", executor)
    return over_norms(sums, frobenius(x), frobenius(y))


def procrustes_columns(
    x: Floats, y: Floats, blocks: Sequence[Block], *, executor: Executor | None = None
) -> Floats:
    """||X Y^T||_* / (||X||_F ||Y||_F): how well a rotation in R^d maps X to Y, column by column.

    The m head dimensions are the examples, so the score depends on the inner basis of the model.
    ||X Y^T||_* = ||R R'^T||_* (see above). Arguments as in `procrustes`; both need the same m.
    """
    r_x, r_y = (_factors(stack, without_progress(executor)) for stack in (x, y))
    sums = _of_singular_values(r_x, r_y, blocks, "sum", executor)
    sums = sums.astype(to_numpy(x[:0]).dtype)
    return over_norms(sums, frobenius(x), frobenius(y))


def max_cosine(
    u: Floats, v: Floats, blocks: Sequence[Block], *, executor: Executor | None = None
) -> Floats:
    """sigma_1(U^T U'): the cosine of the smallest principal angle.

    Arguments as in `procrustes`, but orthonormal bases as `bases` gives them. n x k, 0 to 1; 1
    where the subspaces share a direction.
    """
    return np.minimum(_of_singular_values(u, v, blocks, "max", executor), 1)


def principal_cosines(u: Floats, v: Floats) -> tuple[Floats, Floats]:
    """(cosines, angles in radians) between the columns' spans, smallest angle first.

    Args:
        u: d x r, orthonormal columns, none of them 0.
        v: d x s, the same.

    Returns:
        min(r, s) of each. The cosines' squares add up to PK. Angles below 45 degrees are
        computed from the sine, because the cosine of a small angle loses half the digits.
    """
    if u.shape[1] < v.shape[1]:
        u, v = v, u
    inner = u.T @ v
    cosines = np.clip(np.linalg.svd(inner, compute_uv=False), 0, 1)
    sines = np.clip(np.linalg.svd(v - u @ inner, compute_uv=False)[::-1], 0, 1)
    angles = np.where(cosines**2 > 0.5, np.arcsin(sines), np.arccos(cosines))
    return cosines, angles


def _of_singular_values(
    x: Floats,
    y: Floats,
    blocks: Sequence[Block],
    reduce: str,
    executor: Executor | None,
) -> Floats:
    """Sum or max of the singular values of X_i^T Y_j within the blocks, 0 elsewhere."""
    x, y = _one_axis(x), _one_axis(y)
    xp = namespace(x)
    out = np.zeros((len(x), len(y)), to_numpy(x[:0]).dtype)
    parts = [
        (i, slice(start, min(start + CHUNK, stop)))
        for sources, targets in blocks
        for i in range(*sources.indices(len(x)))
        for first, stop, _ in [targets.indices(len(y))]
        for start in range(first, stop, CHUNK)
    ]

    def part(at: tuple[int, slice]) -> Any:
        i, targets = at
        products = xp.matmul(x[i].T, y[targets])  # targets x m x m'
        return to_numpy(getattr(xp, reduce)(xp.linalg.svdvals(products), axis=-1))

    run = map if executor is None else executor.map
    for (i, targets), values in zip(parts, run(part, parts), strict=True):
        out[i, targets] = values
    return out


def _factors(stack: Floats, executor: Executor | None) -> Floats:
    """R^T of each X = U R: n x m x min(d, m) in float64."""
    stack = _one_axis(stack)
    # one head at a time: `bases` works in float64, which doubles the memory
    run = map if executor is None else executor.map
    found = run(lambda i: bases(stack[i : i + 1]).factor[0].T, range(len(stack)))
    return namespace(stack).stack(list(found))  # type: ignore[no-any-return]


def _one_axis(stack: Floats) -> Floats:
    """... x d x m as n x d x m, a view where the stack lies heads x m x d."""
    rows = stack.mT
    return rows.reshape(-1, *rows.shape[-2:]).mT
