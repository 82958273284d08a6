"""Types and bounds of a table's metadata, field by field; the file may come from anywhere."""

import math
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

from headgraph.base.errors import HeadgraphError
from headgraph.base.names import NULLS, ROLES, TOWERS
from headgraph.base.text import quoted
from headgraph.pk_engine.errors import TableError
from headgraph.pk_engine.metrics.copying import HEAD_SCORES
from headgraph.pk_engine.metrics.decoys import APART
from headgraph.pk_engine.models.config import LARGEST
from headgraph.pk_engine.table.layers import is_layer
from headgraph.pk_engine.table.selection import Selection

_TEXTS = ("model", "family", "fingerprint", "layer_order", "kv", "dtype", "backend", "version")


def check_types(data: Mapping[str, Any]) -> None:
    """Check the type of each field of the parsed JSON.

    Raises:
        TableError: a field has another type, is invalid Unicode, or is out of bounds.
    """
    for name, (expected, fits) in _FIELDS.items():
        if not fits(data[name]):
            raise TableError(
                f"its metadata says {name} = {quoted(data[name])}: expected {expected}"
            )
    for name, most in LARGEST.items():
        if data[name] > most:
            raise TableError(
                f"its metadata says {name} = {quoted(data[name])}: expected at most {most:,}"
            )


def _is_text(value: object) -> bool:
    """Whether UTF-8 can encode a text; JSON may hold lone surrogates, which it cannot."""
    return isinstance(value, str) and not any("\ud800" <= letter <= "\udfff" for letter in value)


def _is_count(value: object, least: int = 0) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value < 2**63


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) if isinstance(value, float) else abs(value) < 2**63


def _is_list(value: object, fits: Callable[[Any], bool]) -> bool:
    return isinstance(value, list) and all(map(fits, value))


def _is_map(value: object, fits: Callable[[Any], bool]) -> bool:
    return isinstance(value, dict) and all(map(_is_text, value)) and all(map(fits, value.values()))


def _is_rules(value: object) -> bool:
    if not _is_map(value, lambda rule: _is_text(rule) or _is_number(rule)):
        return False
    try:
        Selection(**value)  # type: ignore[arg-type]
    except (
        HeadgraphError,
        TypeError,
        ValueError,
        AttributeError,
    ):  # an unknown rule, or a value of another type
        return False
    return True


def _is_moments(value: object) -> bool:
    return _is_map(value, _is_number) and {"mean", "sd"} <= set(value)  # type: ignore[call-overload]


def _is_deficient(value: object) -> bool:
    return (
        isinstance(value, dict)
        and sorted(value) == ["head", "layer", "rank", "role"]
        and all(_is_count(value[name]) for name in ("head", "layer", "rank"))
        and value["role"] in ROLES
    )


def _is_null(value: object) -> bool:
    return (
        isinstance(value, dict)
        and sorted(value) == ["moments", "samples", "seed", "values"]
        and all(value[name] is None or _is_count(value[name]) for name in ("samples", "seed"))
        and _is_map(value["moments"], _is_moments)
        and _is_map(value["values"], _is_number)
    )


def _is_head_score(value: object) -> bool:
    """Layers x heads of numbers from -1 to 1, or None."""
    return _is_list(value, lambda layer: _is_list(layer, _is_cosine))


def _is_cosine(value: Any) -> bool:
    return value is None or (_is_number(value) and abs(value) <= 1 + 1e-5)


def _is_decoys(value: object) -> bool:
    return (
        isinstance(value, dict)
        and sorted(value) in (["scored", "share"], sorted(["scored", "share", "steps", *APART]))
        and _is_count(value["scored"])
        and all(_is_share(value[name]) for name in ("share", *APART) if name in value)
        and ("steps" not in value or _is_steps(value["steps"], value["scored"]))
    )


def _is_share(value: Any) -> bool:
    return value is None or (_is_number(value) and value >= 0)


def _is_steps(value: object, scored: int) -> bool:
    """Whether these are growing counts of backward pairs, each with the neighbours among them."""
    if not _is_list(value, lambda it: _is_list(it, _is_count) and len(it) == 2):
        return False
    steps: Any = value
    fits = all(a < c and b <= d <= b + c - a for (a, b), (c, d) in pairwise([[0, 0], *steps]))
    return fits and (steps[-1][0] if steps else 0) == scored


_FIELDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    **dict.fromkeys(_TEXTS, ("a text", _is_text)),
    **dict.fromkeys(
        ("revision", "series"), ("a text or null", lambda it: it is None or _is_text(it))
    ),
    "tower": ("language, vision or null", lambda it: it is None or it in TOWERS),
    "step": ("a number or null", lambda it: it is None or _is_number(it)),
    **dict.fromkeys(LARGEST, ("a positive integer", lambda it: _is_count(it, least=1))),
    **dict.fromkeys(
        ("fold_ln", "center_writing"), ("true or false", lambda it: isinstance(it, bool))
    ),
    **dict.fromkeys(
        ("pairings", "metrics"), ("a list of texts", lambda it: _is_list(it, _is_text))
    ),
    "deficient": (
        "a list of objects with layer, head, role and rank",
        lambda it: _is_list(it, _is_deficient),
    ),
    "selection": ("a list of rules such as {'top': 100}", lambda it: _is_list(it, _is_rules)),
    "scored": ("a count of pairs for each pairing", lambda it: _is_map(it, _is_count)),
    "moments": ("mean and sd for each pairing", lambda it: _is_map(it, _is_moments)),
    "nulls": (
        f"an object with some of {', '.join(NULLS)}, each with its seed, samples, values and "
        "moments",
        lambda it: _is_map(it, _is_null) and set(it) <= set(NULLS),
    ),
    "heads": (
        "an object, empty or with copying and self_overlap, each a list of layers of heads",
        lambda it: _is_map(it, _is_head_score) and set(it) in (set(), set(HEAD_SCORES)),
    ),
    "origin": ("an object of texts", lambda it: _is_map(it, _is_text)),
    "layers": (
        "a list of layers with their heads, widths and streams",
        lambda it: _is_list(it, is_layer),
    ),
    "decoys": ("scored and share for each pairing", lambda it: _is_map(it, _is_decoys)),
}
