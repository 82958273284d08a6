"""Sizes of a model from its configuration, and the settings that are refused."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from headgraph.base.text import quoted, short
from headgraph.pk_engine.errors import ModelError
from headgraph.pk_engine.models.layout import ModelShape

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
        reasons = {key: reason for key, reason in self.refuse.items() if settings.get(key)}
        for key, rule in self.require.items():
            value = settings.get(key)
            values = value if isinstance(value, list) else [] if value is None else [value]
            if any(one not in rule["among"] for one in values):
                reasons[key] = f"{rule['reason']}; known: {', '.join(map(repr, rule['among']))}"
        for key, reason in reasons.items():
            raise ModelError(
                f"config.json has {key} = {quoted(settings[key])}, which the family "
                f"{short(family, 40)} does not handle: {reason}"
            )


def settings_of(
    config: Mapping[str, Any], nested: str | None, defaults: Mapping[str, Any]
) -> dict[str, Any]:
    """The language model's part of a configuration, with defaults for absent keys."""
    inner = config.get(nested) if nested else None
    return {**defaults, **(inner if isinstance(inner, dict) else config)}


def value_of(settings: Mapping[str, Any], keys: Iterable[str]) -> Any:
    """The value of the first key that has one, None if none has; "a.b" is key b of table a."""
    found = (_get(settings, key) for key in keys)
    return next((value for value in found if value is not None), None)


def _get(settings: Mapping[str, Any], key: str) -> Any:
    if key in settings:  # in GGUF, a name has dots of its own
        return settings[key]
    table, _, inner = key.partition(".")
    value = settings.get(table)
    return value.get(inner) if inner and isinstance(value, dict) else None


def shape_of(settings: Mapping[str, Any], config: Mapping[str, Any]) -> ModelShape:
    """Sizes from settings; `config` gives the keys, or the number, for each size.

    n_kv_heads defaults to n_heads, and d_head to d_model / n_heads.

    Raises:
        ModelError: a size is missing, is no positive integer, or contradicts another.
    """
    sizes = {size: _size(settings, size, keys) for size, keys in config.items()}
    for size in ("n_layers", "n_heads", "d_model"):
        if sizes.get(size) is None:
            keys = " or ".join(config[size])
            raise ModelError(f"config.json lacks {keys}, which gives {size}")
    heads, width = int(sizes["n_heads"] or 0), int(sizes["d_model"] or 0)
    shared = int(sizes.get("n_kv_heads") or heads)
    per_head = sizes.get("d_head")
    if per_head is None and width % heads:
        raise ModelError(
            f"config.json has d_model {width}, which {heads} heads cannot share: expected a "
            f"multiple of {heads}"
        )
    if heads % shared:
        raise ModelError(
            f"config.json has {heads} heads and {shared} key/value heads: expected a number of "
            "key/value heads that divides the number of heads"
        )
    if heads * int(sizes["n_layers"] or 0) > MOST_HEADS:
        raise ModelError(
            f"config.json has {sizes['n_layers']} layers of {heads} heads: expected at most "
            f"{MOST_HEADS:,} heads"
        )
    return ModelShape(
        int(sizes["n_layers"] or 0), heads, shared, width, int(per_head or width // heads)
    )


def _size(settings: Mapping[str, Any], size: str, keys: list[str | int] | int) -> int | None:
    """The value of the first key that has one; a number stands for itself."""
    listed = [keys] if isinstance(keys, int) else keys
    key = next((k for k in listed if isinstance(k, int) or _get(settings, k) is not None), None)
    if not isinstance(key, str):
        return key
    value, most = _get(settings, key), LARGEST.get(size, 2**20)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise ModelError(
            f"config.json has {key} = {quoted(value)}: expected a whole number from 1 to {most:,}"
        )
    return value
