"""Rows and pages as files: asked for before the work, written whole at its end."""

import os
from pathlib import Path

import pandas as pd

from analysis.errors import AnalysisError, FigureError
from base.files import beside
from pk_engine.table import refuse_existing

CSV, PAGES = (".csv",), (".html", ".htm")


def csv_path(path: str | os.PathLike[str], *, force: bool = False) -> Path:
    """The path, when a CSV file may be written there; ask before the work, not after it.

    Raises:
        AnalysisError: a name that does not end in .csv.
        OutputExists: the file is there and `force` is false.
    """
    path = Path(path)
    if path.suffix.lower() not in CSV:
        raise AnalysisError(
            f"{path.name} ends in {path.suffix or 'nothing'!r}: wanted a name ending in .csv"
        )
    return refuse_existing(path, force=force)


def write_csv(rows: pd.DataFrame, path: str | os.PathLike[str], *, force: bool = False) -> Path:
    """Write rows with their column names; a missing value is an empty cell.

    Raises:
        AnalysisError: the file cannot be written, or has another ending.
        OutputExists: the file is there and `force` is false.
    """
    path = csv_path(path, force=force)
    return _write(rows.to_csv(index=False, lineterminator="\n"), path, AnalysisError)


def page_path(path: str | os.PathLike[str], *, force: bool = False) -> Path:
    """The path, when a page may be written there; ask before the work, not after it.

    Raises:
        FigureError: a name that does not end in .html.
        OutputExists: the file is there and `force` is false.
    """
    path = Path(path)
    if path.suffix.lower() not in PAGES:
        raise FigureError(
            f"{path.name} ends in {path.suffix or 'nothing'!r}: wanted a page ending in .html"
        )
    return refuse_existing(path, force=force)


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
            stream.write(text.encode())
    except OSError as error:
        raise problem(f"cannot write {path}: {error.strerror or error}") from error
    return path
