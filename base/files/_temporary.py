"""Temporary files and folders, each locked while its process runs.

The system releases a lock when its process ends, however it ends. So if a file can be locked, its
process has ended. Without `fcntl` (Windows) nothing is locked, and no leftover is removed.
"""

import os
import re
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

fcntl: Any = import_module("fcntl") if find_spec("fcntl") else None

_FILE = re.compile(r"\.headgraph-[0-9a-f]{16}\.part")
_FOLDER = re.compile(r"headgraph-[0-9a-f]{16}\.scratch")


@contextmanager
def temporary_file(folder: Path) -> Iterator[tuple[IO[Any], Path]]:
    """A new binary file in a folder, to write and read; removed after the block unless renamed.

    Raises:
        OSError: no file can be made in the folder.
    """
    while True:
        path = folder / f".headgraph-{secrets.token_hex(8)}.part"
        with path.open("x+b") as stream:
            if not _is_ours(stream.fileno(), path):
                continue
            try:
                yield stream, path
            finally:
                path.unlink(missing_ok=True)
            return


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A new folder under the system's folder for temporary files; removed after the block.

    Raises:
        OSError: no folder can be made.
    """
    clear_folders()
    while True:
        path = Path(tempfile.gettempdir()) / f"headgraph-{secrets.token_hex(8)}.scratch"
        path.mkdir(mode=0o700)
        with _opened(path) as descriptor:
            if descriptor is not None and not _is_ours(descriptor, path):
                continue
            try:
                yield path
            finally:
                shutil.rmtree(path, ignore_errors=True)
            return


def clear_files(folder: Path) -> None:
    """Remove the temporary files that dead processes left in a folder."""
    for path in _named(folder, _FILE):
        with _opened(path, os.O_RDWR) as descriptor:
            if descriptor is not None and _is_dead(descriptor, path, stat.S_ISREG):
                path.unlink(missing_ok=True)


def clear_folders() -> None:
    """Remove this user's temporary folders that dead processes left."""
    for path in _named(Path(tempfile.gettempdir()), _FOLDER):
        with _opened(path) as descriptor:
            if descriptor is not None and _is_dead(descriptor, path, stat.S_ISDIR):
                shutil.rmtree(path, ignore_errors=True)


def _named(folder: Path, pattern: re.Pattern[str]) -> list[Path]:
    if fcntl is None:
        return []
    try:
        with os.scandir(folder) as entries:
            return [Path(entry.path) for entry in entries if pattern.fullmatch(entry.name)]
    except OSError:  # it cannot be listed; it may still be writable
        return []


@contextmanager
def _opened(path: Path, how: int = os.O_RDONLY) -> Iterator[int | None]:
    """A descriptor, opened without following links or waiting; None if it cannot be opened."""
    flags = how | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        descriptor = os.open(path, flags)
    except OSError:
        yield None
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _is_ours(descriptor: int, path: Path) -> bool:
    """Lock a new file; false if another process removed it as a leftover before that."""
    if fcntl is None:
        return True
    with suppress(OSError):  # a file system without locks: no process can lock it to remove it
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    return _is_still(descriptor, path)


def _is_dead(descriptor: int, path: Path, kind: Any) -> bool:
    """Lock a leftover; false if a process still holds it, or it belongs to another user."""
    about = os.fstat(descriptor)
    if not kind(about.st_mode) or about.st_uid != os.geteuid():
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return _is_still(descriptor, path)


def _is_still(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:  # removed, or renamed to its final name
        return False
