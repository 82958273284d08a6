"""Layouts: how a stored matrix splits into heads, in the notation of the family files.

A layout names a stored tensor's axes in stored order. Axes in parentheses share one stored axis,
and the last one varies fastest:

    d       the residual stream
    head    heads; key/value heads where the role is K or V
    m       within a head
    role    the roles in this tensor in order, each with its own number of heads
    group   a key/value head and the query heads that share it
    4       a number of blocks, each with its share of the heads
    half    the first half of the dimensions of each head, then the second
    expert  the query heads that share a key/value head, one in each expert

`d (head m)` is d rows, and columns with the first head's m, then the next head's. `(role head m) d`
is all of Q, then all of K, then all of V. `(head role m) d` is the first head's q, k, v, then the
next head's. `(group role head m) d` is the first group's query heads, its key, its value, then the
next group's. `(4 role head m) d` is the first quarter of the heads of each role, then the next
quarter. `head d m` is three axes. `(half head m) d` is half of each head, then the other half.
`expert (head m) d` is a query head for each key/value head, of the first expert, then of the next.

Where heads read a small latent vector in the place of the residual stream, d is the latent vector
(`Latent`).
"""

import re
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headgraph.base.names import ROLES
from headgraph.pk_engine.errors import ModelError
from headgraph.pk_engine.models.shape import LayerShape, ModelShape, Sizes

GATE = "gate"
"""In the place of a role: what gates a query head's output. It is stored as the query is, and not
scored."""
ORDERS = ("head m", "role head m", "head role m", "group role head m", "half head m",
          "expert head m")  # fmt: skip
"""Orders of the axes other than `d`."""


@dataclass(frozen=True)
class Latent:
    """A small vector that heads read in the place of the residual stream x: diag(g) W x / rms.

    Attributes:
        name: the tensor W, (latent + extra) x d.
        norm: the tensor g; None where there is no norm.
        size: name of the latent vector's size in the family file's `config`.
        extra: name of the size of further rows of W, which all heads' keys read as they are.
    """

    name: str
    size: str
    norm: str | None = None
    extra: str | None = None

    def stored(self, layer: LayerShape) -> dict[str, tuple[int, ...]]:
        """The tensors that it is made of -> their shapes."""
        rows = layer.sizes[self.size] + (layer.sizes[self.extra] if self.extra else 0)
        shapes: dict[str, tuple[int, ...]] = {self.name: (rows, layer.d_model)}
        return shapes | ({self.norm: (layer.sizes[self.size],)} if self.norm else {})


@dataclass(frozen=True)
class Through:
    """A second matrix between heads and the residual stream: O_h = B_g A_h, g the head's group.

    A is (group rank) x (heads of a group, m) and B is d x (group rank).

    Attributes:
        name: the tensor B.
        groups, rank: names of their sizes in the family file's `config`; without them, there is one
            group, and the rank is d.
    """

    name: str
    groups: str | None = None
    rank: str | None = None

    def _sizes(self, layer: LayerShape) -> tuple[int, int]:
        return (
            layer.sizes[self.groups] if self.groups else 1,
            layer.sizes[self.rank] if self.rank else layer.d_model,
        )

    def stored(self, layer: LayerShape) -> tuple[tuple[int, int], tuple[int, int]]:
        """The shapes of A and B."""
        groups, rank = self._sizes(layer)
        if layer.n_heads % groups:
            raise ModelError(
                f"config.json has {layer.n_heads} heads, which write in {groups} groups: expected "
                f"a multiple of {groups}"
            )
        width = layer.n_heads // groups * layer.width_of("O")
        return (groups * rank, width), (layer.d_model, groups * rank)

    def product(
        self, inner: NDArray[Any], outer: NDArray[Any], layer: LayerShape
    ) -> NDArray[np.float32]:
        """O as heads x d x m, of A and B."""
        groups, rank = self._sizes(layer)
        a = np.asarray(inner, np.float32).reshape(groups, rank, -1, layer.width_of("O"))
        b = np.asarray(outer, np.float32).reshape(layer.d_model, groups, rank)
        # d group rank, group rank head m -> group head d m
        made = b.transpose(1, 0, 2)[:, None] @ a.transpose(0, 2, 1, 3)
        found: NDArray[np.float32] = made.reshape(layer.n_heads, layer.d_model, -1)
        return found


@dataclass(frozen=True)
class TensorSpec:
    """One stored matrix of a layer: its name, the roles in it, and how it splits into heads.

    `groups` names a size in the family file's `config`, where a convolution of kernel 1 stands for
    the matrix: each group of its rows has a share of the columns, and the others are zero.

    Raises:
        ValueError: the layout is invalid, or does not suit the roles.
    """

    name: str
    roles: tuple[str, ...]
    layout: str
    latent: Latent | None = None
    through: Through | None = None
    groups: str | None = None

    def __post_init__(self) -> None:
        if not self.roles or any(role not in (*ROLES, GATE) for role in self.roles):
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

    def holder(self, layer: LayerShape) -> LayerShape:
        """The layer whose tensors hold this matrix: another one, if it has the keys and values."""
        if layer.source is None or not {"K", "V"}.issuperset(self.roles):
            return layer
        return replace(layer, number=layer.source)

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

    def stored_shape(self, shape: Sizes) -> tuple[int, ...]:
        """The shape that the file must have."""
        inner = self._inside(shape)
        columns = sum(prod(_counted(inner, role)) for role in self.roles)
        m = _counted(inner, self.roles[0])[1] if ("m",) in self.axes else 1  # else in the columns
        experts = inner.group_size if "expert" in self.layout else 1
        sizes = {"d": inner.d_model, "m": m, "expert": experts, "head": columns // m // experts}
        stored = tuple(prod(sizes.get(axis, 1) for axis in stored) for stored in self.axes)
        groups = inner.sizes[self.groups] if self.groups else 1
        return (stored[0], stored[1] // groups, 1) if self.groups else stored

    def stored(self, shape: LayerShape) -> dict[str, tuple[int, ...]]:
        """The names of the tensors to read -> their shapes, with those of the latent vector."""
        latent = self.latent.stored(shape) if self.latent else {}
        if self.through is not None:
            inner, outer = self.through.stored(shape)
            return {self.name: inner, self.through.name: outer}
        return {self.name: self.stored_shape(shape)} | latent

    def split(self, stored: NDArray[Any], shape: Sizes) -> dict[str, NDArray[Any]]:
        """Role -> heads x d x width, as a view of the stored matrix where possible.

        Raises:
            ModelError: the layout has a key and value for each head, and the model shares them.
        """
        inner = self._inside(shape)
        if self.groups:
            stored = _ungrouped(stored[..., 0], inner.sizes[self.groups])
        groups, d = self._groups(inner), inner.d_model
        d_first = np.moveaxis(stored, self.axes.index(("d",)), 0)
        blocks = d_first.reshape(d, groups, -1)  # d x group x (heads m of each role)
        parts, start = {}, 0
        for role in self.roles:
            heads, width = _counted(inner, role)
            stop = start + heads // groups * width
            if role != GATE:
                parts[role] = self._by_head(blocks[:, :, start:stop], inner, role)
            start = stop
        return parts

    def _by_head(self, columns: NDArray[Any], shape: LayerShape, role: str) -> NDArray[Any]:
        """The columns of a role, in stored order, as heads x d x width."""
        heads, width = _counted(shape, role)
        if "half" in self.layout:
            halves = columns.reshape(len(columns), 2, heads, width // 2)
            return halves.transpose(2, 0, 1, 3).reshape(heads, len(columns), width)
        if "expert" in self.layout:
            experts = columns.reshape(len(columns), shape.group_size, -1, width)
            return experts.transpose(2, 1, 0, 3).reshape(heads, len(columns), width)
        return columns.reshape(len(columns), heads, width).transpose(1, 0, 2)

    def _inside(self, shape: Sizes) -> LayerShape:
        """The sizes of the stored matrix: those of the layer, or of its latent vector."""
        shape = shape.layers[0] if isinstance(shape, ModelShape) else shape
        if self.latent is None:
            return shape
        widths = dict(shape.widths)
        if self.latent.extra:
            widths["K"] -= shape.sizes[self.latent.extra]
        return replace(shape, d_model=shape.sizes[self.latent.size], widths=widths)

    def _groups(self, shape: LayerShape) -> int:
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
        if shape.n_kv_heads != shape.n_heads and not {"K", "V"}.isdisjoint(self.roles):
            raise ModelError(
                f"{self.name} holds each head's query, key and value, and config.json has "
                f"{shape.n_heads} heads with {shape.n_kv_heads} key/value heads"
            )
        return shape.n_heads


def _ungrouped(stored: NDArray[Any], groups: int) -> NDArray[Any]:
    """The matrix of a convolution in groups, with zeros for the columns of other groups."""
    rows, columns = len(stored) // groups, stored.shape[1]
    matrix = np.zeros((len(stored), groups * columns), stored.dtype)
    for group in range(groups):
        at = slice(group * rows, (group + 1) * rows)
        matrix[at, group * columns : (group + 1) * columns] = stored[at]
    return matrix


def _counted(shape: LayerShape, role: str) -> tuple[int, int]:
    """Heads of a role and their width; a gate has those of the queries."""
    role = "Q" if role == GATE else role
    return shape.heads_of(role), shape.width_of(role)
