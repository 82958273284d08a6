"""What transformers' configuration classes say: defaults, and the parts of wrappers.

    python -m benchmarks.architectures

writes `_defaults.toml` and `_wrappers.toml` beside the family files.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from transformers import PreTrainedConfig
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from headgraph.pk_engine.models.family import FOLDER, Family, families
from headgraph.pk_engine.models.towers import KEYS

DEFAULTS = """\
# What transformers' configuration classes use for a key that config.json leaves out: a part of a
# larger model leaves out every value that is its class's own.
# `python -m benchmarks.architectures` writes this file.
"""
WRAPPERS = """\
# Models of several parts: the model type of each part whose configuration does not say it.
# `python -m benchmarks.architectures` writes this file.
"""


def config_keys(family: Family) -> set[str]:
    """The configuration keys that a family file uses."""
    sizes = (family.config, *(variant.get("config", {}) for variant in family.variants))
    keys = {key for each in sizes for names in each.values() if isinstance(names, list)
            for key in names if isinstance(key, str)}  # fmt: skip
    for variant in family.variants:
        keys |= {key for names in variant.get("when", {}) for key in names.split(" or ")}
    return keys - {"model_type"}


def defaults() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each model type that is read, with what its configuration class gives absent keys."""
    for model_type, family in sorted(families().items()):
        if model_type in CONFIG_MAPPING:
            own = {field.name: field.default for field in fields(CONFIG_MAPPING[model_type])}
            keys = sorted(config_keys(family))
            found = {key: own[key] for key in keys if isinstance(own.get(key), int | bool)}
            if found:
                yield model_type, found


def wrappers() -> Iterator[tuple[str, Mapping[str, str]]]:
    """Each model type with a part for language, and the default model types of its parts."""
    for model_type in sorted(CONFIG_MAPPING.keys()):
        try:
            config = CONFIG_MAPPING[model_type]()
        except Exception:  # some classes have no defaults, for many reasons
            continue
        parts = {
            tower: part.model_type
            for tower, keys in KEYS.items()
            for key in keys
            if isinstance(part := getattr(config, key, None), PreTrainedConfig) and part.model_type
        }
        if "language" in parts:
            yield model_type, parts


def main() -> None:
    """Write both files."""
    files = ("_defaults", DEFAULTS, defaults()), ("_wrappers", WRAPPERS, wrappers())
    for name, head, rows in files:
        lines = []
        for model_type, row in rows:
            values = ", ".join(f"{key} = {json.dumps(value)}" for key, value in row.items())
            lines.append(f"{json.dumps(model_type)} = {{ {values} }}")
        (FOLDER / f"{name}.toml").write_text("\n".join([head, *lines]) + "\n", "utf-8")


if __name__ == "__main__":
    main()
