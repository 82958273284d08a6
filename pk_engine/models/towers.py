"""The parts of a model of several: its language model and its vision encoder, each a transformer.

A wrapper's config.json holds a configuration for each part, and its tensors have the part's name
before their own. `families/_wrappers.toml` names the wrappers and the model types of their parts,
and `families/_inside.toml` models around one transformer that is neither, such as an encoder of
speech.
"""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from headgraph.base.names import TOWERS
from headgraph.base.spelling import argument
from headgraph.base.text import quoted
from headgraph.pk_engine.errors import ModelError, UnknownFamily
from headgraph.pk_engine.models.families.catalogue import (
    check_attention,
    family_of,
    names_family,
)
from headgraph.pk_engine.models.families.class_defaults import class_defaults, row_of
from headgraph.pk_engine.models.families.family import Family

KEYS = {
    "language": ("text_config", "llm_config", "language_config", "generator"),
    "vision": ("vision_config", "image_config"),
}
"""Keys of the configuration of each part."""
PREFIXES = {
    "language": ("model.language_model.", "language_model.", "model.text_model.", "text_model.",
                 "text_encoder.",
                 "thinker.", "llm.", "vlm.language_model.", "rag.generator.", "generator.",
                 "model.", ""),
    "vision": ("model.vision_tower.", "vision_tower.", "model.vision_model.", "vision_model.",
               "model.visual.", "visual.", "model.vision_encoder.", "vision_encoder.",
               "image_model.", "image_tower.", "thinker.visual.", "model.image_encoder.",
               "git.image_encoder.", "video_model.", "vision_tower.vision_model."),
}  # fmt: skip
"""What may stand before the names of each part's own tensors."""
WITHIN = ("thinker_config",)
"""Keys of a part that is itself a model of several parts, with the language model among them."""
SHARED = ("quantization_config", "compression_config", "dtype", "torch_dtype",
          "tie_word_embeddings")  # fmt: skip
"""Keys of a wrapper that hold for its parts."""


@dataclass(frozen=True)
class Part:
    """A configuration to read: a model's own, or that of one of its parts.

    Attributes:
        config: the configuration.
        tower: `language` or `vision`; None for a model that has no parts.
        wrapper: the model type around the part, None without one.
        before: what stands before the names of the tensors of a model inside another.
    """

    config: dict[str, Any]
    tower: str | None = None
    wrapper: str | None = None
    before: str = ""

    def family(self, family: Family, tensors: Container[str] = ()) -> Family:
        """The family for the part's tensors."""
        outer = replace(family, prefixes=tuple(self.prefixes(family.prefixes)))
        return replace(outer.for_model(self.config, tensors), prefixes=family.prefixes)

    def prefixes(self, own: Iterable[str]) -> list[str]:
        """Prefixes of tensor names, from those that the part's family has."""
        if self.wrapper is None or self.tower is None:
            return [self.before + name for name in own]
        both = [outer + inner for outer in PREFIXES[self.tower] for inner in own]
        of_language = self.tower == "language"
        return [name for name in both if not (of_language and ("vis" in name or "image" in name))]


def part_of(config: dict[str, Any], tower: str | None = None) -> Part:
    """The part of a model to read: language by default.

    Args:
        config: the model's configuration.
        tower: `language`, `vision`, or None for language or the whole model.

    Raises:
        UnknownFamily: no family describes the part; the message names it.
        ModelError: the model has no such part or attention of another kind, or a tower is given for
            a model without parts.
    """
    if tower not in (None, *TOWERS):
        raise ModelError(f"unknown tower {quoted(tower)}: expected {' or '.join(TOWERS)}")
    within = next((config[key] for key in WITHIN if isinstance(config.get(key), dict)), None)
    if within is not None:
        return part_of(within, tower)
    outer, wanted = config.get("model_type"), tower or "language"
    check_attention(outer)
    known = row_of("_wrappers.toml", outer)
    if not known:
        if tower is not None:
            raise ModelError(
                f"{argument('tower', tower)}: a {quoted(outer, 40)} model is not known to have "
                "several parts; leave it out"
            )
        if row := row_of("_inside.toml", outer):
            return _inside(config, row)
        _refuse_unknown(config)
        return Part(config)
    key = next((key for key in KEYS[wanted] if isinstance(config.get(key), dict)), None)
    # old files of Qwen2-VL keep the sizes of language beside vision_config
    inner = dict(config[key]) if key else dict(config) if wanted == "language" else {}
    model_type = (inner.get("model_type") if key else None) or known.get(wanted)
    if model_type is None:
        raise ModelError(
            f"{argument('tower', wanted)}: a {quoted(outer, 40)} model has no such transformer"
        )
    defaults = class_defaults(model_type)
    # a family file may describe a wrapper's language model itself
    if wanted == "language" and names_family(outer):
        return Part(config | ({key: defaults | inner} if key else {}), "language")
    inner["model_type"] = model_type
    _check_known(outer, inner, f"{wanted} part")
    return Part(_shared(config) | defaults | inner, wanted, str(outer))


def _inside(config: dict[str, Any], row: Mapping[str, str]) -> Part:
    """The transformer that a model of another kind holds; `row` is that of `_inside.toml`."""
    outer, inner = config["model_type"], config.get(row["key"])
    if not isinstance(inner, dict):
        raise ModelError(
            f"config.json has model_type {quoted(outer, 40)} and {row['key']} = {quoted(inner)}: "
            "expected the configuration of the transformer inside it"
        )
    inner = inner | {"model_type": inner.get("model_type") or row["type"]}
    _check_known(outer, inner, "transformer")
    settings = _shared(config) | class_defaults(inner["model_type"]) | inner
    return Part(settings, None, outer, row["prefix"])


def _shared(config: Mapping[str, Any]) -> dict[str, Any]:
    return {name: config[name] for name in SHARED if config.get(name) is not None}


def _check_known(outer: object, inner: Mapping[str, Any], part: str) -> None:
    """Raise UnknownFamily where no family describes the part of a wrapper; the message names it."""
    try:
        family_of(inner)
    except UnknownFamily as error:
        raise UnknownFamily(
            f"config.json has model_type {quoted(outer, 40)}, whose {part} is a "
            f"{quoted(inner['model_type'], 40)}, which no family describes: "
            "docs/reference/families.md lists those that are read"
        ) from error


def named(model: str, tower: str | None) -> str:
    """The name of a part of a model in tables: the language model has that of the whole.

    >>> named("clip", "vision")
    'clip-vision'
    """
    return f"{model}-{tower}" if tower == "vision" else model


def _refuse_unknown(config: Mapping[str, Any]) -> None:
    """Name the part inside a wrapper that no file describes."""
    outer = config.get("model_type")
    for key in KEYS["language"]:
        inner = config.get(key)
        if not isinstance(inner, dict) or not isinstance(inner.get("model_type"), str):
            continue
        if isinstance(outer, str) and not names_family(outer):
            raise UnknownFamily(
                f"config.json has model_type {quoted(outer, 40)}, a wrapper that no file "
                f"describes, around a {quoted(inner['model_type'], 40)} in {key}: save that part "
                "as a model of its own"
            )
