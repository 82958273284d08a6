"""Sentences for what is given as a table of scores and is something else."""

import stat
from difflib import get_close_matches
from pathlib import Path

from headgraph.base.documents import kind_of, reason, shown
from headgraph.pk_engine.bundled import MODELS, TABLES

_MAGIC = b"PAR1"  # how a Parquet file begins and ends
_EXPECTED = "expected a file that headgraph compute made"


def what_is_wrong(path: Path) -> str | None:
    """Why there is no Parquet file at this path, and what helps; None where there may be one."""
    try:
        about = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return _absent(path)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        return f"{shown(path)} cannot be read: {reason(error)}"
    if stat.S_ISDIR(about.st_mode):
        return _folder(path)
    if not stat.S_ISREG(about.st_mode):  # opened, a pipe would wait for somebody to write
        return f"{shown(path)} is {kind_of(about.st_mode)}: {_EXPECTED}"
    try:
        with path.open("rb") as file:
            begins = file.read(len(_MAGIC)) == _MAGIC
            file.seek(-min(len(_MAGIC), about.st_size), 2)
            ends = file.read() == _MAGIC
    except OSError as error:
        return f"{shown(path)} cannot be read: {reason(error)}"
    if not begins:
        return f"{shown(path)} is no Parquet file: expected one that headgraph compute made"
    if not ends:
        return f"{shown(path)} is cut off: copy it again, or make it again with headgraph compute"
    return None


def _folder(path: Path) -> str:
    if not (path / "config.json").is_file():
        return f"{shown(path)} is a folder: {_EXPECTED}"
    output = shown(f"{path.resolve().name}.parquet")
    return (
        f"{shown(path)} is a model folder: headgraph compute {shown(path)} -o {output} makes a "
        "table"
    )


def _absent(path: Path) -> str:
    name = str(path)
    if name in MODELS:
        return (
            f"{name} is bundled as a model, not as a table: headgraph compute {name} --all "
            f"-o {name}.parquet makes one"
        )
    output = shown(name if path.suffix else f"{name}.parquet")
    near = get_close_matches(name.lower(), TABLES, n=1, cutoff=0.5)
    hint = f" (did you mean {near[0]}, which is bundled?)" if near else ""
    return f"no file {shown(path)}{hint}: make one with headgraph compute MODEL -o {output}"
