"""Sizes of a model from its configuration, and the settings that are refused."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from headgraph.base.names import ROLES
from headgraph.base.text import quoted, short
from headgraph.pk_engine.errors import ModelError
from headgraph.pk_engine.models.shape import LayerShape, ModelShape

LARGEST = {"n_layers": 2**10, "n_heads": 2**12, "n_kv_heads": 2**12, "d_model": 2**20,
           "d_head": 2**20}  # fmt: skip
"""Far above any model. A larger number is a mistake, and lists of that length would be made."""
MOST_HEADS = 2**16
"""Heads of all layers together: four times those of the largest models. Lists, pictures and pages
reserve a place for each."""


@dataclass(frozen=True)
class Refusals:
    """Unsupported settings that change where matrices are: refused by name, never misread.

    Attributes:
        refuse: key -> reason; refused unless the key is absent, empty, 0 or false.
        require: key -> `among` (allowed values; of each entry in a list) and `reason`.
    """

    refuse: Mapping[str, str] = field(default_factory=dict)
    require: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def check(self, settings: Mapping[str, Any], family: str) -> None:
        """Refuse a configuration with a setting that is not supported.

        Raises:
            ModelError: there is such a setting; the message names its key.
        """
        if found := self.first(settings):
            key, reason = found
            raise ModelError(
                f"config.json has {key} = {quoted(settings[key])}, which the family "
                f"{short(family, 40)} does not handle: {reason}"
            )

    def first(self, settings: Mapping[str, Any]) -> tuple[str, str] | None:
        """The first setting that is not supported, and why; None where there is none."""
        reasons = {key: reason for key, reason in self.refuse.items() if settings.get(key)}
        for key, rule in self.require.items():
            value = settings.get(key)
            values = value if isinstance(value, list) else [] if value is None else [value]
            if any(one not in rule["among"] for one in values):
                reasons[key] = f"{rule['reason']}; known: {', '.join(map(repr, rule['among']))}"
        return next(iter(reasons.items()), None)


def settings_of(
    config: Mapping[str, Any], nested: str | None, defaults: Mapping[str, Any]
) -> dict[str, Any]:
    """The language model's part of a configuration, with defaults for absent keys."""
    inner = config.get(nested) if nested else None
    return {**defaults, **(inner if isinstance(inner, dict) else config)}


def value_of(settings: Mapping[str, Any], keys: Iterable[str]) -> Any:
    """The value of the first key that has one, None if none has; "a.b" is key b of table a.

    >>> value_of({"a": {"b": {"c": 3}}}, ["d", "a.b.c"])
    3
    """
    found = (_get(settings, key) for key in keys)
    return next((value for value in found if value is not None), None)


def _get(settings: Mapping[str, Any], key: str) -> Any:
    if key in settings:  # in GGUF, a name has dots of its own
        return settings[key]
    table, _, inner = key.partition(".")
    value = settings.get(table)
    return _get(value, inner) if inner and isinstance(value, dict) else None


def shape_of(settings: Mapping[str, Any], config: Mapping[str, Any]) -> ModelShape:
    """The shape of a model whose layers are all alike; arguments as for `sizes_of`."""
    sizes = sizes_of(settings, config)
    n_layers, n_heads, n_kv_heads, d_model, d_head = (sizes[name] for name in LARGEST)
    return ModelShape(n_layers, n_heads, n_kv_heads, d_model, d_head)


def sizes_of(settings: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, int]:
    """Sizes from settings; `config` gives the keys, or the number, for each size.

    n_kv_heads defaults to n_heads, d_head to d_nope + d_rotary or d_model / n_heads, and d_value,
    the width of V and O, to d_head.

    Raises:
        ModelError: a size is missing, is no positive integer, or contradicts another.
    """
    found = {size: _size(settings, size, keys) for size, keys in config.items()}
    sizes = {size: value for size, value in found.items() if value is not None}
    for size in ("n_layers", "n_heads", "d_model"):
        if size not in sizes:
            keys = " or ".join(config[size])
            raise ModelError(f"config.json lacks {keys}, which gives {size}")
    heads, width = sizes["n_heads"], sizes["d_model"]
    shared = sizes.setdefault("n_kv_heads", heads)
    if "d_nope" in config:
        for size in (name for name in config if name not in sizes and name != "q_latent"):
            raise ModelError(f"config.json lacks {' or '.join(config[size])}, which gives {size}")
        sizes["d_head"] = sizes["d_nope"] + sizes["d_rotary"]
    if "d_head" not in sizes and width % heads:
        raise ModelError(
            f"config.json has d_model {width}, which {heads} heads cannot share: expected a "
            f"multiple of {heads}"
        )
    if heads % shared:
        raise ModelError(
            f"config.json has {heads} heads and {shared} key/value heads: expected a number of "
            "key/value heads that divides the number of heads"
        )
    if heads * sizes["n_layers"] > MOST_HEADS:
        raise ModelError(
            f"config.json has {sizes['n_layers']} layers of {heads} heads: expected at most "
            f"{MOST_HEADS:,} heads"
        )
    sizes.setdefault("d_value", sizes.setdefault("d_head", width // heads))
    return sizes


def layer_of(sizes: Mapping[str, int], index: int, **others: Any) -> LayerShape:
    """A layer of these sizes; `others` are further attributes of the layer."""
    heads = {r: sizes["n_kv_heads" if r in "KV" else "n_heads"] for r in ROLES}
    widths = {r: sizes["d_head" if r in "QK" else "d_value"] for r in ROLES}
    further = {name: size for name, size in sizes.items() if name not in LARGEST}
    return LayerShape(index, sizes["d_model"], heads, widths, sizes=further, **others)


def _size(settings: Mapping[str, Any], size: str, keys: list[str | int] | int) -> int | None:
    """The value of the first key, or product or quotient of keys, that has one; or a number."""
    listed = [keys] if isinstance(keys, int) else keys
    held = (k for k in listed if all(_get_sized(settings, part) is not None for part in factors(k)))
    key = next(held, None)
    if key is None or isinstance(key, int):
        return key
    first, *others = factors(key)
    value = _whole(settings, size, first)
    for operator, factor in zip(re.findall(r" ([*/]) ", key), others, strict=True):
        by = _whole(settings, size, factor)
        value = value * by if operator == "*" else value // by
    return _checked(value, size, key)


def factors(key: str | int) -> list[str]:
    """The keys and numbers of a size such as `hidden_size / num_heads`, from left to right."""
    return re.split(r" [*/] ", str(key))


def _get_sized(settings: Mapping[str, Any], key: str) -> Any:
    """A number itself, or the value of a key; for `len(KEY)`, the length of a list."""
    if key.isdigit():
        return int(key)
    value = _get(settings, _listed(key) or key)
    return len(value) if _listed(key) and isinstance(value, list | str) else value


def _whole(settings: Mapping[str, Any], size: str, key: str) -> int:
    return _checked(_get_sized(settings, key), size, key)


def _checked(value: Any, size: str, key: str) -> int:
    most = LARGEST.get(size, 2**20)
    least = 0 if size == "d_rotary" else 1  # positions may turn no part of queries and keys
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise ModelError(
            f"config.json has {key} = {quoted(value)}: expected a whole number from {least} to "
            f"{most:,}"
        )
    return value


def _listed(key: str) -> str | None:
    """The key of a list whose length is the size, written as `len(key)`; None for another key."""
    return key[4:-1] if key.startswith("len(") else None
