"""Which heads meet which: the layer order, as blocks for the kernel and as a mask for the rows."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headgraph.base.text import quoted
from headgraph.pk_engine.errors import EngineError
from headgraph.pk_engine.linalg.kernel import Block

ORDERS = ("forward", "all", "within")


def check_order(order: str) -> str:
    """The layer order, if it is one.

    Raises:
        EngineError: it is none.
    """
    if order not in ORDERS:
        raise EngineError(f"unknown layer order {quoted(order)}: expected {', '.join(ORDERS)}")
    return order


def layer_blocks(
    sources: range, targets: range, source_heads: int, target_heads: int, order: str
) -> list[Block]:
    """Blocks that cover a layer order among some layers.

    Args:
        sources: layers of the sources' stack.
        targets: layers of the targets' stack.
        source_heads: heads per layer in the first.
        target_heads: heads per layer in the second.
        order: `forward`, `all` or `within`; a block per target layer for the first and the last.
    """
    if order == "all":
        return [(slice(0, len(sources) * source_heads), slice(0, len(targets) * target_heads))]
    blocks = []
    for layer in targets:
        lowest = max(layer, sources.start) if order == "within" else sources.start
        highest = min(layer + (order == "within"), sources.stop)
        if lowest < highest:
            meets = _heads(lowest, highest, sources, source_heads)
            blocks.append((meets, _heads(layer, layer + 1, targets, target_heads)))
    return blocks


def pairs_of(
    sources: range,
    targets: range,
    source_heads: int,
    target_heads: int,
    order: str,
    *,
    same_role: bool = False,
) -> NDArray[np.bool_]:
    """Mask of the pairs that a layer order scores, all source heads x all target heads.

    `forward`: the source's layer is before the target's. `within`: one layer. `all`: any layers.
    Two heads compared in the same role are one pair, whichever comes first: the source is then the
    earlier of the two, and a head is not compared with itself. Arguments as in `layer_blocks`.
    """
    i = np.arange(sources.start * source_heads, sources.stop * source_heads)[:, None]
    j = np.arange(targets.start * target_heads, targets.stop * target_heads)[None, :]
    a, b = i // source_heads, j // target_heads
    orders: dict[str, Any] = {"forward": a < b, "within": a == b, "all": (a >= 0) & (b >= 0)}
    mask: NDArray[np.bool_] = orders[order]
    return mask & (i < j) if same_role else mask


def any_pair(sources: range, targets: range, order: str) -> bool:
    """Whether some pair of these layers is scored."""
    if order == "forward":
        return len(sources) > 0 and len(targets) > 0 and sources[0] < targets[-1]
    first, last = max(sources.start, targets.start), min(sources.stop, targets.stop)
    return first < last if order == "within" else len(sources) > 0 and len(targets) > 0


def count_pairs(
    layers: int, source_heads: int, target_heads: int, order: str, *, same_role: bool = False
) -> int:
    """How many pairs `pairs_of` has for all layers, without making its mask."""
    if order == "forward":
        return layers * (layers - 1) // 2 * source_heads * target_heads
    if order == "within":
        met = target_heads - 1 if same_role else 2 * target_heads
        return layers * source_heads * met // 2
    sources, targets = layers * source_heads, layers * target_heads
    return sources * (targets - 1) // 2 if same_role else sources * targets


def _heads(first: int, last: int, layers: range, heads: int) -> slice:
    return slice((first - layers.start) * heads, (last - layers.start) * heads)
