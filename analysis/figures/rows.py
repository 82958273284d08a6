"""Rows that another command printed, for figures that are drawn from them."""

import os
from collections.abc import Sequence
from typing import TypeAlias

import pandas as pd

from headgraph.analysis.errors import FigureError
from headgraph.base.rows import check_numbers, read_csv

Rows: TypeAlias = pd.DataFrame | str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


def command_rows(
    rows: Rows,
    columns: Sequence[str],
    command: str,
    *,
    texts: Sequence[str] = (),
    whole: Sequence[str] = (),
    numbers: Sequence[str] = (),
) -> pd.DataFrame:
    """Rows from a frame, or from CSV files that are taken together.

    Args:
        rows: the frame or the files.
        columns: those that there must be.
        command: whose rows these are.
        texts: columns that are taken as text.
        whole: columns of whole numbers.
        numbers: columns of numbers, or nothing.

    Raises:
        FigureError: a file that is no CSV, columns missing, no row, or text in place of a number.
    """
    if not isinstance(rows, pd.DataFrame):
        paths = [rows] if isinstance(rows, str | os.PathLike) else rows
        parts = [read_csv(path, problem=FigureError) for path in paths]
        rows = pd.concat(parts, ignore_index=True)
    if missing := [name for name in columns if name not in rows]:
        raise FigureError(
            f"rows without {', '.join(missing)}: expected those of headgraph {command} ... "
            "--format csv"
        )
    if rows.empty:
        raise FigureError(f"no rows of headgraph {command}: nothing to draw")
    rows = check_numbers(rows, numbers, source="the rows", problem=FigureError)
    rows = check_numbers(rows, whole, source="the rows", problem=FigureError, whole=True)
    return rows.assign(**{name: rows[name].astype(str) for name in texts})
