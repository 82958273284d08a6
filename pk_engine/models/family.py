"""Families: the files in `families` that describe where models keep their attention matrices.

A family file names the model types, the configuration keys that give the sizes, the tensors of a
layer with the roles in each (`pk_engine.models.layout`), the norm before attention, and refused
settings. docs/reference/families.md explains each key. `_every.toml` holds what all refuse.
"""

import json
import tomllib
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from headgraph.base.names import ROLES
from headgraph.base.spelling import argument
from headgraph.base.text import quoted
from headgraph.pk_engine.errors import ModelError, UnknownFamily
from headgraph.pk_engine.models.config import (
    Refusals,
    layer_of,
    settings_of,
    shape_of,
    sizes_of,
    value_of,
)
from headgraph.pk_engine.models.embedding import EmbeddingSpec
from headgraph.pk_engine.models.kinds import Layers
from headgraph.pk_engine.models.layout import GATE, Latent, LayerShape, ModelShape, TensorSpec

__all__ = ["Family", "ModelShape", "Norm", "TensorSpec", "families", "family_of", "read_family"]

FOLDER = Path(__file__).parent / "families"
EVERY = "_every.toml"
KINDS = ("LayerNorm", "RMSNorm", "none")
NEEDED = ("n_layers", "n_heads", "d_model")
REQUIRED = {"model_types", "prefixes", "config", "tensors"}
KEYS = {"model_types", "recognised_by", "note", "prefixes", "nested", "config", "defaults",
        "refuse", "require", "handles", "norm", "tensors", "layers", "embedding",
        "variants"}  # fmt: skip
CONDITIONS = ("when", "has", "differ", "tensor")
"""Keys of a variant that say where it applies."""
OF_KIND = ("config", "norm", "tensors")
"""What a kind of layers can have other than its family."""


@dataclass(frozen=True)
class Norm:
    """The norm whose output a layer's Q, K and V read.

    Attributes:
        kind: LayerNorm (subtracts the mean), RMSNorm, or none.
        name: tensor with its scale; None where it has none.
        offset: added to the stored scale; 1 for Gemma.
        follows: the reason, where no norm stands before attention.
        first: the first layer that has the norm; the layers before read the residual stream itself.
    """

    kind: str
    name: str | None = None
    offset: float = 0
    follows: str | None = None
    first: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"norm kind {self.kind!r}: expected one of {', '.join(KINDS)}")


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
        sizes = sizes_of(settings, family.config)
        if family.layers is None and sizes["d_value"] == sizes["d_head"] and not family._latent:
            return shape_of(settings, family.config)
        kinds = [("", number, f"L{number}") for number in range(sizes["n_layers"])]
        if family.layers is not None:
            kinds = family.layers.of_model(settings, sizes["n_layers"], self.name)
        layers = tuple(family._layers_of(settings, kinds))
        shape = ModelShape.of_layers(len(kinds), layers)
        return family._plain(shape) or shape

    def _layers_of(
        self, settings: Mapping[str, Any], kinds: Iterable[tuple[str, int, str]]
    ) -> Iterator[LayerShape]:
        """The layers that have heads, with their sizes."""
        for index, (kind, number, title) in enumerate(kinds):
            if self.layers is None:
                sizes = sizes_of(settings, self.config)
                yield layer_of(sizes, index, name=title, number=number)
            elif self.has_heads(kind):
                own = self.layers.settings_of(settings, index)
                sizes = sizes_of(own, self.of_kind(kind).config)
                more: dict[str, Any] = {"name": title, "number": number, "kind": kind}
                yield layer_of(sizes, index, **more, streams=self.layers.streams(kind))

    def _plain(self, shape: ModelShape) -> ModelShape | None:
        """The shape without a list of layers, if all layers are what the family says."""
        own = [self.layers.kinds[layer.kind] for layer in shape.layers] if self.layers else []
        if self._latent or any(
            key in kind for kind in own for key in ("norm", "renamed", "tensors")
        ):
            return None
        plain = replace(shape, unequal=())
        named = tuple(replace(layer, kind="", sizes={}) for layer in shape.layers)
        return plain if named == plain.layers else None

    @property
    def _latent(self) -> bool:
        return any(spec.latent for spec in self.tensors)

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
            kind: _build(self.name, _of_kind(self.data, data))
            for kind, data in kinds.items()
            if "without" not in data
        }

    def tensor_names(self) -> list[str]:
        """The names of all matrices read, in any variant and any kind of layer."""
        names: dict[str, None] = {}
        for variant in ({}, *self.variants):
            family = _build(self.name, _merge(self.data, variant))
            for kind in family._kinds or [""]:
                for spec in family.of_kind(kind).tensors:
                    names[spec.name] = None
                    if spec.latent:
                        names[spec.latent.name] = None
        return list(names)

    def stored(self, layer: LayerShape) -> dict[str, tuple[int, ...]]:
        """The tensors of a layer, with {layer} in their names -> their shapes."""
        specs = self.of_kind(layer.kind).tensors
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
                data = _merge(data, variant)
        return self if data is self.data else _build(self.name, data)


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


def _merge(data: Mapping[str, Any], variant: Mapping[str, Any]) -> dict[str, Any]:
    """Merge the tables of a variant, and tables in them; its other values replace the family's."""
    changes = {key: value for key, value in variant.items() if key not in CONDITIONS}
    return {**data} | {
        key: _merge(data.get(key, {}), value) if isinstance(value, dict) else value
        for key, value in changes.items()
    }


def _build(name: str, data: Mapping[str, Any]) -> Family:
    if unknown := sorted(data.keys() - KEYS):
        raise ValueError(f"unknown keys {unknown}")
    if missing := sorted(REQUIRED - data.keys()):
        raise ValueError(f"lacks {missing}")
    tensors = tuple(map(_tensor, data["tensors"]))
    roles = sorted(role for spec in tensors for role in spec.roles if role != GATE)
    if roles != sorted(ROLES):
        raise ValueError(f"the tensors have the roles {roles}: expected Q, K, V and O, each once")
    return Family(
        name=name,
        model_types=tuple(data["model_types"]),
        prefixes=tuple(data["prefixes"]),
        config=data["config"],
        norm=Norm(**data.get("norm", {"kind": "none"})),
        tensors=tensors,
        recognised_by=tuple(data.get("recognised_by", ())),
        note=data.get("note", ""),
        nested=data.get("nested"),
        defaults=data.get("defaults", {}),
        refusals=Refusals(*(_unhandled(data, rules) for rules in ("refuse", "require"))),
        layers=Layers.from_data(data["layers"]) if "layers" in data else None,
        embedding=EmbeddingSpec.from_data(data["embedding"]) if "embedding" in data else None,
        variants=tuple(data.get("variants", ())),
        data={key: value for key, value in data.items() if key != "variants"},
    )


def _of_kind(family: Mapping[str, Any], kind: Mapping[str, Any]) -> dict[str, Any]:
    """The data of a family with what layers of one kind have."""
    merged = _merge(family, {key: kind[key] for key in OF_KIND if key in kind})

    def renamed(name: str) -> str:
        for old, new in kind.get("renamed", {}).items():
            name = name.replace(old, new)
        return name

    tensors = [{**tensor, "name": renamed(tensor["name"])} for tensor in merged["tensors"]]
    norm = dict(merged.get("norm", {"kind": "none"}))
    if "name" in norm:
        norm["name"] = renamed(norm["name"])
    return merged | {"tensors": tensors, "norm": norm}


def _tensor(data: Mapping[str, Any]) -> TensorSpec:
    latent = Latent(**data["latent"]) if "latent" in data else None
    return TensorSpec(data["name"], tuple(data["roles"]), data["layout"], latent)


def _unhandled(data: Mapping[str, Any], rules: str) -> dict[str, Any]:
    handles = data.get("handles", ())
    return {key: rule for key, rule in data.get(rules, {}).items() if key not in handles}


def read_family(path: Path) -> Family:
    """Read one family file.

    Raises:
        ModelError: the file is not TOML, lacks something or has unknown keys; the message names it.
    """
    try:
        data, common = tomllib.loads(path.read_text("utf-8")), _common(path.parent / EVERY)
        family = _build(path.stem, _merge(common, data))
        _ = family._kinds  # a mistake in a kind shows here
        for (
            variant
        ) in family.variants:  # a mistake in a variant shows here, not when a model needs it
            _build(family.name, _merge(family.data, variant))
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(f"the family file {path} cannot be used: {error!r}") from error
    return family


@cache
def _common(every: Path) -> Mapping[str, Any]:
    """The data that all family files of a folder share."""
    return tomllib.loads(every.read_text("utf-8")) if every.is_file() else {}


@cache
def common_refusals(folder: Path = FOLDER) -> Refusals:
    """The settings that all families refuse."""
    data = tomllib.loads((folder / EVERY).read_text("utf-8"))
    return Refusals(data["refuse"], data["require"])


@cache
def families(folder: Path = FOLDER) -> dict[str, Family]:
    """Model type -> family, from every file in the folder."""
    return _read(sorted(folder.glob("[!_]*.toml")))


def _read(paths: Iterable[Path]) -> dict[str, Family]:
    read = map(read_family, paths)
    return {model_type: family for family in read for model_type in family.model_types}


def _naming(model_type: object, folder: Path) -> dict[str, Family]:
    """The families of the files that name a model type; reading all files is slow."""
    paths, wanted = (
        sorted(folder.glob("[!_]*.toml")),
        f'"{model_type}"'.encode("utf-8", "surrogatepass"),
    )
    return _read(path for path in paths if wanted in path.read_bytes())


def row_of(name: str, model_type: object) -> dict[str, Any]:
    """The line for a model type of a file with a line for each; empty without one."""
    if not isinstance(model_type, str):
        return {}
    lines = (FOLDER / name).read_text("utf-8").splitlines()
    start = f"{json.dumps(model_type)} = "
    found = next((line for line in lines if line.startswith(start)), "")
    return dict(tomllib.loads(found).get(model_type, {})) if found else {}


def class_defaults(model_type: object) -> dict[str, Any]:
    """What the configuration class of a model type uses for absent keys, where it is read here."""
    return row_of("_defaults.toml", model_type)


def names_family(model_type: object) -> bool:
    """Whether a family file names a model type."""
    return isinstance(model_type, str) and model_type in _naming(model_type, FOLDER)


def family_of(config: Mapping[str, Any]) -> Family:
    """The family that describes this configuration's model type.

    Raises:
        UnknownFamily: no family does; the message names the nearest ones.
        ModelError: no family does, and the configuration has a setting that all families refuse.
    """
    model_type = config.get("model_type")
    if not isinstance(model_type, str | None):
        raise UnknownFamily(
            f"config.json has model_type {quoted(model_type)}: expected a text such as 'gpt2'"
        )
    known = _naming(model_type, FOLDER)
    if model_type not in known:
        known = families(FOLDER)
    if model_type in known:
        return known[model_type]
    for family in known.values():
        keys = family.recognised_by
        if model_type is None and keys and all(key in config for key in keys):
            return family
    common_refusals(FOLDER).check(settings_of(config, "text_config", config), str(model_type))
    near = get_close_matches(str(model_type), known, n=3, cutoff=0.75)
    names = f"did you mean {' or '.join(map(repr, near))}? " if near else ""
    raise UnknownFamily(
        f"config.json has model_type {quoted(model_type, 40)}, which no family describes: {names}"
        f"docs/reference/families.md lists the {len(known) - 1} that are read; "
        f"{argument('via', 'transformer-lens')} reads more"
    )
