"""Sentences for what is given as a table of scores and is something else."""

from difflib import get_close_matches
from pathlib import Path

from pk_engine.bundled import MODELS, TABLES

_MAGIC = b"PAR1"  # how a Parquet file begins and ends


def what_is_wrong(path: Path) -> str | None:
    """Why there is no Parquet file at this path, and what helps; None where there may be one."""
    if path.is_dir():
        if (path / "config.json").is_file():
            output = f"{path.resolve().name}.parquet"
            return f"{path} is a model folder: headgraph compute {path} -o {output} makes a table"
        return f"{path} is a folder: wanted a file that headgraph compute made"
    if not path.exists():
        return _absent(path)
    with path.open("rb") as file:
        begins = file.read(len(_MAGIC)) == _MAGIC
        file.seek(-min(len(_MAGIC), path.stat().st_size), 2)
        ends = file.read() == _MAGIC
    if not begins:
        return f"{path} is no Parquet file: wanted one that headgraph compute made"
    if not ends:
        return f"{path} is cut off: copy it again, or make it again with headgraph compute"
    return None


def _absent(path: Path) -> str:
    name = str(path)
    if name in MODELS:
        return (
            f"{name} is bundled as a model, not as a table: headgraph compute {name} --all "
            f"-o {name}.parquet makes one"
        )
    output = name if path.suffix else f"{name}.parquet"
    near = get_close_matches(name.lower(), TABLES, n=1, cutoff=0.5)
    hint = f" (did you mean {near[0]}, which is bundled?)" if near else ""
    return f"no file {path}{hint}: make one with headgraph compute MODEL -o {output}"
