"""The hot path: K(X, Y)[i, j] = ||X_i^T Y_j||_F^2 for two stacks of d x m factors.

Every score of headgraph is this kernel on some pair of stacks (see pk_engine.metrics). It is
computed in one of two ways, whichever needs fewer operations:

blocks      X_i^T Y_j itself, 2 d m^2 operations a pair.
projectors  K = <X_i X_i^T, Y_j Y_j^T>_F. Both d x d matrices are symmetric: row tile by row tile
            they are formed from the diagonal to the right, the part right of the diagonal tile
            counting twice; d^2 m operations a head and d^2 a pair.

The Array API standard has no product into a buffer, no product added into a view and no scaling in
place, which are what the time goes into; `Ops` names these three, once for each array library.
Inside, factors lie heads x m x d: a tile forms a third faster from long rows than from columns.
"""

import math
import threading
from collections.abc import Sequence
from concurrent.futures import Executor
from typing import Any, Protocol

import numpy as np

TILE = 32
"""Rows of a projector formed at a time: more make longer products, and larger buffers."""

Block = tuple[slice, slice]
"""Sources and targets to compare: K is filled where a block says so, and stays 0 elsewhere."""


class Ops(Protocol):
    """The three operations that the standard lacks, and a buffer to use them on."""

    def empty(self, shape: tuple[int, ...], like: Any) -> Any:
        """An uninitialised array of the type of `like`."""

    def zeros(self, shape: tuple[int, ...], like: Any) -> Any:
        """An array of zeros of the type of `like`."""

    def rows(self, stack: Any) -> Any:
        """The stack with its last two axes swapped, contiguous; a view where it lies so already."""

    def batched(self, a: Any, b: Any, out: Any) -> None:
        """out[i] = a[i]^T b[i]."""

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

    def rows(self, stack: Any) -> Any:
        """See `Ops`."""
        return np.ascontiguousarray(stack.transpose(0, 2, 1))

    def batched(self, a: Any, b: Any, out: Any) -> None:
        """See `Ops`."""
        np.matmul(a.transpose(0, 2, 1), b, out=out)

    def add_product(self, a: Any, b: Any, out: Any) -> None:
        """See `Ops`."""
        out += a @ b.T

    def scale(self, view: Any, factor: float) -> None:
        """See `Ops`."""
        np.multiply(view, factor, out=view)


def kernel(
    x: Any,
    y: Any,
    blocks: Sequence[Block],
    *,
    ops: Ops | None = None,
    executor: Executor | None = None,
) -> Any:
    """K(X, Y) where `blocks` say, 0 elsewhere.

    Args:
        x: n x d x m factors.
        y: k x d x m' factors; any m'.
        blocks: which sources meet which targets; blocks must not overlap.
        ops: the array library's operations; NumPy's by default.
        executor: where the parts are computed; the caller's thread by default.

    Returns:
        n x k, of the factors' type. Parts are added in a fixed order, so the executor does not
        change a bit. Error against float64 for orthonormal float32 factors: under 1e-4 (tested).
    """
    ops = ops or NumPyOps()
    run = map if executor is None else executor.map
    out = ops.zeros((x.shape[0], y.shape[0]), x)
    u, v = ops.rows(x), ops.rows(y)  # n x m x d, k x m' x d
    if cheaper_by_projectors(x.shape, y.shape, blocks):
        tiles = range(0, x.shape[1], TILE)
        space = _Space()
        for part in run(lambda start: _projector_tile(u, v, blocks, start, ops, space), tiles):
            out += part
    else:
        rows = [(i, targets) for sources, targets in blocks for i in _range(sources, x.shape[0])]
        parts = run(lambda at: _block_row(u[at[0]], v[at[1]]), rows)
        for (i, targets), part in zip(rows, parts, strict=True):
            out[i, targets] = part
    return out


def cheaper_by_projectors(
    x_shape: tuple[int, ...], y_shape: tuple[int, ...], blocks: Sequence[Block]
) -> bool:
    """The cost model: operations of both ways, forming projectors counted twice (half the rate)."""
    (n, d, m), (k, _, m2) = x_shape, y_shape
    pairs = sum(len(_range(a, n)) * len(_range(b, k)) for a, b in blocks)
    return bool(2 * d * d * (n * m + k * m2) + d * d * pairs < 2 * d * m * m2 * pairs)


def _range(part: slice, size: int) -> range:
    return range(*part.indices(size))


class _Space(threading.local):
    """Each thread's own buffers, used again by its next tile: fresh pages cost as much as the sums.

    They are made for the first tile, which is the largest.
    """

    def get(self, name: str, shape: tuple[int, ...], like: Any, ops: Ops) -> Any:
        size = math.prod(shape)
        flat = self.__dict__.get(name)
        if flat is None or flat.shape[0] < size:
            flat = self.__dict__[name] = ops.empty((size,), like)
        return flat[:size].reshape(shape)


def _projector_tile(
    u: Any, v: Any, blocks: Sequence[Block], start: int, ops: Ops, space: _Space
) -> Any:
    """What TILE rows of the projectors, from `start` on, add to K."""
    stop = min(start + TILE, u.shape[2])
    rows, columns = stop - start, u.shape[2] - start
    tile_u = space.get("u", (u.shape[0], rows, columns), u, ops)
    tile_v = space.get("v", (v.shape[0], rows, columns), v, ops)
    ops.batched(u[:, :, start:stop], u[:, :, start:], tile_u)
    ops.batched(v[:, :, start:stop], v[:, :, start:], tile_v)
    ops.scale(tile_u[:, :, rows:], 2.0)
    part = ops.zeros((u.shape[0], v.shape[0]), u)
    for row in range(rows):  # one row of every projector: a product of inner length `columns`
        for sources, targets in blocks:
            ops.add_product(tile_u[sources, row], tile_v[targets, row], part[sources, targets])
    return part


def _block_row(u: Any, v: Any) -> Any:
    """One source, m x d, with targets, k x m' x d, from X^T Y itself."""
    product = v.reshape(-1, v.shape[2]) @ u.T  # (k m') x m
    return (product * product).reshape(v.shape[0], -1).sum(-1)
