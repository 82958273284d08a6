"""The shape of a model's attention: its layers with their heads, widths and residual streams."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from headgraph.base.errors import UnknownHead
from headgraph.base.names import ROLES, canonical_head, check_head, head_key, parse_head
from headgraph.base.text import listed, short

STREAM = "residual"
"""The residual stream of models that have one alone."""
NO_STREAM = "none"
"""In the place of a stream: the keys and values of a layer that uses those of another, where they
read it. No pair has them."""


@dataclass(frozen=True)
class LayerShape:
    """A layer that has attention heads.

    Attributes:
        index: its number, as tables count layers.
        d_model: dimension of the residual streams that it reads and writes.
        heads: role -> heads that have their own matrix of this role.
        widths: role -> dimension of a head.
        streams: role -> the residual stream that it reads (Q, K, V) or writes (O).
        name: as in the names of heads: `L3` in `L3H0`.
        number, stage: its number among the tensors' names, and that of its stage.
        kind: the kind of layer in the family file (`Layers`); empty where all are alike.
        sizes: further sizes, by their names in the family file.
        source: the number of the layer whose keys and values it uses; None where it has its own.
    """

    index: int
    d_model: int
    heads: Mapping[str, int]
    widths: Mapping[str, int]
    streams: Mapping[str, str] = field(default_factory=lambda: dict.fromkeys(ROLES, STREAM))
    name: str = ""
    number: int = 0
    stage: int = 0
    kind: str = ""
    sizes: Mapping[str, int] = field(default_factory=dict)
    source: int | None = None

    @property
    def n_heads(self) -> int:
        """Query heads."""
        return self.heads["Q"]

    @property
    def n_kv_heads(self) -> int:
        """Key/value heads."""
        return self.heads["K"]

    @property
    def group_size(self) -> int:
        """Query heads that share one key/value head."""
        return self.n_heads // self.n_kv_heads

    def heads_of(self, role: str) -> int:
        """Heads that have their own matrix of this role."""
        return self.heads[role]

    def width_of(self, role: str) -> int:
        """Dimension of a head in this role."""
        return self.widths[role]

    def rank_of(self, role: str) -> int:
        """The rank of a matrix of this role, where it is full."""
        return min(self.d_model, self.widths[role])

    def named(self, tensor: str) -> str:
        """A tensor's name: {layer} is its number, {pair} half, {twice} twice; {stage} its stage."""
        number = self.number
        return tensor.format(layer=number, stage=self.stage, pair=number // 2, twice=2 * number)


@dataclass(frozen=True)
class ModelShape:
    """Sizes of a model's attention.

    Attributes:
        n_layers: layers of the model, with heads or without.
        n_heads: query heads in each; the most, where layers differ.
        n_kv_heads: key/value heads in each layer; n_heads without grouped-query attention.
        d_model, d_head: dimensions of the residual stream and of a head; the largest.
        unequal: the layers that have heads, where layers or roles are not all alike; else empty.
    """

    n_layers: int
    n_heads: int
    n_kv_heads: int
    d_model: int
    d_head: int
    unequal: tuple[LayerShape, ...] = field(default=(), repr=False)

    @classmethod
    def of_layers(cls, n_layers: int, layers: tuple[LayerShape, ...]) -> "ModelShape":
        """The shape of a model of `n_layers` layers, of which these have heads."""
        return cls(
            n_layers,
            max(layer.n_heads for layer in layers),
            max(layer.n_kv_heads for layer in layers),
            max(layer.d_model for layer in layers),
            max(max(layer.widths.values()) for layer in layers),
            layers,
        )

    @cached_property
    def layers(self) -> tuple[LayerShape, ...]:
        """The layers that have heads, in order."""
        if self.unequal:
            return self.unequal
        heads = {role: self.heads_of(role) for role in ROLES}
        widths = dict.fromkeys(ROLES, self.d_head)
        first = LayerShape(0, self.d_model, heads, widths)
        return tuple(
            replace(first, index=layer, number=layer, name=f"L{layer}")
            for layer in range(self.n_layers)
        )

    @property
    def grouped(self) -> bool:
        """Whether query heads of some layer share key/value heads."""
        return any(layer.n_kv_heads < layer.n_heads for layer in self.layers)

    @property
    def widths_differ(self) -> bool:
        """Whether the residual streams of some layers are narrower than those of others."""
        return any(layer.d_model != self.d_model for layer in self.unequal)

    @cached_property
    def by_index(self) -> dict[int, LayerShape]:
        """The layers that have heads, by their number in tables."""
        return {layer.index: layer for layer in self.layers}

    def place_of(self, name: str, model: str) -> tuple[int, int]:
        """(layer, head) of a head's name, as tables count them.

        Raises:
            BadName: the text is not a head name.
            UnknownHead: the model has no such head.
        """
        title, _, head = canonical_head(name).partition("H")
        found = next((layer for layer in self.layers if layer.name == title), None)
        if found is None and head_key(name)[0] == 0:
            check_head(*parse_head(name), (self.n_layers, self.n_heads), model)
        if found is None or int(head) >= found.n_heads:
            names = [f"{it.name}H0 to {it.name}H{it.n_heads - 1}" for it in self.layers]
            raise UnknownHead(
                f"{short(model)} has no head {canonical_head(name)}: it has {listed(names, 4)}"
            )
        return found.index, int(head)

    def heads_of(self, role: str) -> int:
        """Heads per layer that have their own matrix of this role; the most in a layer."""
        return self.n_kv_heads if role in "KV" else self.n_heads

    def width_of(self, role: str) -> int:
        """Dimension of a head in this role; the largest, where layers differ."""
        return max(layer.width_of(role) for layer in self.layers)

    def rank_of(self, role: str) -> int:
        """The rank of a matrix of this role, where it is full; the largest."""
        return min(self.d_model, self.width_of(role))


Sizes = LayerShape | ModelShape
"""The sizes of a layer; those of a model whose layers are all alike stand for each of them."""
