"""The hot path: K(X, Y)[i, j] = ||X_i^T Y_j||_F^2 for two stacks of d x m factors.

Most scores of headgraph are this kernel on a pair of stacks (see `pk_engine.metrics`). It is
computed in one of two ways, whichever needs fewer operations:

blocks      X_i^T Y_j itself, 2 d m^2 operations a pair.
projectors  K = <X_i X_i^T, Y_j Y_j^T>_F. Both d x d matrices are symmetric, so only tiles on the
            diagonal and right of it are formed, and those right of it count twice: d^2 m operations
            a head and d^2 a pair.

`pk_engine.linalg.array_ops` has the operations that take most time, once for each array library.
Factors are heads x m x d in memory, since a tile forms a third faster from long rows than from
columns. A tile is formed for all sources, then for one layer of targets at a time, whose products
follow while they are still in the processor's cache.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from typing import Any

from numpy.typing import NDArray

from headgraph.pk_engine.linalg.array_ops import Ops, ops_for, to_numpy
from headgraph.pk_engine.linalg.buffers import Buffers

Block = tuple[slice, slice]
"""Sources and targets to compare; K stays 0 outside the blocks."""
Meeting = tuple[slice, slice, slice]
"""Sources, their targets counted within a piece, and the same targets counted through the stack."""
AT_ONCE = 48
"""Targets formed at a time in a stack without layers; their tiles fit a processor's cache."""


def kernel(
    x: Any,
    y: Any,
    blocks: Sequence[Block],
    *,
    executor: Executor | None = None,
) -> NDArray[Any]:
    """K(X, Y) within `blocks`, 0 elsewhere.

    Args:
        x: ... x d x m factors; leading axes, such as layers x heads, are counted as n in all.
        y: ... x d x m' factors, k in all; any m'.
        blocks: sources and targets to compare; blocks must not overlap.
        executor: where the parts are computed; the caller's thread by default.

    Returns:
        n x k, of the factors' type, in NumPy. Parts are added in a fixed order, so the result does
        not depend on the executor. The error against float64 for orthonormal float32 factors is
        under 1e-4 (tested).
    """
    ops = ops_for(x)
    run = map if executor is None else executor.map
    n, k = math.prod(x.shape[:-2]), math.prod(y.shape[:-2])
    out = ops.zeros((n, k), x)
    u, v = ops.rows(x), ops.rows(y)  # ... x m x d
    if cheaper_by_projectors((n, *x.shape[-2:]), (k, *y.shape[-2:]), blocks):
        writing, reading = _used(u, n, blocks), list(_meetings(v, k, blocks))
        buffers, tiles = Buffers(), range(0, x.shape[-2], ops.tile[0])
        for part in run(
            lambda start: _projector_tile(writing, reading, (n, k), start, ops, buffers), tiles
        ):
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
    """The cost model: whether projectors take fewer operations; forming them counts twice."""
    forming, products, direct = operations(x_shape, y_shape, blocks)
    return 2 * forming + products < direct  # forming runs at about half the products' rate


def operations(
    x_shape: tuple[int, ...], y_shape: tuple[int, ...], blocks: Sequence[Block]
) -> tuple[int, int, int]:
    """Operations of forming projectors, of their products, and of block products instead.

    Args:
        x_shape: n, d, m.
        y_shape: k, d, m'.
        blocks: which sources meet which targets.
    """
    if not blocks:
        return 0, 0, 0
    (n, d, m), (k, _, m2) = x_shape, y_shape
    met = [(_range(a, n), _range(b, k)) for a, b in blocks]
    pairs = sum(len(a) * len(b) for a, b in met)
    # heads outside all blocks, such as O of the last layer, are not formed
    sources, targets = (_covered(part) for part in zip(*met, strict=True))
    return d * d * (sources * m + targets * m2), d * d * pairs, 2 * d * m * m2 * pairs


def _range(part: slice, size: int) -> range:
    return range(*part.indices(size))


def _covered(parts: Iterable[range]) -> int:
    """How many numbers are in at least one of the ranges."""
    count = end = 0
    for part in sorted(parts, key=lambda it: it.start):
        count += max(0, part.stop - max(part.start, end))
        end = max(end, part.stop)
    return count


def _pieces(rows: Any) -> Iterator[tuple[int, Any]]:
    """A stack a layer at a time, or AT_ONCE heads if it has no layers; each with its place."""
    flat = rows.ndim == 3
    parts = (rows[i : i + AT_ONCE] for i in range(0, len(rows), AT_ONCE)) if flat else iter(rows)
    first = 0
    for part in parts:
        yield first, part
        first += len(part)


def _used(u: Any, n: int, blocks: Sequence[Block]) -> list[tuple[slice, Any]]:
    """The pieces of the sources that are in some block, with their places."""
    places = set[int]().union(*(_range(sources, n) for sources, _ in blocks))
    pieces = [(slice(first, first + len(piece)), piece) for first, piece in _pieces(u)]
    return [(at, piece) for at, piece in pieces if not places.isdisjoint(_range(at, n))]


def _meetings(v: Any, k: int, blocks: Sequence[Block]) -> Iterator[tuple[Any, list[Meeting]]]:
    """Each piece of the targets that is in some block, with its sources."""
    for first, piece in _pieces(v):
        met = []
        for sources, targets in blocks:
            low, high = targets.indices(k)[:2]
            low, high = max(low, first), min(high, first + len(piece))
            if low < high:
                met.append((sources, slice(low - first, high - first), slice(low, high)))
        if met:
            yield piece, met


def _projector_tile(
    sources: list[tuple[slice, Any]],
    targets: list[tuple[Any, list[Meeting]]],
    size: tuple[int, int],
    start: int,
    ops: Ops,
    buffers: Buffers,
) -> Any:
    """The part of K from one tile's rows of the projectors, from `start` on."""
    like = sources[0][1]

    def make(numbers: int) -> Any:
        return ops.empty((numbers,), like)

    d, (height, width) = like.shape[-1], ops.tile
    stop = min(start + height, d)
    part = ops.zeros(size, like)
    for left in (*range(stop, d, width), start):
        right = stop if left == start else min(left + width, d)
        if left == start:  # the last; tiles right of the diagonal stand for those below it too
            ops.scale(part, 2.0)
        shape = (stop - start, right - left)
        area = math.prod(shape)
        x = buffers.flat("x", size[0] * area, make)
        for at, piece in sources:
            formed = x[at.start * area : at.stop * area].reshape(-1, *shape)
            ops.batched(piece[..., start:stop], piece[..., left:right], formed)
        x = x.reshape(-1, area)
        for piece, met in targets:
            y = buffers.flat("y", len(piece) * area, make)
            formed = y.reshape(-1, *shape)
            ops.batched(piece[..., start:stop], piece[..., left:right], formed)
            for here, there, columns in met:
                ops.add_product(x[here], y.reshape(-1, area)[there], part[here, columns])
    return part


def _block_row(u: Any, v: Any) -> Any:
    """One source, m x d, with targets, k x m' x d, from X^T Y itself."""
    product = v.reshape(-1, v.shape[2]) @ u.T  # (k m') x m
    return (product * product).reshape(v.shape[0], -1).sum(-1)
