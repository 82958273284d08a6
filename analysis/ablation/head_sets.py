"""Sets of heads: named, and drawn at random to compare them with."""

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from headgraph.base.names import check_head, head_name, parse_head

Heads = tuple[tuple[int, int], ...]
Shape = tuple[int, int]


def named_heads(names: str | Sequence[str], shape: Shape, model: str) -> Heads:
    """Heads from `L0H1,L1H5`, each once.

    Raises:
        BadName: a part is no head's name.
        UnknownHead: the model has no such head.
    """
    parts = names.split(",") if isinstance(names, str) else names
    heads = tuple(dict.fromkeys(parse_head(part) for part in parts if part.strip()))
    for layer, head in heads:
        check_head(layer, head, shape, model)
    return heads


def listed(heads: Heads) -> list[str]:
    """Their names, layer by layer."""
    return [head_name(*head) for head in sorted(heads)]


def draw(heads: Heads, shape: Shape, match_layers: bool, rng: np.random.Generator) -> Heads:
    """As many heads at random, without repetition; with `match_layers` as many in each layer."""
    layers, width = shape
    if not match_layers:
        chosen = rng.choice(layers * width, size=len(heads), replace=False)
        return tuple((int(number) // width, int(number) % width) for number in chosen)
    return tuple(
        (layer, int(head))
        for layer, n in sorted(_per_layer(heads).items())
        for head in rng.choice(width, size=n, replace=False)
    )


def possible(heads: Heads, shape: Shape, match_layers: bool) -> int:
    """How many sets `draw` can give."""
    layers, width = shape
    if not match_layers:
        return math.comb(layers * width, len(heads))
    return math.prod(math.comb(width, n) for n in _per_layer(heads).values())


def _per_layer(heads: Heads) -> Counter[int]:
    return Counter(layer for layer, _ in heads)
