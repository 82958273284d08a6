"""Files of JSON and arrays that end in a hash of themselves: states of jobs, parts of tables."""

import hashlib
import json
import os
import zipfile
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from headgraph.base.files.output import beside

_HASH = "sha256"
_MAGIC, _HEADER, _FIRST = b"PK\3\4", 30, b"about.npy"
"""The first bytes of a ZIP archive, the size of a file's header in it, and the first file here."""
# errors of np.load and json for other files
NOT_OURS = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, TokenError,
            NotImplementedError)  # fmt: skip


def begins_as_ours(path: Path) -> bool:
    """Whether a file may be one of these, whole or damaged.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as stream:
        start = stream.read(_HEADER + len(_FIRST))
    return _MAGIC.startswith(start[: len(_MAGIC)]) and _FIRST.startswith(start[_HEADER:])


def write_arrays(path: Path, about: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
    """Write JSON and arrays, and the hash of the file at its end.

    Raises:
        OSError: the file cannot be written.
    """
    with beside(path) as stream:
        np.savez(stream, about=np.array(json.dumps(about)), **arrays)  # type: ignore[arg-type]
        stream.write(_digest(stream, stream.seek(0, os.SEEK_END)))


def read_arrays(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read what `write_arrays` wrote; the hash is checked before anything is parsed.

    Raises:
        NOT_OURS: the file is another, or damaged.
    """
    with path.open("rb") as stream:
        if not _is_whole(stream):
            raise ValueError(path)
        with np.load(stream, allow_pickle=False) as file:
            about = json.loads(str(file["about"]))
            return about, {name: file[name] for name in file.files if name != "about"}


def _is_whole(stream: IO[bytes]) -> bool:
    """Whether a file ends in the hash of the bytes before it; rewinds the stream."""
    size = stream.seek(0, os.SEEK_END) - hashlib.new(_HASH).digest_size
    found = _digest(stream, size)
    expected = stream.read()
    stream.seek(0)
    return found == expected


def _digest(stream: IO[bytes], size: int) -> bytes:
    """The hash of the first `size` bytes of a file; leaves the stream behind them."""
    stream.seek(0)
    digest = hashlib.new(_HASH)
    while size > 0 and (part := stream.read(min(size, 2**20))):
        digest.update(part)
        size -= len(part)
    return digest.digest()
