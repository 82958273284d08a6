"""Which heads meet which: the layer order, as blocks for the kernel and as a mask for the rows."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pk_engine.errors import EngineError
from pk_engine.kernel import Block

ORDERS = ("forward", "all", "within")
GROUP = 5
"""Target layers per block: few enough to skip sources that are not earlier, enough to be a large
matrix product."""


def check_order(order: str) -> str:
    """The layer order, if it is one.

    Raises:
        EngineError: it is none.
    """
    if order not in ORDERS:
        raise EngineError(f"unknown layer order {order!r}: wanted {', '.join(ORDERS)}")
    return order


def layer_blocks(layers: int, sources: int, targets: int, order: str) -> list[Block]:
    """Blocks that cover a layer order, for `sources` and `targets` heads per layer.

    `forward` may fill a few pairs within a block that are not forward; `pairs_of` leaves them out.
    """
    if order == "all":
        return [(slice(0, layers * sources), slice(0, layers * targets))]
    step = 1 if order == "within" else GROUP
    groups = [(a, min(a + step, layers)) for a in range(order == "forward", layers, step)]
    return [
        (
            slice(a * sources if order == "within" else 0, (b - (order == "forward")) * sources),
            slice(a * targets, b * targets),
        )
        for a, b in groups
    ]


def pairs_of(
    layers: int, sources: int, targets: int, order: str, *, same_role: bool = False
) -> NDArray[np.bool_]:
    """Mask of the pairs that a layer order scores, (layers sources) x (layers targets).

    `forward`: the source's layer is before the target's. `within`: one layer. `all`: any layers.
    Two heads compared in the same role are one pair, whichever comes first: the source is then the
    earlier of the two, and a head is not compared with itself.
    """
    a = np.repeat(np.arange(layers), sources)[:, None]
    b = np.repeat(np.arange(layers), targets)[None, :]
    orders: dict[str, Any] = {"forward": a < b, "within": a == b, "all": (a >= 0) & (b >= 0)}
    mask: NDArray[np.bool_] = orders[order]
    return np.triu(mask, k=1) if same_role else mask
