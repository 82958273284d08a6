"""Orthonormal bases, triangular factors and ranks of stacks of d x m matrices.

Written on the Array API standard, so it runs on whatever library the stack comes from.

The Gram matrix G = W^T W is formed in float64 and factored as R^T R (Cholesky); the basis is
U = W R^-1. One pass suffices for float32 weights: U^T U differs from I by about kappa^2 eps64, and
a matrix counts as full rank only where kappa = sigma_1 / sigma_m < 1 / (max(d, m) eps32), so the
error stays under 1e-6 for d = 768. Where that is not certain, the eigenvectors of G decide.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import array_api_compat
import numpy as np


@dataclass(frozen=True)
class Bases:
    """What a stack of matrices W spans.

    Attributes:
        basis: U, heads x d x m. Columns are orthonormal; those beyond the rank are 0, which changes
            no inner product.
        factor: R, heads x m x m in float64, with W = U R and so R^T R = W^T W.
        rank: numerical rank of each matrix, heads integers.
    """

    basis: Any
    factor: Any
    rank: np.ndarray[Any, np.dtype[np.int64]]


def bases(weights: Any) -> Bases:
    """Bases of the column spaces of `weights`, heads x d x m.

    The numerical rank counts singular values above max(d, m) eps sigma_1, eps of the weights' type;
    a matrix of zeros has rank 0.
    """
    xp = array_api_compat.array_namespace(weights)
    d, m = weights.shape[-2:]
    eps = float(xp.finfo(weights.dtype).eps)
    tolerance = max(d, m) * eps
    if d < m or eps < 1e-10:
        return _by_svd(xp, weights, tolerance)
    wide = xp.astype(weights, xp.float64)
    gram = xp.matmul(xp.matrix_transpose(wide), wide)
    try:
        factor = xp.matrix_transpose(xp.linalg.cholesky(gram))
        inverse = _upper_inverse(xp, factor)
        # ||R||_F ||R^-1||_F bounds the condition number from above
        bound = xp.linalg.matrix_norm(factor) * xp.linalg.matrix_norm(inverse)
        certain = bool(xp.all(bound * tolerance < 1))
    except (np.linalg.LinAlgError, RuntimeError):
        certain = False  # a Gram matrix that is not positive definite
    if not certain:
        return _by_eigenvectors(xp, weights, wide, gram, tolerance)
    # U^T first: its long rows are how stacks keep it
    rows = xp.matmul(xp.matrix_transpose(inverse), xp.matrix_transpose(wide))
    basis = xp.matrix_transpose(xp.astype(rows, weights.dtype))
    return Bases(basis, factor, np.full(weights.shape[0], m))


def _upper_inverse(xp: Any, upper: Any) -> Any:
    """Inverse of upper triangular matrices by halves, a third of the time of a general inverse."""
    half = upper.shape[-1] // 2
    if half < 8:
        return xp.linalg.inv(upper)
    left, right = (_upper_inverse(xp, upper[..., part, part]) for part in _halves(half))
    above = -xp.matmul(left, xp.matmul(upper[..., :half, half:], right))
    below = xp.zeros_like(xp.matrix_transpose(above))
    columns = xp.concat([left, below], axis=-2), xp.concat([above, right], axis=-2)
    return xp.concat(columns, axis=-1)


def _halves(half: int) -> tuple[slice, slice]:
    return slice(None, half), slice(half, None)


def _by_eigenvectors(xp: Any, weights: Any, wide: Any, gram: Any, tolerance: float) -> Bases:
    """G = V diag(sigma^2) V^T, so R = diag(sigma) V^T and U = W V / sigma where sigma counts."""
    squares, vectors = xp.linalg.eigh(gram)  # ascending
    sigma = xp.sqrt(xp.where(squares > 0, squares, xp.zeros_like(squares)))
    counts = _counts(sigma, sigma[:, -1:], tolerance)
    inverse = xp.where(counts, 1 / xp.where(counts, sigma, xp.ones_like(sigma)), 0 * sigma)
    basis = xp.matmul(wide, vectors * inverse[:, None, :])
    factor = sigma[:, :, None] * xp.matrix_transpose(vectors)
    return Bases(xp.astype(basis, weights.dtype), factor, _rank(xp, counts))


def _by_svd(xp: Any, weights: Any, tolerance: float) -> Bases:
    """For float64, whose Gram matrix would lose half the digits, and for wide matrices."""
    left, sigma, right = xp.linalg.svd(weights, full_matrices=False)
    counts = _counts(sigma, sigma[:, :1], tolerance)
    basis = xp.where(counts[:, None, :], left, xp.zeros_like(left))
    return Bases(basis, sigma[:, :, None] * right, _rank(xp, counts))


def _counts(sigma: Any, largest: Any, tolerance: float) -> Any:
    return sigma > tolerance * largest


def _rank(xp: Any, counts: Any) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.asarray(xp.sum(xp.astype(counts, xp.int64), axis=-1).tolist(), dtype=np.int64)


@cache
def _controller() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def one_thread() -> Any:
    """Context in which BLAS and LAPACK run on one thread.

    OpenBLAS on several threads waits at a barrier after every small product; whenever anything else
    runs on the machine that takes up to a hundred times longer.
    """
    return _controller().limit(limits=1)
