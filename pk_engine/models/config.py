"""From a configuration to a model's sizes, and what a configuration may not ask for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from headgraph.base.text import quoted, short
from headgraph.pk_engine.errors import ModelError
from headgraph.pk_engine.models.layout import ModelShape

LARGEST = {"n_layers": 2**10, "n_heads": 2**12, "n_kv_heads": 2**12, "d_model": 2**20,
           "d_head": 2**20}  # fmt: skip
"""Far above any model; a larger number is a mistake, and lists would be made as long as it says."""
MOST_HEADS = 2**16
"""Of all layers together, four times those of the largest models: lists, pictures and pages have a
place for each."""


@dataclass(frozen=True)
class Refusals:
    """What changes where matrices are and is not handled: refused by name, never misread.

    Attributes:
        refuse: key -> reason; refused where the key is there and neither empty, 0 nor false.
        require: key -> `among` (values allowed, of each entry where it is a list) and `reason`.
    """

    refuse: Mapping[str, str] = field(default_factory=dict)
    require: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def check(self, settings: Mapping[str, Any], family: str) -> None:
        """Refuse a configuration.

        Raises:
            ModelError: it asks for something that is not handled; the message names the key.
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
    """The part of a configuration that is about the language model, over the class's defaults."""
    inner = config.get(nested) if nested else None
    return {**defaults, **(inner if isinstance(inner, dict) else config)}


def value_of(settings: Mapping[str, Any], keys: Iterable[str]) -> Any:
    """The value of the first key that has one, None where none has."""
    return next((settings[key] for key in keys if settings.get(key) is not None), None)


def shape_of(settings: Mapping[str, Any], config: Mapping[str, Any]) -> ModelShape:
    """Sizes from settings; `config` says which keys, or which number, give each.

    Without key/value heads of their own all heads have one; a head is d_model / n_heads wide
    where nothing else is said.

    Raises:
        ModelError: a size is missing, is no positive integer, or does not fit the others.
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
        raise ModelError(f"config.json has d_model {width}, which {heads} heads cannot share")
    if heads % shared:
        raise ModelError(f"config.json has {heads} heads and {shared} key/value heads")
    if heads * int(sizes["n_layers"] or 0) > MOST_HEADS:
        raise ModelError(
            f"config.json has {sizes['n_layers']} layers of {heads} heads: expected at most "
            f"{MOST_HEADS:,} heads"
        )
    return ModelShape(
        int(sizes["n_layers"] or 0), heads, shared, width, int(per_head or width // heads)
    )


def _size(settings: Mapping[str, Any], size: str, keys: list[str] | int) -> int | None:
    if isinstance(keys, int):
        return keys
    key = next((key for key in keys if settings.get(key) is not None), None)
    if key is None:
        return None
    value, most = settings[key], LARGEST.get(size, 2**20)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise ModelError(
            f"config.json has {key} = {quoted(value)}: expected a whole number from 1 to {most:,}"
        )
    return value
