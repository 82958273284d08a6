"""Which layers are in memory together: all where they fit, else the cheapest blocks that do."""

from dataclasses import dataclass

from headgraph.pk_engine.models.layout import ModelShape
from headgraph.pk_engine.scoring.layer_order import any_pair

MEMORY = 2.0
"""Gigabytes that factors may take by default; a run takes about one more."""


@dataclass(frozen=True)
class Group:
    """Source layers and target layers that are compared while both are in memory."""

    sources: range
    targets: range


def layer_groups(
    shape: ModelShape,
    source_roles: str,
    target_roles: str,
    layer_order: str,
    *,
    bytes_per_value: int,
    memory: float = MEMORY,
) -> list[Group]:
    """Groups that cover all pairs of layers of a layer order, each pair of layers once.

    Where the factors of all roles fit into `memory` gigabytes there is one group of all layers.
    Otherwise sizes are chosen that need the fewest operations for forming projectors, which each
    group does anew for its heads. Groups with the same targets follow one another.

    Args:
        shape: the model's sizes.
        source_roles: whose factors the sources need.
        target_roles: whose factors the targets need.
        layer_order: as in `pk_engine.compute`.
        bytes_per_value: of one number, times the kinds of factors that are held.
        memory: gigabytes.
    """
    layers = shape.n_layers
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
    ] or [(1, 1)]  # less memory than two layers take: as little as can be

    def cost(sizes: tuple[int, int]) -> int:
        read, made = _formed(layers, *sizes, layer_order)
        return read * source + made * target

    return _cut(layers, *min(fitting, key=cost), layer_order)


def _formed(layers: int, sources: int, targets: int, layer_order: str) -> tuple[int, int]:
    """Source layers and target layers of all groups that `_cut` makes, without making them."""
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
