"""Writing rows as CSV: beside the file, then renamed."""

import os
import tempfile
from pathlib import Path

import pandas as pd

from analysis.errors import RunningError
from pk_engine.table import refuse_existing


def csv_path(path: str | os.PathLike[str], *, force: bool = False) -> Path:
    """The path, when a CSV file may be written there; ask before the work, not after it.

    Raises:
        RunningError: a name that does not end in .csv.
        OutputExists: the file is there and `force` is false.
    """
    path = Path(path)
    if path.suffix.lower() != ".csv":
        raise RunningError(
            f"{path.name} ends in {path.suffix or 'nothing'!r}: wanted a name ending in .csv"
        )
    return refuse_existing(path, force=force)


def write_csv(rows: pd.DataFrame, path: str | os.PathLike[str], *, force: bool = False) -> Path:
    """Write rows with their column names; a missing value is an empty cell.

    Raises:
        RunningError: the file cannot be written, or has another ending.
        OutputExists: the file is there and `force` is false.
    """
    path = csv_path(path, force=force)
    try:
        with tempfile.NamedTemporaryFile(
            "w", dir=path.parent, prefix=f".{path.name}.", delete=False, encoding="utf-8"
        ) as beside:
            rows.to_csv(beside, index=False, lineterminator="\n")
        Path(beside.name).chmod(0o644)
        Path(beside.name).replace(path)
    except OSError as error:
        raise RunningError(f"cannot write {path}: {error.strerror or error}") from error
    return path
