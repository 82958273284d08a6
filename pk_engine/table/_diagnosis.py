"""Messages for a path that is given as a table of scores and is something else."""

import os
import stat
from difflib import get_close_matches
from pathlib import Path

from headgraph.base.files.documents import kind_of, reason, shown
from headgraph.base.spelling import either
from headgraph.base.text import quoted
from headgraph.pk_engine.bundled import MODELS, TABLES
from headgraph.pk_engine.errors import COMPUTE

PART = ".part"
"""Ending of a file with a part of a table, which `merge` joins with the others."""
_MAGIC = b"PAR1"  # how a Parquet file begins and ends
_EXPECTED = f"expected a file that {COMPUTE} made"


def what_is_wrong(path: Path) -> str | None:
    """Why the path is no Parquet file, and what to do; None if it looks like one.

    Both spellings of a command are in the text (`headgraph.base.spelling`).
    """
    try:
        about = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return _absent(path)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        return f"{shown(path)} cannot be read: {reason(error)}"
    if stat.S_ISDIR(about.st_mode):
        return _folder(path)
    if not stat.S_ISREG(about.st_mode):  # opening a pipe would wait for a writer
        return f"{shown(path)} is {kind_of(about.st_mode)}: {_EXPECTED}"
    try:
        with path.open("rb") as file:
            begins = file.read(len(_MAGIC)) == _MAGIC
            file.seek(-min(len(_MAGIC), about.st_size), 2)
            ends = file.read() == _MAGIC
    except OSError as error:
        return f"{shown(path)} cannot be read: {reason(error)}"
    if not begins and path.suffix == PART:
        return (
            f"{shown(path)} is a part of a table, with only some target layers: join it with the "
            f"others with {either('headgraph.merge', 'headgraph merge')} first"
        )
    if not begins:
        return f"{shown(path)} is no Parquet file: expected one that {COMPUTE} made"
    if not ends:
        return f"{shown(path)} is cut off: copy it again, or make it again with {COMPUTE}"
    return None


def _folder(path: Path) -> str:
    if not (path / "config.json").is_file():
        return f"{shown(path)} is a folder: {_EXPECTED}"
    made = _making(path, f"{path.resolve().name}.parquet")
    return f"{shown(path)} is a model folder: {made} makes a table"


def _absent(path: Path) -> str:
    name = str(path)
    if name in MODELS:
        made = either(
            f"headgraph.compute({name!r}, selection=Selection()).write('{name}.parquet')",
            f"headgraph compute {name} --all -o {name}.parquet",
        )
        return f"{name} is bundled as a model, not as a table: {made} makes one"
    made = _making(None, name if path.suffix else f"{name}.parquet")
    near = get_close_matches(name.lower(), TABLES, n=1, cutoff=0.5)
    hint = f" (did you mean {near[0]}, which is bundled?)" if near else ""
    return f"no file {shown(path)}{hint}: make one with {made}"


def _making(model: Path | None, output: str) -> str:
    """How to make a table of a model, which None leaves open."""
    python = "MODEL" if model is None else quoted(os.fspath(model), longest=120)
    command = "MODEL" if model is None else shown(model)
    return either(
        f"headgraph.compute({python}).write({quoted(output, longest=120)})",
        f"headgraph compute {command} -o {shown(output)}",
    )
