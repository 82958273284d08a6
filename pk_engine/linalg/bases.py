"""Orthonormal bases, triangular factors and ranks of stacks of d x m matrices.

The code uses the Array API standard, so it runs on the array library of the stack.

The Gram matrix G = W^T W is formed in float64 and factored as R^T R (Cholesky); the basis is
U = W R^-1. One pass suffices for float32 weights: with R in float64, U^T U differs from I by about
kappa^2 eps64. A matrix counts as full rank only if kappa = sigma_1 / sigma_m <
1 / (max(d, m) eps32), so the error stays under 1e-6 for d = 768. If ||R||_F ||R^-1||_F is small,
the product W R^-1 is taken in float32, which is half the work: rounding then adds to U at most
about ||R||_F ||R^-1||_F eps32 sqrt(m) in the Frobenius norm, and usually far less. If full rank is
not certain, the eigenvectors of G decide.

torch factors a whole stack in a few launches, without an exception where a matrix is singular: the
bounds of all matrices come from the device at once, and only those of uncertain rank are repeated.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
from array_api_compat import is_torch_array

from headgraph.pk_engine.linalg.array_ops import namespace, ops_for
from headgraph.pk_engine.linalg.buffers import Buffers

AT_ONCE = 4
"""Matrices that are copied to float64 at one time, so that the copies stay in the cache."""
NARROW = 500.0
"""Take W R^-1 in the weights' own type only while ||R||_F ||R^-1||_F stays below this. The value is
m for orthogonal columns of one length, and a few hundred for trained heads."""
LARGEST = 1e30
"""Use float32 only while entries of R^-1 stay below this; tiny weights have larger ones."""


@dataclass(frozen=True)
class Bases:
    """Bases of the column spaces of a stack of matrices W.

    Attributes:
        basis: U, heads x d x m. Columns are orthonormal; columns beyond the rank are 0, which
            changes no inner product.
        factor: R, heads x m x m in float64, with W = U R and so R^T R = W^T W.
        rank: numerical rank of each matrix, heads integers.
    """

    basis: Any
    factor: Any
    rank: np.ndarray[Any, np.dtype[np.int64]]


def bases(
    weights: Any, out: Any = None, at_once: int = AT_ONCE, buffers: Buffers | None = None
) -> Bases:
    """Bases of the column spaces of `weights`, heads x d x m.

    The numerical rank counts singular values above max(d, m) eps sigma_1, eps of the weights' type;
    a matrix of zeros has rank 0.

    Args:
        weights: the stack.
        out: heads x m x d of the same library and type, for U^T; `basis` is then a view of it.
            The kernel reads long rows faster.
        at_once: matrices that are copied to float64 at one time.
        buffers: memory for the float64 copies of NumPy matrices, in the place of new memory.
    """
    xp = namespace(weights)
    d, m = weights.shape[-2:]
    eps = float(xp.finfo(weights.dtype).eps)
    tolerance = max(d, m) * eps
    rows = out
    if out is None:
        rows = ops_for(weights).empty((len(weights), min(d, m), d), weights)
    if d < m or eps < 1e-10:
        found = _by_svd(xp, weights, tolerance, rows, at_once)
    else:
        wide = partial(_wide, xp, weights, at_once, buffers)
        gram = _gram(weights, wide, buffers)
        if is_torch_array(weights):
            found = _one_by_one(xp, gram, tolerance)
        else:
            found = _cholesky(xp, gram, tolerance, buffers) or _eigenvectors(xp, gram, tolerance)
        _transform(xp, weights, found, rows, wide)
    return Bases(xp.matrix_transpose(rows), found.factor, found.rank)


class _Factors(NamedTuple):
    """G = R^T R, U = W T, the numerical ranks, and the matrices whose W T takes float64, or None
    for all of them.
    """

    factor: Any  # R
    to_basis: Any  # T
    rank: np.ndarray[Any, np.dtype[np.int64]]
    wide: list[int] | None = None


def _wide(
    xp: Any, weights: Any, at_once: int, buffers: Buffers | None
) -> Iterator[tuple[slice, Any]]:
    """The stack in float64, a few matrices at a time, with their places."""
    for first in range(0, len(weights), at_once):
        part = slice(first, first + at_once)
        if buffers is None:
            yield part, xp.astype(weights[part], xp.float64)
        else:
            yield part, buffers.copy("wide", weights[part], np.float64)


def _memory(name: str, shape: tuple[int, ...], like: Any, buffers: Buffers | None) -> Any:
    """Uninitialised memory of the type of `like`; NumPy's comes from the buffers."""
    if buffers is None:
        return ops_for(like).empty(shape, like)
    return buffers.array(name, shape, like.dtype)


def _gram(
    weights: Any, wide: Callable[[], Iterator[tuple[slice, Any]]], buffers: Buffers | None
) -> Any:
    """W^T W in float64."""
    gram, size = None, (len(weights), *2 * weights.shape[-1:])
    for part, matrices in wide():
        gram = _memory("gram", size, matrices, buffers) if gram is None else gram
        ops_for(matrices).batched(matrices, matrices, gram[part])
    return gram


def _transform(
    xp: Any, weights: Any, found: _Factors, rows: Any, wide: Callable[[], Iterator[Any]]
) -> None:
    """U^T = T^T W^T into rows, in the weights' own type if that is exact enough."""
    if found.wide is not None:
        turn = xp.astype(found.to_basis, weights.dtype)
        ops_for(weights).batched(turn, weights.mT, rows)
        if found.wide:
            again = xp.astype(weights[found.wide], xp.float64)
            product = xp.matmul(found.to_basis[found.wide].mT, again.mT)
            rows[found.wide] = xp.astype(product, weights.dtype)
        return
    for part, matrices in wide():
        product = xp.matmul(found.to_basis[part].mT, matrices.mT)
        rows[part] = xp.astype(product, weights.dtype)


def _cholesky(xp: Any, gram: Any, tolerance: float, buffers: Buffers | None) -> _Factors | None:
    """R and T = R^-1; None if a rank might not be full."""
    try:
        factor = xp.linalg.cholesky(gram).mT
        inverse = _memory("inverse", gram.shape, gram, buffers)
        inverse[...] = 0
        _invert_upper(xp, factor, inverse)
    except (np.linalg.LinAlgError, RuntimeError):
        return None  # a Gram matrix is not positive definite
    # ||R||_F ||R^-1||_F bounds the condition number from above
    bound = float(xp.max(xp.linalg.matrix_norm(factor) * xp.linalg.matrix_norm(inverse)))
    if not bound * tolerance < 1:
        return None
    narrow = bound < NARROW and bool(xp.all(xp.abs(inverse) < LARGEST))
    full = np.full(len(gram), gram.shape[-1])
    return _Factors(factor, inverse, full, [] if narrow else None)


def _one_by_one(xp: Any, gram: Any, tolerance: float) -> _Factors:
    """R and T in torch, of each matrix by Cholesky, or from eigenvectors if a rank might not be
    full. The processor waits for the device once, for the bounds of all matrices.
    """
    lower, failed = xp.linalg.cholesky_ex(gram)  # no exception, which would have to wait
    factor, eye = lower.mT, xp.eye(gram.shape[-1], dtype=gram.dtype, device=gram.device)
    inverse = xp.linalg.solve_triangular(factor, eye, upper=True)
    bound = xp.linalg.matrix_norm(factor) * xp.linalg.matrix_norm(inverse)
    bound = xp.where(failed == 0, bound, xp.full_like(bound, math.inf))
    bounds, largest = np.array(xp.stack([bound, xp.amax(xp.abs(inverse), (-2, -1))]).tolist())
    full = bounds * tolerance < 1  # NaN is not
    wide = np.flatnonzero(~(full & (bounds < NARROW) & (largest < LARGEST))).tolist()
    rank = np.full(len(gram), gram.shape[-1])
    if not full.all():
        unsure = np.flatnonzero(~full).tolist()
        again = _eigenvectors(xp, gram[unsure], tolerance)
        factor[unsure], inverse[unsure], rank[unsure] = again.factor, again.to_basis, again.rank
    return _Factors(factor, inverse, rank, wide if len(wide) < len(gram) else None)


def _invert_upper(xp: Any, upper: Any, out: Any) -> None:
    """Inverse of upper triangular matrices by halves, into zeros.

    It takes a third of the time of a general inverse.
    """
    half = upper.shape[-1] // 2
    if half < 16:
        out[...] = xp.linalg.inv(upper)
        return
    low, high = slice(None, half), slice(half, None)
    for part in (low, high):
        _invert_upper(xp, upper[..., part, part], out[..., part, part])
    right = xp.matmul(upper[..., low, high], out[..., high, high])
    out[..., low, high] = -xp.matmul(out[..., low, low], right)


def _eigenvectors(xp: Any, gram: Any, tolerance: float) -> _Factors:
    """R = diag(sigma) V^T and T = V / sigma, or 0 beyond the rank, from G = V diag(sigma^2) V^T."""
    squares, vectors = xp.linalg.eigh(gram)  # ascending
    sigma = xp.sqrt(xp.where(squares > 0, squares, xp.zeros_like(squares)))
    counts = _counts(sigma, sigma[:, -1:], tolerance)
    inverse = xp.where(counts, 1 / xp.where(counts, sigma, xp.ones_like(sigma)), 0 * sigma)
    factor, to_basis = sigma[:, :, None] * vectors.mT, vectors * inverse[:, None, :]
    return _Factors(factor, to_basis, _rank(xp, counts))


def _by_svd(xp: Any, weights: Any, tolerance: float, rows: Any, at_once: int) -> _Factors:
    """For float64, whose Gram matrix would lose half the digits, and for wide matrices.

    In float64: singular values of huge float32 entries would overflow.
    """
    factors, ranks = [], []
    for first in range(0, len(weights), at_once):
        part = slice(first, first + at_once)
        wide = xp.astype(weights[part], xp.float64)
        left, sigma, right = xp.linalg.svd(wide, full_matrices=False)
        counts = _counts(sigma, sigma[:, :1], tolerance)
        there = left.shape[-1]
        basis = xp.where(counts[:, None, :], left, xp.zeros_like(left)).mT
        rows[part, :there] = xp.astype(basis, weights.dtype)
        rows[part, there:] = 0
        factors.append(sigma[:, :, None] * right)
        ranks.append(_rank(xp, counts))
    return _Factors(xp.concat(factors), None, np.concatenate(ranks))


def _counts(sigma: Any, largest: Any, tolerance: float) -> Any:
    return sigma > tolerance * largest


def _rank(xp: Any, counts: Any) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.asarray(xp.sum(xp.astype(counts, xp.int64), axis=-1).tolist(), dtype=np.int64)


@cache
def _controller() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@contextmanager
def one_thread() -> Iterator[None]:
    """Context in which BLAS and LAPACK run on one thread.

    OpenBLAS on several threads waits at a barrier after every small product. On a busy machine this
    takes up to a hundred times longer.
    """
    with _controller().limit(limits=1):  # its limit begins when it is made, not at the `with`
        yield
