"""Families: the files in `families` that describe where models keep their attention matrices.

A family file names the model types, the configuration keys that give the sizes, the tensors of a
layer with the roles in each (`families.layout`), the norm before attention, and refused settings.
docs/reference/families.md explains each key. `families.catalogue` reads the files.
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from headgraph.base.names import ROLES
from headgraph.pk_engine.models.config import (
    Refusals,
    layer_of,
    settings_of,
    shape_of,
    sizes_of,
    value_of,
)
from headgraph.pk_engine.models.embedding import EmbeddingSpec
from headgraph.pk_engine.models.families.class_defaults import class_defaults
from headgraph.pk_engine.models.families.layout import GATE, Latent, TensorSpec, Through
from headgraph.pk_engine.models.folding import Norm
from headgraph.pk_engine.models.kinds import Layers, Place
from headgraph.pk_engine.models.shape import LayerShape, ModelShape

NEEDED = ("n_layers", "n_heads", "d_model")
REQUIRED = {"model_types", "prefixes", "config", "tensors"}
KEYS = {"model_types", "recognised_by", "note", "prefixes", "nested", "config", "defaults",
        "refuse", "require", "handles", "norm", "tensors", "layers", "embedding", "renamed",
        "variants"}  # fmt: skip
_NAMES = ("name", "latent", "norm", "through")
"""Keys of names of tensors in tables of tensors, latent vectors and norms."""
CONDITIONS = ("when", "has", "differ", "tensor")
"""Keys of a variant that say where it applies."""
OF_KIND = ("config", "norm", "tensors")
"""What a kind of layers can have other than its family."""


@dataclass(frozen=True)
class Family:
    """A family file, read.

    Attributes:
        name: the file's name.
        model_types, recognised_by: `model_type` in config.json, or keys of a
            configuration that has none.
        note: a remark for those who read the scores.
        prefixes: possible prefixes of tensor names, tried in order.
        nested: configuration key that holds the language model's settings, where there is one.
        config, defaults: size -> configuration keys or a number; key -> value where it is absent.
        refusals: keys that must be empty, or must have known values; without those that all
            families refuse and this one handles.
        layers: the kinds of layers; None where all layers are alike.
        norm, tensors: the norm before attention and the tensors of a layer.
        embedding: where the token embedding is; None where the file does not say.
        variants: changes that apply for some configuration values or tensors.
    """

    name: str
    model_types: tuple[str, ...]
    prefixes: tuple[str, ...]
    config: Mapping[str, Any]
    norm: Norm
    tensors: tuple[TensorSpec, ...]
    recognised_by: tuple[str, ...] = ()
    note: str = ""
    nested: str | None = None
    defaults: Mapping[str, Any] = field(default_factory=dict)
    refusals: Refusals = field(default_factory=Refusals)
    layers: Layers | None = None
    embedding: EmbeddingSpec | None = None
    variants: tuple[Mapping[str, Any], ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def shape(self, config: Mapping[str, Any]) -> ModelShape:
        """The model's sizes from its configuration alone.

        Raises:
            ModelError: a key is missing or not a positive integer, heads cannot share key/value
                heads evenly, or the configuration asks for something the family refuses.
        """
        settings = self.settings(config)
        self.refusals.check({**config, **settings}, self.name)
        family = self.for_model(config)
        first = family.layers.first(settings) if family.layers else settings
        sizes = sizes_of(first, family.config)
        if family.layers is None and sizes["d_value"] == sizes["d_head"] and not family._sized:
            return shape_of(settings, family.config)
        places = [Place("", number, f"L{number}") for number in range(sizes["n_layers"])]
        if family.layers is not None:
            places = family.layers.of_model(settings, sizes["n_layers"], self.name)
        layers = tuple(family._layers_of(settings, places))
        shape = ModelShape.of_layers(len(places), layers)
        return family._plain(shape) or shape

    def _layers_of(
        self, settings: Mapping[str, Any], places: Sequence[Place]
    ) -> Iterator[LayerShape]:
        """The layers that have heads, with their sizes."""
        shared = {} if self.layers is None else self.layers.shared(settings, places)
        for index, place in enumerate(places):
            if self.layers is None:
                sizes = sizes_of(settings, self.config)
                yield layer_of(sizes, index, name=place.name, number=place.number)
            elif self.has_heads(place.kind):
                own = self.layers.settings_of(settings, index, place.stage)
                sizes = sizes_of(own, self.of_kind(place.kind).config)
                streams = self.layers.streams(place, shared=index in shared)
                more = place._asdict() | {"streams": streams, "source": shared.get(index)}
                yield layer_of(sizes, index, **more)

    def _plain(self, shape: ModelShape) -> ModelShape | None:
        """The shape without a list of layers, if all layers are what the family says."""
        own = [self.layers.kinds[layer.kind] for layer in shape.layers] if self.layers else []
        if self._sized or any(
            key in kind for kind in own for key in ("norm", "renamed", "tensors")
        ):
            return None
        plain = replace(shape, unequal=())
        named = tuple(replace(layer, kind="", sizes={}) for layer in shape.layers)
        return plain if named == plain.layers else None

    @property
    def _sized(self) -> bool:
        """Whether tensors have sizes other than those of heads and of the residual stream."""
        return any(
            spec.latent or spec.groups or (spec.through and spec.through.groups)
            for spec in self.tensors
        )

    def has_heads(self, kind: str) -> bool:
        """Whether layers of a kind have attention heads."""
        return self.layers is None or "without" not in self.layers.kinds[kind]

    def of_kind(self, kind: str) -> "Family":
        """The family with what layers of this kind have; itself where all layers are alike."""
        return self._kinds[kind] if kind else self

    @cached_property
    def _kinds(self) -> dict[str, "Family"]:
        kinds = {} if self.layers is None else self.layers.kinds
        return {
            kind: build(self.name, _of_kind(self.data, data))
            for kind, data in kinds.items()
            if "without" not in data
        }

    def tensor_names(self) -> list[str]:
        """The names of all matrices read, in any variant and any kind of layer."""
        names: dict[str, None] = {}
        for variant in ({}, *self.variants):
            family = build(self.name, merge(self.data, variant))
            for kind in family._kinds or [""]:
                for spec in family.of_kind(kind).tensors:
                    names[spec.name] = None
                    for further in (spec.latent, spec.through):
                        if further:
                            names[further.name] = None
        return list(names)

    def stored(self, layer: LayerShape) -> dict[str, tuple[int, ...]]:
        """The tensors of a layer, with {layer} in their names -> their shapes.

        Without those of keys and values that it uses of another layer.
        """
        specs = [spec for spec in self.of_kind(layer.kind).tensors if spec.holder(layer) is layer]
        return {name: shape for spec in specs for name, shape in spec.stored(layer).items()}

    def settings(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """The language model's part of a configuration, with defaults for absent keys.

        Depth, heads and width have none: a whole model's configuration that lacks them is damaged.
        """
        needed = {key for size in NEEDED for key in self.config.get(size, ())}
        usual = class_defaults(config.get("model_type"))
        known = {key: value for key, value in usual.items() if key not in needed}
        return settings_of(config, self.nested, dict(self.defaults) | known)

    def flat(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """A configuration with the keys of the language model's part in the place of its own."""
        return {**config, **settings_of(config, self.nested, {})}

    def for_model(self, config: Mapping[str, Any], tensors: Container[str] = ()) -> "Family":
        """The family with the variants that apply to a configuration and its tensors."""
        settings = self.settings(config)
        data = self.data
        for variant in self.variants:
            if _applies(variant, settings, tensors, self.prefixes):
                data = merge(data, variant)
        return self if data is self.data else build(self.name, data)


def _applies(
    variant: Mapping[str, Any],
    settings: Mapping[str, Any],
    tensors: Container[str],
    prefixes: Iterable[str],
) -> bool:
    wanted = variant.get("tensor")
    if wanted is not None and not any(prefix + wanted in tensors for prefix in prefixes):
        return False
    if variant.get("has") is not None and not settings.get(variant["has"]):
        return False
    if "differ" in variant and len({value_of(settings, [key]) for key in variant["differ"]}) == 1:
        return False
    return all(
        value_of(settings, keys.split(" or ")) in (value if isinstance(value, list) else [value])
        for keys, value in variant.get("when", {}).items()
    )


def merge(data: Mapping[str, Any], variant: Mapping[str, Any]) -> dict[str, Any]:
    """Merge the tables of a variant, and tables in them; its other values replace the family's."""
    changes = {key: value for key, value in variant.items() if key not in CONDITIONS}
    return {**data} | {
        key: merge(data.get(key, {}), value) if isinstance(value, dict) else value
        for key, value in changes.items()
    }


def build(name: str, data: Mapping[str, Any]) -> Family:
    """A family from the data of its file.

    Raises:
        ValueError, KeyError, TypeError, AttributeError: the data are not those of a family.
    """
    if unknown := sorted(data.keys() - KEYS):
        raise ValueError(f"unknown keys {unknown}")
    if missing := sorted(REQUIRED - data.keys()):
        raise ValueError(f"lacks {missing}")
    named = _renamed(data)
    tensors = tuple(map(_tensor, named["tensors"]))
    roles = sorted(role for spec in tensors for role in spec.roles if role != GATE)
    if roles != sorted(ROLES):
        raise ValueError(f"the tensors have the roles {roles}: expected Q, K, V and O, each once")
    return Family(
        name=name,
        model_types=tuple(data["model_types"]),
        prefixes=tuple(data["prefixes"]),
        config=data["config"],
        norm=Norm(**named["norm"]),
        tensors=tensors,
        recognised_by=tuple(data.get("recognised_by", ())),
        note=data.get("note", ""),
        nested=data.get("nested"),
        defaults=data.get("defaults", {}),
        refusals=Refusals(*(_unhandled(data, rules) for rules in ("refuse", "require"))),
        layers=Layers.from_data(data["layers"]) if "layers" in data else None,
        embedding=EmbeddingSpec.from_data(named["embedding"]) if "embedding" in data else None,
        variants=tuple(data.get("variants", ())),
        data={key: value for key, value in data.items() if key != "variants"},
    )


def _of_kind(family: Mapping[str, Any], kind: Mapping[str, Any]) -> dict[str, Any]:
    """The data of a family with what layers of one kind have."""
    merged = merge(family, {key: kind[key] for key in OF_KIND if key in kind})
    return merged | {"renamed": merged.get("renamed", {}) | kind.get("renamed", {})}


def _renamed(data: Mapping[str, Any]) -> dict[str, Any]:
    """The tables of a family that hold names of tensors, with parts of the names replaced."""

    def changed(table: Mapping[str, Any]) -> dict[str, Any]:
        return {key: name(value) if key in _NAMES else value for key, value in table.items()}

    def name(value: Any) -> Any:
        if isinstance(value, str):
            for old, new in data.get("renamed", {}).items():
                value = value.replace(old, new)
        return changed(value) if isinstance(value, dict) else value

    return {
        "tensors": [changed(tensor) for tensor in data["tensors"]],
        "norm": changed(data.get("norm", {"kind": "none"})),
        "embedding": changed(data.get("embedding", {})),
    }


def _tensor(data: Mapping[str, Any]) -> TensorSpec:
    latent = Latent(**data["latent"]) if "latent" in data else None
    through = Through(**data["through"]) if "through" in data else None
    roles, groups = tuple(data["roles"]), data.get("groups")
    return TensorSpec(data["name"], roles, data["layout"], latent, through, groups)


def _unhandled(data: Mapping[str, Any], rules: str) -> dict[str, Any]:
    handles = data.get("handles", ())
    return {key: rule for key, rule in data.get(rules, {}).items() if key not in handles}
