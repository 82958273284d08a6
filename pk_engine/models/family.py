"""Families: the files in `families` that describe where models keep their attention matrices.

A family file names the model types, the configuration keys that give the sizes, the tensors of a
layer with the roles in each (`pk_engine.models.layout`), the norm before attention, and refused
settings. docs/reference/families.md explains each key. `_every.toml` holds what all refuse.
"""

import json
import tomllib
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

from headgraph.base.names import ROLES
from headgraph.base.spelling import argument
from headgraph.base.text import quoted
from headgraph.pk_engine.errors import ModelError, UnknownFamily
from headgraph.pk_engine.models.config import Refusals, settings_of, shape_of, value_of
from headgraph.pk_engine.models.embedding import EmbeddingSpec
from headgraph.pk_engine.models.layout import ModelShape, TensorSpec

__all__ = ["Family", "ModelShape", "Norm", "TensorSpec", "families", "family_of", "read_family"]

FOLDER = Path(__file__).parent / "families"
EVERY = "_every.toml"
KINDS = ("LayerNorm", "RMSNorm", "none")
NEEDED = ("n_layers", "n_heads", "d_model")
REQUIRED = {"model_types", "prefixes", "config", "tensors"}
KEYS = {"model_types", "recognised_by", "note", "prefixes", "nested", "config", "defaults",
        "refuse", "require", "norm", "tensors", "embedding", "variants"}  # fmt: skip


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
        refusals: keys that must be empty, or must have known values.
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
        return shape_of(settings, self.for_model(config).config)

    def settings(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """The language model's part of a configuration, with defaults for absent keys.

        Depth, heads and width have none: a whole model's configuration that lacks them is damaged.
        """
        needed = {key for size in NEEDED for key in self.config.get(size, ())}
        usual = class_defaults(config.get("model_type"))
        known = {key: value for key, value in usual.items() if key not in needed}
        return settings_of(config, self.nested, dict(self.defaults) | known)

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
    return all(
        value_of(settings, keys.split(" or ")) in (value if isinstance(value, list) else [value])
        for keys, value in variant.get("when", {}).items()
    )


def _merge(data: Mapping[str, Any], variant: Mapping[str, Any]) -> dict[str, Any]:
    """Merge the tables of a variant into the family's; its other values replace the family's."""
    changes = {key: value for key, value in variant.items() if key not in ("when", "tensor")}
    return {**data} | {
        key: {**data.get(key, {}), **value} if isinstance(value, dict) else value
        for key, value in changes.items()
    }


def _build(name: str, data: Mapping[str, Any]) -> Family:
    if unknown := sorted(data.keys() - KEYS):
        raise ValueError(f"unknown keys {unknown}")
    if missing := sorted(REQUIRED - data.keys()):
        raise ValueError(f"lacks {missing}")
    tensors = tuple(TensorSpec(t["name"], tuple(t["roles"]), t["layout"]) for t in data["tensors"])
    roles = sorted(role for spec in tensors for role in spec.roles)
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
        refusals=Refusals(data.get("refuse", {}), data.get("require", {})),
        embedding=EmbeddingSpec.from_data(data["embedding"]) if "embedding" in data else None,
        variants=tuple(data.get("variants", ())),
        data={key: value for key, value in data.items() if key != "variants"},
    )


def read_family(path: Path) -> Family:
    """Read one family file.

    Raises:
        ModelError: the file is not TOML, lacks something or has unknown keys; the message names it.
    """
    try:
        data, common = tomllib.loads(path.read_text("utf-8")), _common(path.parent / EVERY)
        family = _build(path.stem, _merge(common, data))
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
