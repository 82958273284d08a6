"""The families that there are: the files in `families`, and the one for a configuration.

`_every.toml` holds what all refuse.
"""

import os
import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

from headgraph.base.files.documents import read_text
from headgraph.base.spelling import argument
from headgraph.base.text import quoted
from headgraph.pk_engine.errors import ModelError, UnknownFamily
from headgraph.pk_engine.models.config import Refusals, settings_of
from headgraph.pk_engine.models.families.class_defaults import FOLDER, why_refused
from headgraph.pk_engine.models.families.family import Family, build, merge

EVERY = "_every.toml"


def read_family(path: Path) -> Family:
    """Read one family file.

    Raises:
        ModelError: the file is not TOML, lacks something or has unknown keys; the message names it.
    """
    try:
        data = tomllib.loads(read_text(path, problem=ModelError))
        common = _common(path.parent / EVERY)
        family = build(path.stem, merge(common, data))
        _ = family._kinds  # a mistake in a kind shows here
        for variant in family.variants:  # a mistake shows here, not when a model needs it
            build(family.name, merge(family.data, variant))
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ModelError(f"the family file {path} cannot be used: {quoted(error, 200)}") from error
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
    return _by_type(_read_once(*file) for file in _files(folder))


def _files(folder: Path) -> list[tuple[str, int]]:
    """The family files, each with the time of its last change."""
    with os.scandir(folder) as entries:
        return sorted(
            (entry.path, entry.stat().st_mtime_ns)
            for entry in entries
            if entry.name.endswith(".toml") and not entry.name.startswith("_")
        )


@cache
def _text(path: str, changed: int) -> bytes:
    return Path(path).read_bytes()


@cache
def _read_once(path: str, changed: int) -> Family:
    return read_family(Path(path))


def _by_type(read: Iterable[Family]) -> dict[str, Family]:
    return {model_type: family for family in read for model_type in family.model_types}


def _naming(model_type: object) -> dict[str, Family]:
    """The families of the files that name a model type; reading all files is slow."""
    wanted = f'"{model_type}"'.encode("utf-8", "surrogatepass")
    return _by_type(_read_once(*file) for file in _files(FOLDER) if wanted in _text(*file))


def names_family(model_type: object) -> bool:
    """Whether a family file names a model type."""
    return isinstance(model_type, str) and model_type in _naming(model_type)


def check_attention(model_type: object) -> None:
    """Refuse a model type whose attention is of another kind, as `_refused.toml` says.

    Raises:
        ModelError: it is there; the message gives the reason.
    """
    if reason := why_refused(model_type):
        raise ModelError(
            f"config.json has model_type {quoted(model_type, 40)}, which cannot be read: {reason}"
        )


def family_of(config: Mapping[str, Any]) -> Family:
    """The family that describes this configuration's model type.

    Raises:
        UnknownFamily: no family does; the message names the nearest ones.
        ModelError: no family does, and its attention is of another kind, or the configuration has
            a setting that all families refuse.
    """
    model_type = config.get("model_type")
    if not isinstance(model_type, str | None):
        raise UnknownFamily(
            f"config.json has model_type {quoted(model_type)}: expected a text such as 'gpt2'"
        )
    known = _naming(model_type)
    if model_type not in known:
        known = families(FOLDER)
    if model_type in known:
        return known[model_type]
    for family in known.values():
        keys = family.recognised_by
        if model_type is None and keys and all(key in config for key in keys):
            return family
    check_attention(model_type)
    settings = settings_of(config, "text_config", config)
    if refused := common_refusals(FOLDER).first(settings):
        key, reason = refused
        raise ModelError(
            f"config.json has model_type {quoted(model_type, 40)}, which no family describes, and "
            f"{key} = {quoted(settings[key])}: {reason}"
        )
    near = get_close_matches(str(model_type), known, n=3, cutoff=0.75)
    names = f"did you mean {' or '.join(map(repr, near))}? " if near else ""
    raise UnknownFamily(
        f"config.json has model_type {quoted(model_type, 40)}, which no family describes: {names}"
        f"docs/reference/families.md lists the {len(known) - 1} that are read; "
        f"{argument('via', 'transformer-lens')} reads more"
    )
