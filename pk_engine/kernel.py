"""The hot path: K(X, Y)[i, j] = ||X_i^T Y_j||_F^2 for two stacks of d x m factors.

Every score of headgraph is this kernel on some pair of stacks (see pk_engine.metrics). It is
computed in one of two ways, whichever needs fewer operations:

blocks      X_i^T Y_j itself, 2 d m^2 operations a pair.
projectors  K = <X_i X_i^T, Y_j Y_j^T>_F. Both d x d matrices are symmetric: row tile by row tile
            they are formed from the diagonal to the right, the part right of the diagonal tile
            counting twice; d^2 m operations a head and d^2 a pair.

The Array API standard has no product into a buffer, no product added into a view and no scaling in
place, which are what the time goes into; `Ops` names these three, once for each array library.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

TILE = 64
"""Rows of a projector formed at a time: 64 x d in float32 for one head stays in cache."""

Block = tuple[slice, slice]
"""Sources and targets to compare: K is filled where a block says so, and stays 0 elsewhere."""


class Ops(Protocol):
    """The three operations that the standard lacks, and a buffer to use them on."""

    def empty(self, shape: tuple[int, ...], like: Any) -> Any:
        """An uninitialised array of the type of `like`."""

    def zeros(self, shape: tuple[int, ...], like: Any) -> Any:
        """An array of zeros of the type of `like`."""

    def batched(self, a: Any, b: Any, out: Any) -> None:
        """out[i] = a[i] b[i]^T."""

    def add_product(self, a: Any, b: Any, out: Any) -> None:
        """Out += a b^T, where `out` may be a view."""

    def scale(self, view: Any, factor: float) -> None:
        """Multiply a view in place."""


class NumPyOps:
    """The protocol on NumPy."""

    def empty(self, shape: tuple[int, ...], like: Any) -> Any:
        """See `Ops`."""
        return np.empty(shape, like.dtype)

    def zeros(self, shape: tuple[int, ...], like: Any) -> Any:
        """See `Ops`."""
        return np.zeros(shape, like.dtype)

    def batched(self, a: Any, b: Any, out: Any) -> None:
        """See `Ops`."""
        np.matmul(a, b.transpose(0, 2, 1), out=out)

    def add_product(self, a: Any, b: Any, out: Any) -> None:
        """See `Ops`."""
        out += a @ b.T

    def scale(self, view: Any, factor: float) -> None:
        """See `Ops`."""
        np.multiply(view, factor, out=view)


def kernel(x: Any, y: Any, blocks: Sequence[Block], ops: Ops | None = None) -> Any:
    """K(X, Y) where `blocks` say, 0 elsewhere.

    Args:
        x: n x d x m factors.
        y: k x d x m' factors; any m'.
        blocks: which sources meet which targets; blocks must not overlap.
        ops: the array library's operations; NumPy's by default.

    Returns:
        n x k, of the factors' type. Error against float64 for orthonormal float32 factors: under
        1e-4 (tested; sums of d^2 products of numbers below 1).
    """
    ops = ops or NumPyOps()
    out = ops.zeros((x.shape[0], y.shape[0]), x)
    fill = _projectors if cheaper_by_projectors(x.shape, y.shape, blocks) else _blocks
    fill(x, y, blocks, out, ops)
    return out


def cheaper_by_projectors(
    x_shape: tuple[int, ...], y_shape: tuple[int, ...], blocks: Sequence[Block]
) -> bool:
    """The cost model: operations of both ways, forming projectors counted twice (half the rate)."""
    (n, d, m), (k, _, m2) = x_shape, y_shape
    pairs = sum(_length(a, n) * _length(b, k) for a, b in blocks)
    return bool(2 * d * d * (n * m + k * m2) + d * d * pairs < 2 * d * m * m2 * pairs)


def _length(part: slice, size: int) -> int:
    return len(range(*part.indices(size)))


def _projectors(x: Any, y: Any, blocks: Sequence[Block], out: Any, ops: Ops) -> None:
    n, d, _ = x.shape
    k = y.shape[0]
    # a flat buffer that each tile re-uses from its start: fresh pages cost more than the arithmetic
    space_x, space_y = ops.empty((n * TILE * d,), x), ops.empty((k * TILE * d,), y)
    for start in range(0, d, TILE):
        rows, columns = min(TILE, d - start), d - start
        tile_x = space_x[: n * rows * columns].reshape(n, rows, columns)
        tile_y = space_y[: k * rows * columns].reshape(k, rows, columns)
        ops.batched(x[:, start : start + rows], x[:, start:], tile_x)
        ops.batched(y[:, start : start + rows], y[:, start:], tile_y)
        ops.scale(tile_x[:, :, rows:], 2.0)
        for row in range(rows):  # one row of every projector: a product of inner length `columns`
            for sources, targets in blocks:
                ops.add_product(tile_x[sources, row], tile_y[targets, row], out[sources, targets])


def _blocks(x: Any, y: Any, blocks: Sequence[Block], out: Any, ops: Ops) -> None:
    n, d, m = x.shape
    k, _, m2 = y.shape
    flat = y.transpose(0, 2, 1).reshape(k * m2, d)  # targets' columns as rows
    for sources, targets in blocks:
        first, last, _ = targets.indices(k)
        for i in range(*sources.indices(n)):
            product = flat[first * m2 : last * m2] @ x[i]  # (targets m2) x m
            out[i, targets] = (product * product).reshape(last - first, m2 * m).sum(-1)
