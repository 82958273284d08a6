"""Rows of a table as plain arrays, without pandas.

The import of pandas takes a noticeable part of the time that scores of a small model take. Commands
that compute and write do not need it. `AffinityTable.frame` makes a frame on request.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

Columns = dict[str, NDArray[Any]]
"""Name -> values, all of one length; `pairing` has a NumPy string type."""


def columns_of(rows: pd.DataFrame | Mapping[str, NDArray[Any]]) -> Columns:
    """The columns of a frame or of a mapping."""
    found = {str(name): np.asarray(values) for name, values in rows.items()}
    if "pairing" in found and found["pairing"].dtype.kind != "U":
        found["pairing"] = found["pairing"].astype(str)
    return found


def frame_of(columns: Columns) -> pd.DataFrame:
    """The columns as a pandas frame."""
    import pandas as pd

    texts = {name: a.astype(object) for name, a in columns.items() if a.dtype.kind == "U"}
    return pd.DataFrame({**columns, **texts})


def taken(columns: Columns, at: Any) -> Columns:
    """Some rows, by positions or by a mask."""
    return {name: values[at] for name, values in columns.items()}


def joined(parts: Sequence[Columns]) -> Columns:
    """The rows of several parts in order, with the columns of the first."""
    names = parts[0] if parts else ()
    return {name: np.concatenate([part[name] for part in parts]) for name in names}


def by_pairing(pairing: NDArray[Any], values: Mapping[str, float]) -> NDArray[Any]:
    """One value per row, by its pairing; NaN for other pairings."""
    found = np.full(len(pairing), np.nan)
    for name, value in values.items():
        found[pairing == name] = value
    return found


def twice(keys: Sequence[NDArray[Any]]) -> int:
    """Number of rows that repeat an earlier one in all of these columns of integers from 0."""
    code = np.zeros(len(keys[0]), np.int64)
    for values in keys:
        code = code * (int(values.max(initial=0)) + 1) + values
    code.sort()  # np.unique would import masked arrays
    return int(np.count_nonzero(code[1:] == code[:-1]))


def first_of_each(
    order: NDArray[np.int64], group: Sequence[NDArray[Any]], most: int
) -> NDArray[np.bool_]:
    """Mask of the first rows of each group.

    Args:
        order: positions of the rows, sorted by group and by rank within a group.
        group: columns that are equal within a group.
        most: largest number of rows to keep of a group.
    """
    begins = np.zeros(len(order), bool)
    begins[:1] = True
    for values in group:
        begins[1:] |= values[order[1:]] != values[order[:-1]]
    first = np.flatnonzero(begins)
    starts = np.repeat(first, np.diff(np.append(first, len(order))))
    keep = np.zeros(len(order), bool)
    keep[order[np.arange(len(order)) - starts < most]] = True
    return keep
