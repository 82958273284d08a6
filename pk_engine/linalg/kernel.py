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

A GPU waits for the launch of each operation. There, as many tiles as its memory has room for are
formed side by side, for all heads at once, and multiplied together.
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
Tile = tuple[slice, slice]
"""Rows and columns of a projector."""
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
        whole, parts = _parts(u, v, ops)
        writing, reading = _used(u, n, blocks, whole), list(_meetings(v, k, blocks, whole))
        buffers = Buffers()
        for part in run(
            lambda starts: _projector_tiles(writing, reading, (n, k), starts, ops, buffers), parts
        ):
            out += part
    else:
        u, v = u.reshape(n, *u.shape[-2:]), v.reshape(k, *v.shape[-2:])
        rows = list(_block_rows(u, v, blocks, ops.room(u)))
        products = run(lambda at: _block_row(u[at[0]], v[at[1]]), rows)
        for (sources, targets), part in zip(rows, products, strict=True):
            out[sources, targets] = part
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


def _parts(u: Any, v: Any, ops: Ops) -> tuple[bool, list[range]]:
    """Whether all heads are formed at once, and the first rows of the tiles of each part."""
    d, height = u.shape[-1], ops.tile[0]
    starts = range(0, d, height)
    room = ops.room(u) // u.itemsize
    every, tile = math.prod(u.shape[:-2]) + math.prod(v.shape[:-2]), min(height, d) * d
    left = room - math.prod(u.shape) - math.prod(v.shape)  # beside copies of the factors
    whole = every * tile <= left
    if not whole:  # all sources, and one piece of the targets after another
        pieces = _pieces(v, whole=False)
        left, every = room, math.prod(u.shape[:-2]) + max(len(piece) for _, piece in pieces)
    many = max(1, left // (every * tile))
    return whole, [starts[at : at + many] for at in range(0, len(starts), many)]


def _pieces(rows: Any, whole: bool) -> Iterator[tuple[int, Any]]:
    """All of a stack, or a layer at a time, or AT_ONCE heads if it has no layers; with places."""
    if whole:
        yield 0, rows.reshape(-1, *rows.shape[-2:])
        return
    flat = rows.ndim == 3
    parts = (rows[i : i + AT_ONCE] for i in range(0, len(rows), AT_ONCE)) if flat else iter(rows)
    first = 0
    for part in parts:
        yield first, part
        first += len(part)


def _used(u: Any, n: int, blocks: Sequence[Block], whole: bool) -> list[tuple[slice, Any]]:
    """The pieces of the sources that are in some block, with their places."""
    places = set[int]().union(*(_range(sources, n) for sources, _ in blocks))
    pieces = [(slice(first, first + len(piece)), piece) for first, piece in _pieces(u, whole)]
    return [(at, piece) for at, piece in pieces if not places.isdisjoint(_range(at, n))]


def _meetings(
    v: Any, k: int, blocks: Sequence[Block], whole: bool
) -> Iterator[tuple[Any, list[Meeting]]]:
    """Each piece of the targets that is in some block, with its sources."""
    for first, piece in _pieces(v, whole):
        met = []
        for sources, targets in blocks:
            low, high = targets.indices(k)[:2]
            low, high = max(low, first), min(high, first + len(piece))
            if low < high:
                met.append((sources, slice(low - first, high - first), slice(low, high)))
        if met:
            yield piece, met


def _projector_tiles(
    sources: list[tuple[slice, Any]],
    targets: list[tuple[Any, list[Meeting]]],
    size: tuple[int, int],
    starts: Sequence[int],
    ops: Ops,
    buffers: Buffers,
) -> Any:
    """The part of K from the rows of the projectors in the tiles that begin at `starts`."""
    like = sources[0][1]

    def make(numbers: int) -> Any:
        return ops.empty((numbers,), like)

    beside, diagonal = _tiles(starts, like.shape[-1], ops.tile)
    together = [beside] if len(starts) > 1 else [[tile] for tile in beside]
    part = ops.zeros(size, like)
    for step in (*together, diagonal):
        if step is diagonal:  # tiles right of the diagonal stand for those below it too
            ops.scale(part, 2.0)
        area = sum(_area(tile) for tile in step)
        x = buffers.flat("x", size[0] * area, make).reshape(-1, area)
        for at, piece in sources:
            _form(piece, step, x[at], ops)
        for piece, met in targets:
            y = buffers.flat("y", len(piece) * area, make).reshape(-1, area)
            _form(piece, step, y, ops)
            for here, there, columns in met:
                ops.add_product(x[here], y[there], part[here, columns])
    return part


def _tiles(starts: Sequence[int], d: int, tile: tuple[int, int]) -> tuple[list[Tile], list[Tile]]:
    """The tiles right of the diagonal, and those on it."""
    height, width = tile
    rows = [slice(start, min(start + height, d)) for start in starts]
    beside = [
        (here, slice(left, min(left + width, d)))
        for here in rows
        for left in range(here.stop, d, width)
    ]
    return beside, [(here, here) for here in rows]


def _area(tile: Tile) -> int:
    rows, columns = tile
    return int((rows.stop - rows.start) * (columns.stop - columns.start))


def _form(piece: Any, tiles: Sequence[Tile], out: Any, ops: Ops) -> None:
    """Tiles of the projectors of a piece, side by side in the rows of `out`."""
    end = 0
    for tile in tiles:
        start, end = end, end + _area(tile)
        formed = out[:, start:end].reshape(len(piece), tile[0].stop - tile[0].start, -1)  # a view
        ops.batched(piece[..., tile[0]], piece[..., tile[1]], formed)


def _block_rows(u: Any, v: Any, blocks: Sequence[Block], room: int) -> Iterator[Block]:
    """The blocks, cut into one source each, or into as many as there is room for."""
    for sources, targets in blocks:
        met = _range(sources, len(u))
        one = len(_range(targets, len(v))) * v.shape[1] * u.shape[1] * u.itemsize
        many = max(1, room // max(1, 2 * one))  # a product and its squares
        for first in met[::many]:
            yield slice(first, min(first + many, met.stop)), targets


def _block_row(u: Any, v: Any) -> Any:
    """Some sources, n x m x d, with targets, k x m' x d, from X^T Y itself."""
    if len(u) == 1:
        product = v.reshape(-1, v.shape[2]) @ u[0].T  # (k m') x m
        return (product * product).reshape(v.shape[0], -1).sum(-1)
    product = u.reshape(-1, u.shape[2]) @ v.reshape(-1, v.shape[2]).T  # (n m) x (k m')
    squares = (product * product).reshape(len(u), u.shape[1], len(v), -1)
    return squares.sum((1, 3))
