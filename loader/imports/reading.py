"""A file read by the format of its ending, and the files that a folder stands for."""

import os
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path

from headgraph.base.files.documents import expanded, read_text, shown
from headgraph.base.spelling import argument, either
from headgraph.base.text import quoted, short
from headgraph.loader.errors import ExportError, UnreadableExport
from headgraph.loader.exports.content import RunGraph
from headgraph.loader.exports.formats import FORMATS
from headgraph.loader.imports.checks import checked
from headgraph.loader.imports.document import Document

LARGEST = 2**30
"""Maximum size of a file in bytes: about three million edges in node-link JSON."""

READERS = {"graphml": "graphml", "json": "node_link", "cypher": "cypher_script"}
"""Format -> module of `loader.imports`."""
_ENDINGS = {FORMATS[name].ending: name for name in READERS}
_ADMIN = FORMATS["csv"].names


def read(path: Path, format: str | None = None) -> RunGraph:
    """The run in an exported file, checked.

    Args:
        path: the file.
        format: a name in `READERS`, in place of the ending.

    Raises:
        UnreadableExport: the file cannot be read, or is not one that `export` writes.
        ExportError: an ending without a format.
    """
    module = import_module(f"headgraph.loader.imports.{READERS[_format(path, format)]}")
    parse: Callable[[str, str], Document] = module.read
    text = read_text(path, problem=UnreadableExport, largest=LARGEST)
    return checked(parse(text, shown(path)))


def files_of(files: Iterable[str | os.PathLike[str]], format: str | None = None) -> list[Path]:
    """The files, and in place of a folder the exports that are in it, by name.

    Raises:
        UnreadableExport: a file is missing, or a folder has no export, or the CSV files of one.
        ExportError: a file with an ending without a format.
    """
    found: list[Path] = []
    for file in files:
        path = expanded(file, problem=UnreadableExport)
        found += _inside(path) if path.is_dir() else [path]
    for path in found:
        _format(path, format)
        if not path.exists():
            raise UnreadableExport(
                f"{shown(path)} cannot be read: No such file or directory: expected a file that "
                "export wrote, or a folder of them"
            )
    return found


def _inside(folder: Path) -> list[Path]:
    try:
        names = sorted(folder.iterdir())
    except OSError as error:
        raise UnreadableExport(f"{shown(folder)} cannot be read: {error.strerror}") from error
    found = [path for path in names if path.suffix.lower() in _ENDINGS and path.name not in _ADMIN]
    if found:
        return found
    if {path.name for path in names} >= set(_ADMIN):
        raise UnreadableExport(
            f"{shown(folder)} has the CSV files of an export, which neo4j-admin imports: expected "
            f"files that end in one of {', '.join(_ENDINGS)}"
        )
    all_runs = either("export_all()", "headgraph export --all-runs")
    raise UnreadableExport(
        f"{shown(folder)} has no file that ends in one of {', '.join(_ENDINGS)}: expected a folder "
        f"of {all_runs}"
    )


def _format(path: Path, format: str | None) -> str:
    if format is not None:
        if format not in READERS:
            raise ExportError(
                f"no format {quoted(format)} to import: expected one of {', '.join(READERS)}"
            )
        return format
    found = _ENDINGS.get(path.suffix.lower())
    if found is None:
        raise ExportError(
            f"{short(path.name)} ends in {quoted(path.suffix)}: expected a file that ends in one "
            f"of {', '.join(_ENDINGS)}, or {argument('format')} with one of {', '.join(READERS)}"
        )
    return found
