"""What ships with headgraph: a small model that runs, and the scores of GPT-2 small."""

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
    """A path as given, unless nothing is there and it is the name of a bundled table."""
    path = Path(name)
    if str(name) in TABLES and not path.exists():
        return FOLDER / f"{name}.parquet"
    return path


def is_table(name: str) -> bool:
    """Whether a word means a table, and not a run of that name: a file, or a bundled table."""
    path = Path(name)
    return name in TABLES or path.suffix in (".parquet", ".pq") or _is_there(path)


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that no file can have
        return False
