"""Reading files from outside; every fault becomes an error of one sentence."""

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from headgraph.base.errors import HeadgraphError, UnreadableFile
from headgraph.base.text import quoted

LARGEST = 64 * 2**20
"""Maximum size of a document in bytes; an index of shards or a vocabulary is far smaller."""

Problem = type[HeadgraphError]


def read_bytes(
    path: str | os.PathLike[str],
    *,
    problem: Problem = UnreadableFile,
    largest: int = LARGEST,
    pipes: bool = False,
) -> bytes:
    """All bytes of a file.

    Args:
        path: the file.
        problem: the class of the errors below.
        largest: maximum size in bytes.
        pipes: whether a FIFO (`<(...)` in a shell) is read, until its writer closes it.

    Raises:
        problem: the file is missing, not permitted, not a regular file, or too large.
    """
    path = expanded(path, problem=problem)
    # opening a FIFO without a writer must not block before its kind is known
    flags = os.O_RDONLY if pipes else os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)
    try:
        with os.fdopen(os.open(path, flags), "rb") as file:
            about = os.fstat(file.fileno())
            if not (stat.S_ISREG(about.st_mode) or (pipes and stat.S_ISFIFO(about.st_mode))):
                raise problem(f"{shown(path)} is {kind_of(about.st_mode)}: expected a file")
            data = b"".join(_blocks(file, largest))
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise problem(f"{shown(path)} cannot be read: {reason(error)}") from error
    if len(data) > largest:
        raise problem(f"{shown(path)} has more than {largest:,} bytes: expected a smaller file")
    return data


def _blocks(file: BinaryIO, largest: int) -> Iterator[bytes]:
    """A file's blocks up to the first one beyond `largest`; a claimed size allocates nothing."""
    length = 0
    while length <= largest and (block := file.read(2**16)):
        length += len(block)
        yield block


def read_text(
    path: str | os.PathLike[str],
    *,
    problem: Problem = UnreadableFile,
    largest: int = LARGEST,
    pipes: bool = False,
) -> str:
    """All text of a UTF-8 file; arguments as `read_bytes`.

    Raises:
        problem: as `read_bytes`, or the file is not UTF-8.
    """
    data = read_bytes(path, problem=problem, largest=largest, pipes=pipes)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise problem(
            f"{shown(path)} is not UTF-8 text (byte {error.start:,} is {data[error.start]:#04x}): "
            "save it as UTF-8"
        ) from error


def read_json(
    path: str | os.PathLike[str],
    *,
    problem: Problem = UnreadableFile,
    kind: type = dict,
    largest: int = LARGEST,
) -> Any:
    """The value in a JSON file.

    Args:
        path: the file.
        problem: the class of the errors.
        kind: the expected type of the outermost value.
        largest: maximum size in bytes.

    Raises:
        problem: as `read_text`, or the text is not JSON, or not of type `kind`.
    """
    text = read_text(path, problem=problem, largest=largest)
    return parse_json(text, source=shown(path), problem=problem, kind=kind)


def parse_json(
    text: str | bytes, *, source: str, problem: Problem = UnreadableFile, kind: type = dict
) -> Any:
    """The value in a JSON text from outside; `source` names it in messages.

    Raises:
        problem: not JSON, nested too deeply, a number too long, or not of type `kind`.
    """
    try:
        value = json.loads(text)
    except RecursionError as error:
        raise problem(f"{source} is nested too deeply to be read as JSON") from error
    except ValueError as error:  # not JSON, not UTF-8, or an integer of too many digits
        raise problem(f"{source} cannot be read as JSON: {error}") from error
    if not isinstance(value, kind):
        raise problem(f"{source} holds {_JSON.get(type(value), 'a value')}: expected {_JSON[kind]}")
    return value


_JSON = {
    dict: "a JSON object",
    list: "a list",
    str: "a text",
    int: "a number",
    float: "a number",
    bool: "true or false",
    type(None): "null",
}


def expanded(path: str | os.PathLike[str], *, problem: Problem = UnreadableFile) -> Path:
    """The path with `~` and `~user` replaced.

    Raises:
        problem: there is no such user.
    """
    path = Path(path)
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise problem(f"{shown(path)} names a user that this machine does not have") from error


def shown(path: str | os.PathLike[str]) -> str:
    """A path for a message, with control characters as escapes."""
    text = os.fspath(path)
    plain = quoted(text, longest=120)
    return text if plain in (f"'{text}'", f'"{text}"') else plain


def reason(error: BaseException) -> str:
    """The system's message, without the path."""
    return getattr(error, "strerror", None) or str(error)


def kind_of(mode: int) -> str:
    """The kind of a file in words, from its mode."""
    kinds = {
        stat.S_IFREG: "a file",
        stat.S_IFDIR: "a folder",
        stat.S_IFIFO: "a pipe",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
        stat.S_IFSOCK: "a socket",
    }
    return kinds.get(stat.S_IFMT(mode), "not a regular file")
