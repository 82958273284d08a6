"""Rows and pages as files: outputs checked before the work, and rows read back."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import pandas as pd

from headgraph.analysis.errors import AnalysisError, FigureError
from headgraph.base.files.documents import reason, shown
from headgraph.base.files.output import beside, writable
from headgraph.base.files.rows import check_numbers, read_csv
from headgraph.base.spelling import either

CSV, PAGES = (".csv",), (".html", ".htm")
Rows: TypeAlias = pd.DataFrame | str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
"""Rows of a study, or CSV files of them."""


def csv_path(path: str | os.PathLike[str], *, force: bool = False) -> Path:
    """The path, if a CSV file can be written there; call it before the work, not after it.

    Raises:
        AnalysisError: a name that does not end in .csv, or no file can be written there.
        OutputExists: the file is there and `force` is false.
    """
    path = Path(path)
    if path.suffix.lower() not in CSV:
        raise AnalysisError(f"{_ending(path)}: expected a name ending in .csv")
    return writable(path, force=force, problem=AnalysisError)


def write_csv(rows: pd.DataFrame, path: str | os.PathLike[str], *, force: bool = False) -> Path:
    """Write rows with their column names; a missing value is an empty cell.

    Raises:
        AnalysisError: the file cannot be written, or has another ending.
        OutputExists: the file is there and `force` is false.
    """
    path = csv_path(path, force=force)
    return _write(rows.to_csv(index=False, lineterminator="\n"), path, AnalysisError)


def page_path(path: str | os.PathLike[str], *, force: bool = False) -> Path:
    """The path, if a page can be written there; call it before the work, not after it.

    Raises:
        FigureError: a name that does not end in .html, or no file can be written there.
        OutputExists: the file is there and `force` is false.
    """
    path = Path(path)
    if path.suffix.lower() not in PAGES:
        raise FigureError(f"{_ending(path)}: expected a page ending in .html")
    return writable(path, force=force, problem=FigureError)


def write_page(html: str, path: str | os.PathLike[str], *, force: bool = False) -> Path:
    """Write a page.

    Raises:
        FigureError: the file cannot be written, or has another ending.
        OutputExists: the file is there and `force` is false.
    """
    return _write(html, page_path(path, force=force), FigureError)


def _write(text: str, path: Path, problem: type[AnalysisError]) -> Path:
    try:
        with beside(path) as stream:
            # the text may hold a file name that is not UTF-8
            stream.write(text.encode(errors="backslashreplace"))
    except OSError as error:
        raise problem(f"cannot write {shown(path)}: {reason(error)}") from error
    return path


def _ending(path: Path) -> str:
    return f"{shown(path.name)} ends in {shown(path.suffix) or 'nothing'!r}"


def command_rows(
    rows: Rows,
    columns: Sequence[str],
    function: str,
    command: str,
    *,
    texts: Sequence[str] = (),
    whole: Sequence[str] = (),
    numbers: Sequence[str] = (),
) -> pd.DataFrame:
    """Rows of a study, from a frame or from one or more CSV files.

    Args:
        rows: the frame or the files.
        columns: those that the rows must have.
        function: the Python function that returns such rows, for messages.
        command: the command line that writes them, for messages.
        texts: columns to read as text.
        whole: columns of whole numbers.
        numbers: columns of numbers, where a cell may be empty.

    Raises:
        FigureError: a file that is no CSV, columns missing, no row, or text in place of a number.
    """
    if not isinstance(rows, pd.DataFrame):
        paths = [rows] if isinstance(rows, str | os.PathLike) else rows
        parts = [read_csv(path, problem=FigureError) for path in paths]
        rows = pd.concat(parts, ignore_index=True)
    if missing := [name for name in columns if name not in rows]:
        raise FigureError(
            f"the rows lack {', '.join(missing)}: expected those of {either(function, command)}"
        )
    if rows.empty:
        raise FigureError(
            f"there are no rows to draw: expected those of {either(function, command)}"
        )
    rows = check_numbers(rows, numbers, source="the rows", problem=FigureError)
    rows = check_numbers(rows, whole, source="the rows", problem=FigureError, whole=True)
    return rows.assign(**{name: rows[name].astype(str) for name in texts})
