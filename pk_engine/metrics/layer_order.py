"""Which pairs are scored: the layer order, and groups of layers that fit into memory together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headgraph.base.text import quoted
from headgraph.pk_engine.errors import EngineError
from headgraph.pk_engine.linalg.kernel import Block
from headgraph.pk_engine.models.shape import NO_STREAM, LayerShape, ModelShape

ORDERS = ("forward", "all", "within")


def check_order(order: str) -> str:
    """The layer order itself, once checked.

    Raises:
        EngineError: the name is not a layer order.
    """
    if order not in ORDERS:
        raise EngineError(f"unknown layer order {quoted(order)}: expected {', '.join(ORDERS)}")
    return order


def layer_blocks(
    sources: range, targets: range, source_heads: int, target_heads: int, order: str
) -> list[Block]:
    """Blocks for the kernel that cover the pairs of a layer order.

    Args:
        sources: layers of the sources' stack.
        targets: layers of the targets' stack.
        source_heads: heads per layer in the first.
        target_heads: heads per layer in the second.
        order: `forward`, `all`, `within`, or `apart`: any two different layers. `all` is one block,
            the others have one or two for each target layer.
    """
    if order == "all":
        return [(slice(0, len(sources) * source_heads), slice(0, len(targets) * target_heads))]
    blocks = []
    for layer in targets:
        for met in _met(layer, sources, order):
            if met:
                meets = _heads(met.start, met.stop, sources, source_heads)
                blocks.append((meets, _heads(layer, layer + 1, targets, target_heads)))
    return blocks


def _met(layer: int, sources: range, order: str) -> list[range]:
    """The source layers that a target layer is compared with."""
    before = range(sources.start, min(layer, sources.stop))
    after = range(max(layer + 1, sources.start), sources.stop)
    within = range(layer, layer + 1) if layer in sources else range(0)
    return {"forward": [before], "within": [within], "apart": [before, after]}[order]


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

    `forward`: the source's layer is before the target's; `backward`: after it. `within`: both are
    in one layer. `all`: any two layers. In a pairing of a role with itself (`same_role`), two heads
    are one pair, whose source is the earlier head, and a head is not compared with itself. The
    other arguments are those of `layer_blocks`.
    """
    i = np.arange(sources.start * source_heads, sources.stop * source_heads)[:, None]
    j = np.arange(targets.start * target_heads, targets.stop * target_heads)[None, :]
    a, b = i // source_heads, j // target_heads
    orders: dict[str, Any] = {
        "forward": lambda: a < b,
        "backward": lambda: a > b,
        "within": lambda: a == b,
        "all": lambda: (a >= 0) & (b >= 0),
    }
    mask: NDArray[np.bool_] = orders[order]()
    return mask & (i < j) if same_role else mask


def any_pair(sources: range, targets: range, order: str) -> bool:
    """Whether the layer order, or `apart`, has any pair of these layers."""
    if order == "apart":
        return len({*sources[:2], *targets[:2]}) > 1 and len(sources) > 0 and len(targets) > 0
    if order == "forward":
        return len(sources) > 0 and len(targets) > 0 and sources[0] < targets[-1]
    first, last = max(sources.start, targets.start), min(sources.stop, targets.stop)
    return first < last if order == "within" else len(sources) > 0 and len(targets) > 0


def count_pairs(
    layers: int, source_heads: int, target_heads: int, order: str, *, same_role: bool = False
) -> int:
    """The number of pairs in the mask of `pairs_of` for all layers, without the mask."""
    if order == "forward":
        return layers * (layers - 1) // 2 * source_heads * target_heads
    if order == "within":
        met = target_heads - 1 if same_role else 2 * target_heads
        return layers * source_heads * met // 2
    sources, targets = layers * source_heads, layers * target_heads
    return sources * (targets - 1) // 2 if same_role else sources * targets


def count_unequal(layers: Sequence[LayerShape], pairing: str, order: str, kv: str) -> int:
    """The pairs of a pairing that a layer order scores, where layers are not all alike.

    Args:
        layers: the layers that have heads, in order.
        pairing: source role, then target role.
        order: as in `pk_engine.compute`.
        kv: as in `pk_engine.compute`.
    """
    source, target = pairing[0], pairing[1]
    pairs = 0
    for at, layer in enumerate(layers):
        for other, reading in enumerate(layers):
            here = {"forward": at < other, "within": at == other, "all": True}[order]
            stream = layer.streams[source]
            if not here or stream != reading.streams[target] or stream == NO_STREAM:
                continue
            if source == target and at >= other:  # two heads are one pair
                heads = counted(layer, source, kv)
                pairs += heads * (heads - 1) // 2 if at == other else 0
                continue
            pairs += counted(layer, source, kv) * counted(reading, target, kv)
    return pairs


def counted(layer: LayerShape, role: str, kv: str) -> int:
    """Heads of a layer in a role, as a table counts them."""
    return layer.n_heads if kv == "expand" else layer.heads_of(role)


def _heads(first: int, last: int, layers: range, heads: int) -> slice:
    return slice((first - layers.start) * heads, (last - layers.start) * heads)


@dataclass(frozen=True)
class Group:
    """Source layers and target layers that are in memory together and compared.

    They are places in `shape.layers`.
    """

    sources: range
    targets: range


def layer_groups(
    shape: ModelShape,
    source_roles: str,
    target_roles: str,
    layer_order: str,
    *,
    bytes_per_value: int,
    memory: float,
) -> list[Group]:
    """Groups that cover each pair of layers of a layer order once; at least one group.

    If the factors of all roles fit into `memory` gigabytes, one group holds all layers. Otherwise
    the groups have the sizes for which forming projectors takes the fewest operations: each group
    forms those of its heads again. Groups with the same targets follow one another.

    Args:
        shape: the model's sizes.
        source_roles: roles of the sources' factors.
        target_roles: roles of the targets' factors.
        layer_order: as in `pk_engine.compute`, or `apart`, any two different layers.
        bytes_per_value: bytes of one number, times the kinds of factors.
        memory: gigabytes that the factors may take.
    """
    layers = len(shape.layers)
    per_head = shape.d_model * shape.d_head * bytes_per_value
    everything = sum(shape.heads_of(role) for role in {*source_roles, *target_roles})
    if layers * everything * per_head <= memory * 1e9:
        return [Group(range(layers), range(layers))]
    source, target = (sum(map(shape.heads_of, roles)) for roles in (source_roles, target_roles))
    fitting = [
        (s, t)
        for s in range(1, layers + 1)
        for t in range(1, layers + 1)
        if (s * source + t * target) * per_head <= memory * 1e9
    ] or [(1, 1)]  # two layers do not fit: take the least possible

    def cost(sizes: tuple[int, int]) -> int:
        read, made = _formed(layers, *sizes, layer_order)
        return read * source + made * target

    # a single layer may have no pair: its group gives the table its columns
    return _cut(layers, *min(fitting, key=cost), layer_order) or [Group(range(1), range(1))]


def into(groups: Sequence[Group], targets: range, layer_order: str) -> list[Group]:
    """The groups cut to some target layers, and to the source layers that these need.

    Args:
        groups: groups of a whole model.
        targets: places of target layers.
        layer_order: as for `layer_groups`.
    """
    found = []
    for group in groups:
        part = _common(group.targets, targets)
        needed = {"forward": range(part.stop), "within": part}.get(layer_order, group.sources)
        sources = _common(group.sources, needed)
        if sources and part:
            found.append(Group(sources, part))
    return found


def _common(one: range, other: range) -> range:
    return range(max(one.start, other.start), min(one.stop, other.stop))


def _formed(layers: int, sources: int, targets: int, layer_order: str) -> tuple[int, int]:
    """Total source layers and target layers of the groups of `_cut`, without the groups."""
    read = made = 0
    for start in range(0, layers, targets):
        stop = min(start + targets, layers)
        first = start // sources if layer_order == "within" else 0
        # the last layer that writes into the targets, and how many blocks lead up to it
        reach = {"forward": stop - 1, "within": stop}.get(layer_order, layers)
        last = -(-reach // sources)
        if last > first:
            read += min(last * sources, layers) - first * sources
            made += (last - first) * (stop - start)
    return read, made


def _cut(layers: int, sources: int, targets: int, layer_order: str) -> list[Group]:
    groups = [
        Group(range(s, min(s + sources, layers)), range(t, min(t + targets, layers)))
        for t in range(0, layers, targets)
        for s in range(0, layers, sources)
    ]
    return [group for group in groups if any_pair(group.sources, group.targets, layer_order)]
