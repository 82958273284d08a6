"""Files that are written whole or not at all."""

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from headgraph.base.errors import HeadgraphError, OutputExists, UnwritableFile
from headgraph.base.files._temporary import clear_files, temporary_file, temporary_folder
from headgraph.base.files.documents import kind_of, reason, shown
from headgraph.base.spelling import argument

__all__ = ["beside", "folder_of_files", "made", "scratch", "temporary_space", "writable"]

scratch = temporary_folder


@contextmanager
def beside(path: Path) -> Iterator[IO[Any]]:
    """A binary stream whose file takes the place of `path` when the block ends.

    The file lies in the same folder until then, and is removed if the block fails. A reader of
    `path` finds the old file or the new one, never a part. The new file has the user's default
    permissions. If `path` is a symbolic link, its target is replaced and the link stays. Files that
    killed processes left in the folder are removed first.

    Raises:
        OSError: the folder is missing or cannot be written, the disk is full, or `path` is a
            device, a pipe or anything else that is not a regular file.
    """
    about = _about(path)
    if about is not None and not stat.S_ISREG(about.st_mode):
        raise OSError(errno.EINVAL, f"it is {kind_of(about.st_mode)}, not a file", str(path))
    place = Path(os.path.realpath(path))
    clear_files(place.parent)
    with temporary_file(place.parent) as (stream, name):
        yield stream
        stream.flush()
        os.fsync(stream.fileno())
        name.replace(place)


def writable(
    path: str | os.PathLike[str],
    *,
    force: bool,
    problem: type[HeadgraphError] = UnwritableFile,
) -> Path:
    """Check that a file can be written, before the work starts; returns the path.

    The check makes a file beside `path` and removes it.

    Args:
        path: the file, which need not exist; links are followed.
        force: whether an existing regular file may be replaced. Nothing else is replaced.
        problem: the class of the errors other than OutputExists.

    Raises:
        OutputExists: the file exists and `force` is false.
        problem: it is not a regular file, or its folder is missing or cannot be written.
    """
    path = Path(path)
    try:
        about = _about(path)
        if about is not None:
            _refuse(path, about.st_mode, force, problem)
        place = Path(os.path.realpath(path))
        if not place.parent.is_dir():
            raise problem(
                f"no folder {shown(place.parent)} to write {shown(place.name)} into: make it first"
            )
        clear_files(place.parent)
        with temporary_file(place.parent):
            return path
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise problem(f"cannot write {shown(path)}: {reason(error)}") from error


def folder_of_files(
    folder: str | os.PathLike[str],
    names: Iterable[str],
    *,
    force: bool,
    parents: bool = False,
    problem: type[HeadgraphError] = UnwritableFile,
) -> list[Path]:
    """Check that files can be written in a folder, which need not exist; returns their paths.

    Args:
        folder: the folder.
        names: names of the files.
        force: whether existing regular files may be replaced.
        parents: whether the folders above `folder` may be missing too.
        problem: the class of the errors other than OutputExists.

    Raises:
        OutputExists: one of the files exists and `force` is false.
        problem: the folder is something else, or cannot be made or written in.
    """
    folder, names = Path(folder), list(names)
    try:
        about = _about(folder)
    except (OSError, ValueError) as error:
        raise problem(f"cannot write {shown(folder)}: {reason(error)}") from error
    if about is not None and not stat.S_ISDIR(about.st_mode):
        raise problem(
            f"{shown(folder)} is {kind_of(about.st_mode)}: expected the name of a folder for "
            f"{names[0]} and the others"
        )
    if about is None:
        first = folder  # the uppermost folder that will be made
        while parents and not first.parent.exists():
            first = first.parent
        writable(first, force=force, problem=problem)
        return [folder / name for name in names]
    return [writable(folder / name, force=force, problem=problem) for name in names]


@contextmanager
def made(folder: Path, *, parents: bool = False) -> Iterator[None]:
    """Make a folder for the block, and remove it again if the block fails.

    Args:
        folder: the folder, which may exist.
        parents: whether the folders above it may be missing too.

    Raises:
        OSError: it cannot be made.
    """
    new = [place for place in (folder, *folder.parents) if not place.exists()]
    folder.mkdir(parents=parents, exist_ok=True)
    try:
        yield
    except BaseException:
        with suppress(OSError):  # it is not empty: the block, or another command, has written to it
            for place in new:
                place.rmdir()
        raise


@contextmanager
def temporary_space(problem: type[HeadgraphError] = UnwritableFile) -> Iterator[None]:
    """State it as `problem` if the block cannot write temporary files.

    Raises:
        problem: the system's folder for temporary files is missing, full or cannot be written.
    """
    try:
        yield
    except OSError as error:
        raise problem(
            f"the folder for temporary files cannot be written: {reason(error)}; set TMPDIR to one "
            "with room"
        ) from error


def _refuse(path: Path, mode: int, force: bool, problem: type[HeadgraphError]) -> None:
    if stat.S_ISDIR(mode):
        raise problem(f"{shown(path)} is a folder: expected the name of a file")
    if not stat.S_ISREG(mode):
        raise problem(
            f"{shown(path)} is {kind_of(mode)}: expected the name of a file, which is written "
            "whole or not at all"
        )
    if not force:
        raise OutputExists(
            f"{shown(path)} exists already: give another name, or {argument('force', True)} to "
            "replace it"
        )


def _about(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
