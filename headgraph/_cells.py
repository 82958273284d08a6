"""Values of an answer as text: exact for JSON and CSV, and one look per column for tables."""

import math
import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from headgraph.base.text import json_text, printable

SIGNIFICANT = 4
"""Significant digits of a column's typical number."""

_SHORT = 12  # characters of a hash, as git shows it
_HASH = re.compile(r"\b(?:[0-9a-f]{64}|[0-9a-f]{40})\b")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::\d\d(?:\.\d+)?)?(Z|[+-]\d\d:\d\d)?(\[.*\])?")
_MOST_DECIMALS, _LARGE = 8, 1e15  # beyond these a column is shown with exponents


class Column(NamedTuple):
    """A column as text: its name, its cells, and whether they are numbers."""

    name: str
    cells: list[str]
    numbers: bool


def column(name: str, values: Iterable[Any]) -> Column:
    """The column of these values."""
    values = [_plain(value) for value in values]
    known = [value for value in values if value is not None]
    numbers = bool(known) and all(_is_number(value) for value in known)
    show = _number_format(known) if numbers else _text
    cells = ["" if value is None else printable(show(value)) for value in values]
    return Column(printable(name), cells, numbers)


def _plain(value: Any) -> Any:
    # lists and dictionaries may have a one-line form; only JSON has no infinity
    kept = isinstance(value, list | dict) or (isinstance(value, float) and math.isinf(value))
    return value if kept else exact(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number_format(values: Sequence[float]) -> Callable[[float], str]:
    """The same number of decimals for all, enough for `SIGNIFICANT` digits of the typical value.

    >>> [_number_format([39.3312, 38.4, 38.449])(x) for x in (39.3312, 38.4)]
    ['39.33', '38.40']
    """
    finite = [value for value in values if math.isfinite(value)]
    if all(value == int(value) and abs(value) < _LARGE for value in finite):
        return lambda value: f"{value:,.0f}"
    sizes = sorted(abs(value) for value in finite if value)
    typical = sizes[len(sizes) // 2]
    decimals = max(0, SIGNIFICANT - 1 - math.floor(math.log10(typical)))
    if decimals > _MOST_DECIMALS or typical >= _LARGE:
        return lambda value: f"{value:.{SIGNIFICANT - 1}e}"
    return lambda value: f"{value:,.{decimals}f}"


def _text(value: Any) -> str:
    if hasattr(value, "compact"):
        return str(value.compact)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and abs(value) < _LARGE:  # a list may have a million
        return f"{value:,}"
    if _is_number(value):  # a number among other values, so it has no column format
        return _number_format([value])(value)
    if isinstance(value, list):
        return ", ".join("" if item is None else _text(item) for item in value)
    if isinstance(value, dict):
        return json_text(value)
    text = _HASH.sub(lambda found: found[0][:_SHORT], _TIME.sub(_minutes, str(value)))
    # quotes show spaces at the ends, and line breaks: tokens such as ` to` and `to` differ
    return text if text == text.strip() else json_text(text)


def _minutes(found: "re.Match[str]") -> str:
    zone = found[3] or ""
    return f"{found[1]} {found[2]}{zone}"


if TYPE_CHECKING:
    import pandas as pd


def records(rows: "pd.DataFrame") -> list[dict[str, Any]]:
    """One dictionary per row; missing values, and those that JSON cannot hold, are None."""
    columns = [[exact(value) for value in rows[name].array] for name in rows.columns]
    return [dict(zip(rows.columns, row, strict=True)) for row in zip(*columns, strict=True)]


def exact(value: Any) -> Any:
    """A value as a plain Python object; floats keep the shortest digits of their own precision.

    >>> import numpy as np
    >>> exact(np.float32(0.1)), exact(np.float64(1e-20)), exact(np.int64(3)), exact(float("nan"))
    (0.1, 1e-20, 3, None)
    """
    if isinstance(value, dict):
        return {str(name): exact(item) for name, item in value.items()}
    if hasattr(value, "iso_format"):  # Neo4j's duration is a tuple as well
        return str(value.iso_format())
    if isinstance(value, list | tuple):
        return [exact(item) for item in value]
    if value is None or isinstance(value, str):
        return value
    if hasattr(value, "dtype"):
        kept = value.tolist()
        if not isinstance(kept, float):
            return exact(kept)
        value = float(str(value))  # a float32 has a shorter text than its float64
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int):
        return value
    # pandas has several missing values: one equals nothing, not even to say so with true or false
    return None if type(value).__name__ == "NAType" or value != value else str(value)
