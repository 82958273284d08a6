"""Layouts: how a stored matrix splits into heads, in the notation of the family files.

A layout names a stored tensor's axes in stored order. Axes in parentheses share one stored axis,
and the last one varies fastest:

    d       the residual stream
    head    heads; key/value heads where the role is K or V
    m       within a head
    role    the roles in this tensor in order, each with its own number of heads
    group   a key/value head and the query heads that share it
    4       a number of blocks, each with its share of the heads

`d (head m)` is d rows, and columns with the first head's m, then the next head's. `(role head m) d`
is all of Q, then all of K, then all of V. `(head role m) d` is the first head's q, k, v, then the
next head's. `(group role head m) d` is the first group's query heads, its key, its value, then the
next group's. `(4 role head m) d` is the first quarter of the heads of each role, then the next
quarter. `head d m` is three axes.
"""

import re
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headgraph.base.names import ROLES
from headgraph.pk_engine.errors import ModelError

ORDERS = ("head m", "role head m", "head role m", "group role head m")
"""Orders of the axes other than `d`."""


@dataclass(frozen=True)
class ModelShape:
    """Sizes of a model's attention.

    Attributes:
        n_layers, n_heads: layers, and query heads in each.
        n_kv_heads: key/value heads in each layer; n_heads without grouped-query attention.
        d_model, d_head: dimensions of the residual stream and of a head.
    """

    n_layers: int
    n_heads: int
    n_kv_heads: int
    d_model: int
    d_head: int

    def heads_of(self, role: str) -> int:
        """Heads per layer that have their own matrix of this role."""
        return self.n_kv_heads if role in "KV" else self.n_heads


@dataclass(frozen=True)
class TensorSpec:
    """One stored matrix of a layer: its name, the roles in it, and how it splits into heads.

    Raises:
        ValueError: the layout is invalid, or does not suit the roles.
    """

    name: str
    roles: tuple[str, ...]
    layout: str

    def __post_init__(self) -> None:
        if not self.roles or any(role not in ROLES for role in self.roles):
            raise ValueError(f"roles {list(self.roles)}: expected some of {', '.join(ROLES)}")
        order = " ".join(axis for axis in sum(self.axes, ()) if axis != "d")
        if self._blocks:
            order = order.removeprefix(f"{self._blocks} ") if "role" in order else self.layout
        if order not in ORDERS or ("d",) not in self.axes:
            raise ValueError(
                f"layout {self.layout!r}: expected d beside one of {', '.join(ORDERS)}"
            )
        if (len(self.roles) > 1) != ("role" in order):
            raise ValueError(f"layout {self.layout!r} does not suit the roles {list(self.roles)}")
        if "role" in order and len(self.axes) > 2:
            raise ValueError(f"layout {self.layout!r}: roles have unequal sizes, expected one axis")

    @property
    def axes(self) -> tuple[tuple[str, ...], ...]:
        """The stored axes, each with the axes that share it."""
        parts = re.findall(r"\(([^()]*)\)|([^\s()]+)", self.layout)
        return tuple(tuple((inside or alone).split()) for inside, alone in parts)

    @property
    def _blocks(self) -> int:
        """The number of blocks that the layout names, 0 where it names none."""
        found = re.search(r"\((\d+) ", self.layout)
        return int(found[1]) if found else 0

    def stored_shape(self, shape: ModelShape) -> tuple[int, ...]:
        """The shape that the file must have."""
        heads = sum(shape.heads_of(role) for role in self.roles)
        sizes = {"d": shape.d_model, "m": shape.d_head, "head": heads, "role": 1, "group": 1}
        return tuple(prod(sizes.get(axis, 1) for axis in stored) for stored in self.axes)

    def split(self, stored: NDArray[Any], shape: ModelShape) -> dict[str, NDArray[Any]]:
        """Role -> heads x d_model x d_head, as a view of the stored matrix where possible.

        Raises:
            ModelError: the layout has a key and value for each head, and the model shares them.
        """
        groups = self._groups(shape)
        d_first = np.moveaxis(stored, self.axes.index(("d",)), 0)
        blocks = d_first.reshape(shape.d_model, groups, -1, shape.d_head)  # d x group x heads x m
        parts, start = {}, 0
        for role in self.roles:
            heads = shape.heads_of(role)
            stop = start + heads // groups
            block = blocks[:, :, start:stop].reshape(shape.d_model, heads, shape.d_head)
            parts[role], start = block.transpose(1, 0, 2), stop
        return parts

    def _groups(self, shape: ModelShape) -> int:
        """How often the sequence of roles repeats."""
        if self._blocks:
            uneven = [role for role in self.roles if shape.heads_of(role) % self._blocks]
            if uneven:
                raise ModelError(
                    f"{self.name} holds its heads in {self._blocks} blocks, and config.json has "
                    f"{shape.n_heads} heads: expected a multiple of {self._blocks}"
                )
            return self._blocks
        if "(head role m)" not in self.layout:
            return shape.n_kv_heads if "group" in self.layout else 1
        if shape.n_kv_heads != shape.n_heads:
            raise ModelError(
                f"{self.name} holds each head's query, key and value, and config.json has "
                f"{shape.n_heads} heads with {shape.n_kv_heads} key/value heads"
            )
        return shape.n_heads
