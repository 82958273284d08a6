"""Bundled files: a small model with checkpoints, and the table of GPT-2 small."""

import os
from pathlib import Path

FOLDER = Path(__file__).parent
MODELS = ("induction-2l",)
TABLES = ("gpt2-small",)


def model_path(name: str) -> Path:
    """Folder of a bundled model."""
    return FOLDER / name


def checkpoints_path(name: str) -> Path:
    """Folder of a bundled model's earlier checkpoints, a model folder `step-N` each."""
    return FOLDER / "checkpoints" / name


def table_path(name: str | os.PathLike[str]) -> Path:
    """The path of a bundled table for its name, unless a file has that name; else the path."""
    path = Path(name)
    if str(name) in TABLES and not path.exists():
        return FOLDER / f"{name}.parquet"
    return path


def is_table(name: str) -> bool:
    """Whether an argument means a table and not a run: an existing file or a bundled name."""
    path = Path(name)
    return name in TABLES or path.suffix in (".parquet", ".pq") or _is_there(path)


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # an invalid file name
        return False
