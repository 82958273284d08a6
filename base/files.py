"""Files that are there whole or not at all."""

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from headgraph.base._temporary import clear_files, temporary_file, temporary_folder
from headgraph.base.documents import kind_of, reason, shown
from headgraph.base.errors import HeadgraphError, OutputExists, UnwritableFile

__all__ = ["beside", "folder_of_files", "made", "scratch", "temporary_space", "writable"]

scratch = temporary_folder


@contextmanager
def beside(path: Path) -> Iterator[IO[Any]]:
    """A binary stream whose file takes the place of `path` when the block ends.

    It lies in the same folder until then, and is gone when the block fails: whoever reads `path`
    finds what was there before or what was written, and never a part. Permissions are those of any
    new file of the user. Of a symbolic link the file that it leads to is replaced, and the link
    stays. What killed processes left in that folder goes first.

    Raises:
        OSError: the folder is missing or cannot be written, the disk is full, or `path` is a
            device, a pipe or anything else that is no file.
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
    """The path, when a file can be written there; call it before the work, not after it.

    It is tried: a file is made beside `path` and removed.

    Args:
        path: of a file, which may be there or not; links are followed.
        force: whether a regular file that is there may be replaced. Nothing else is.
        problem: the class of the errors other than OutputExists.

    Raises:
        OutputExists: the file is there and `force` is false.
        problem: it is no regular file, its folder does not exist, or cannot be written.
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
    """The paths of files in a folder that need not be there yet; otherwise as `writable`.

    Args:
        folder: where the files are to be.
        names: of the files.
        force: whether regular files that are there may be replaced.
        parents: whether the folders above `folder` may be missing too.
        problem: the class of the errors other than OutputExists.

    Raises:
        OutputExists: one of the files is there and `force` is false.
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
        first = folder  # of those that will be made
        while parents and not first.parent.exists():
            first = first.parent
        writable(first, force=force, problem=problem)
        return [folder / name for name in names]
    return [writable(folder / name, force=force, problem=problem) for name in names]


@contextmanager
def made(folder: Path, *, parents: bool = False) -> Iterator[None]:
    """A folder to write into; those that were made for it go again where nothing came of it.

    Args:
        folder: which may be there.
        parents: whether the folders above it may be missing too.

    Raises:
        OSError: it cannot be made.
    """
    new = [place for place in (folder, *folder.parents) if not place.exists()]
    folder.mkdir(parents=parents, exist_ok=True)
    try:
        yield
    except BaseException:
        with suppress(OSError):  # something is in it: of the block, or of another command
            for place in new:
                place.rmdir()
        raise


@contextmanager
def temporary_space(problem: type[HeadgraphError] = UnwritableFile) -> Iterator[None]:
    """Say of a block that writes temporary files where they could not be written.

    Raises:
        problem: the system's folder for temporary files is missing or full, or cannot be written.
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
            f"{shown(path)} exists already: give another name, or --force to replace it"
        )


def _about(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
