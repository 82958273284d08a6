"""Rows that another command printed, for figures that are drawn from them."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import pandas as pd

from analysis.errors import FigureError

Rows: TypeAlias = pd.DataFrame | str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


def command_rows(rows: Rows, columns: Sequence[str], command: str) -> pd.DataFrame:
    """Rows from a frame, or from CSV files that are taken together.

    Raises:
        FigureError: a file that is no CSV, columns missing, or no row.
    """
    if not isinstance(rows, pd.DataFrame):
        paths = [rows] if isinstance(rows, str | os.PathLike) else rows
        rows = pd.concat([_read(Path(path), command) for path in paths], ignore_index=True)
    if missing := [name for name in columns if name not in rows]:
        raise FigureError(
            f"rows without {', '.join(missing)}: wanted those of headgraph {command} ... "
            "--format csv"
        )
    if rows.empty:
        raise FigureError(f"no rows of headgraph {command}: nothing to draw")
    return rows


def _read(path: Path, command: str) -> pd.DataFrame:
    try:
        return pd.read_csv(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        raise FigureError(
            f"{path} cannot be read ({reason}): wanted what headgraph {command} ... --format csv "
            "prints"
        ) from error
