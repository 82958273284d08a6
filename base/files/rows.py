"""Rows of CSV files from outside, as pandas frames."""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from headgraph.base.errors import UnreadableFile
from headgraph.base.files.documents import Problem, read_text, shown
from headgraph.base.text import quoted

if TYPE_CHECKING:
    import pandas as pd

MOST_COLUMNS = 1000
"""Maximum number of columns; ours have a few dozen, and pandas takes minutes for a million."""
_GREATEST = 2**53  # beyond this, floats do not hold every whole number


def read_csv(
    path: str | os.PathLike[str],
    *,
    problem: Problem = UnreadableFile,
    pipes: bool = True,
    **how: Any,
) -> pd.DataFrame:
    """Rows of a CSV file in UTF-8.

    Args:
        path: the file.
        problem: the class of the errors.
        pipes: whether a pipe such as `<(...)` is read. False for files found in a folder, where a
            pipe would block.
        how: more arguments of `pandas.read_csv`.

    Raises:
        problem: as `base.files.documents.read_text`, or the text is empty or not CSV.
    """
    import pandas as pd

    text = read_text(path, problem=problem, pipes=pipes)
    if not text.strip():
        raise problem(f"{shown(path)} is empty: expected CSV with column names in its first line")
    if "\0" in text:
        raise problem(f"{shown(path)} holds NUL bytes: expected CSV text")
    try:
        _check_widths(text, shown(path), problem, space=how.get("skipinitialspace", False))
        rows = pd.DataFrame(pd.read_csv(io.StringIO(text), **how))
    except (ValueError, OverflowError, csv.Error) as error:  # pandas' error is a ValueError
        said = str(error).strip().partition("\n")[0]
        raise problem(f"{shown(path)} is not CSV text: {said}") from error
    return rows


def _check_widths(text: str, name: str, problem: Problem, *, space: bool) -> None:
    """Check that no row has more cells than names; pandas would use the first as row names.

    Raises:
        problem: a row has more, or there are too many names.
        csv.Error: the text is not CSV.
    """
    rows = csv.reader(io.StringIO(text, newline=""), skipinitialspace=space)
    names = 0
    for row in rows:
        if len(row) == 1 and not row[0].strip():
            continue  # an empty line, as for pandas
        names = names or len(row)
        if names > MOST_COLUMNS:
            raise problem(f"{name} has {names:,} columns: expected {MOST_COLUMNS:,} at most")
        if len(row) > names:
            raise problem(
                f"{name}, line {rows.line_num:,}, has {len(row):,} cells: expected at most {names}"
                ", as in its first line"
            )


def check_numbers(
    rows: pd.DataFrame,
    columns: Iterable[str],
    *,
    source: str,
    problem: Problem = UnreadableFile,
    whole: bool = False,
) -> pd.DataFrame:
    """The rows with these columns as numbers; an empty cell is NaN.

    Args:
        rows: as read.
        columns: columns that must hold numbers; missing ones are ignored.
        source: name of the rows in messages.
        problem: the class of the error.
        whole: whether each cell must hold a whole number.

    Raises:
        problem: a cell holds something else.
    """
    import numpy as np

    rows = rows.copy()
    for column in (name for name in columns if name in rows):
        values = as_floats(rows[column])
        wrong = rows[column].notna() & ~np.isfinite(values)
        if whole:
            wrong |= ~(values.abs() <= _GREATEST) | (values % 1 != 0)
        if wrong.any():
            at = int(np.argmax(wrong.to_numpy()))
            value = rows[column].astype(object).iloc[at]
            raise problem(
                f"{source}, row {at + 1}, has {column} {quoted(value)}: expected "
                f"{'a whole number' if whole else 'a number'}"
            )
        rows[column] = values.astype(np.int64) if whole else values
    return rows


def as_floats(values: pd.Series[Any]) -> pd.Series[float]:
    """The values as float64: NaN for what is no number, infinity for what is too large for one."""
    import pandas as pd

    try:
        return pd.to_numeric(values, errors="coerce").astype(float)
    except OverflowError:  # Python's whole numbers have no limit
        return pd.to_numeric(values.map(_in_range), errors="coerce").astype(float)


def _in_range(value: Any) -> Any:
    if not isinstance(value, int):
        return value
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
