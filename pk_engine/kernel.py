"""The hot path: K(X, Y)[i, j] = ||X_i^T Y_j||_F^2 for two stacks of d x m factors.

Every score of headgraph is this kernel on some pair of stacks (see pk_engine.metrics). It is
computed in one of two ways, whichever needs fewer operations:

blocks      X_i^T Y_j itself, 2 d m^2 operations a pair.
projectors  K = <X_i X_i^T, Y_j Y_j^T>_F. Both d x d matrices are symmetric: tile by tile they are
            formed from the diagonal to the right, what is right of the diagonal tile counting
            twice; d^2 m operations a head and d^2 a pair.

The operations that the time goes into are named by `pk_engine.ops`, once for each array library.
Inside, factors lie heads x m x d: a tile forms a third faster from long rows than from columns.
"""

import math
import threading
from collections.abc import Sequence
from concurrent.futures import Executor
from typing import Any

from numpy.typing import NDArray

from pk_engine.ops import Ops, ops_for, to_numpy

Block = tuple[slice, slice]
"""Sources and targets to compare: K is filled where a block says so, and stays 0 elsewhere."""


def kernel(
    x: Any,
    y: Any,
    blocks: Sequence[Block],
    *,
    executor: Executor | None = None,
) -> NDArray[Any]:
    """K(X, Y) where `blocks` say, 0 elsewhere.

    Args:
        x: ... x d x m factors; leading axes, such as layers x heads, are counted as n in all.
        y: ... x d x m' factors, k in all; any m'.
        blocks: which sources meet which targets; blocks must not overlap.
        executor: where the parts are computed; the caller's thread by default.

    Returns:
        n x k, of the factors' type, in NumPy. Parts are added in a fixed order, so the executor
        does not change a bit. Error against float64 for orthonormal float32 factors: under 1e-4
        (tested).
    """
    ops = ops_for(x)
    run = map if executor is None else executor.map
    n, k = math.prod(x.shape[:-2]), math.prod(y.shape[:-2])
    out = ops.zeros((n, k), x)
    u, v = ops.rows(x), ops.rows(y)  # ... x m x d
    if cheaper_by_projectors((n, *x.shape[-2:]), (k, *y.shape[-2:]), blocks):
        space, tiles = _Space(), range(0, x.shape[-2], ops.tile[0])
        for part in run(lambda start: _projector_tile(u, v, blocks, start, ops, space), tiles):
            out += part
    else:
        u, v = u.reshape(n, *u.shape[-2:]), v.reshape(k, *v.shape[-2:])
        rows = [(i, targets) for sources, targets in blocks for i in _range(sources, n)]
        parts = run(lambda at: _block_row(u[at[0]], v[at[1]]), rows)
        for (i, targets), part in zip(rows, parts, strict=True):
            out[i, targets] = part
    return to_numpy(out)


def cheaper_by_projectors(
    x_shape: tuple[int, ...], y_shape: tuple[int, ...], blocks: Sequence[Block]
) -> bool:
    """The cost model: the way with fewer operations, those of forming projectors counted twice."""
    forming, products, direct = operations(x_shape, y_shape, blocks)
    return 2 * forming + products < direct  # tiles are formed at about half the products' rate


def operations(
    x_shape: tuple[int, ...], y_shape: tuple[int, ...], blocks: Sequence[Block]
) -> tuple[int, int, int]:
    """Operations of forming projectors, of their products, and of block products instead.

    Args:
        x_shape: n, d, m.
        y_shape: k, d, m'.
        blocks: which sources meet which targets.
    """
    (n, d, m), (k, _, m2) = x_shape, y_shape
    pairs = sum(len(_range(a, n)) * len(_range(b, k)) for a, b in blocks)
    return d * d * (n * m + k * m2), d * d * pairs, 2 * d * m * m2 * pairs


def _range(part: slice, size: int) -> range:
    return range(*part.indices(size))


class _Space(threading.local):
    """Each thread's own buffers, used again by its next tile: fresh pages cost as much as sums."""

    def get(self, name: str, size: int, like: Any, ops: Ops) -> Any:
        """A flat buffer of this size."""
        flat = self.__dict__.get(name)
        if flat is None or flat.shape[0] < size:
            flat = self.__dict__[name] = ops.empty((size,), like)
        return flat[:size]


def _projector_tile(
    u: Any, v: Any, blocks: Sequence[Block], start: int, ops: Ops, space: _Space
) -> Any:
    """What one tile's rows of the projectors, from `start` on, add to K."""
    d, (height, width) = u.shape[-1], ops.tile
    stop = min(start + height, d)
    n, k = math.prod(u.shape[:-2]), math.prod(v.shape[:-2])
    part = ops.zeros((n, k), u)
    right = [(left, min(left + width, d), 2.0) for left in range(stop, d, width)]
    for first, last, weight in [(start, stop, 1.0), *right]:
        area = (stop - start) * (last - first)
        tiles = []
        for name, w, size in (("u", u, n), ("v", v, k)):
            flat = space.get(name, size * area, w, ops)
            shaped = flat.reshape(*w.shape[:-2], stop - start, last - first)
            ops.batched(w[..., start:stop], w[..., first:last], shaped)
            tiles.append(flat.reshape(size, area))
        if weight != 1:  # what is right of the diagonal stands for what is below it as well
            ops.scale(tiles[0], weight)
        for sources, targets in blocks:
            ops.add_product(tiles[0][sources], tiles[1][targets], part[sources, targets])
    return part


def _block_row(u: Any, v: Any) -> Any:
    """One source, m x d, with targets, k x m' x d, from X^T Y itself."""
    product = v.reshape(-1, v.shape[2]) @ u.T  # (k m') x m
    return (product * product).reshape(v.shape[0], -1).sum(-1)
