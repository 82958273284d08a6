"""Java's classes as an archive, which a start maps into memory instead of reading all jars.

The first server records one, and its stop writes it: on top of a base of Java's own classes, those
that Neo4j has used. Without a good archive a server starts as if there were none.
"""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from headgraph.graphdb.server.home.config import VERSION, argument_file
from headgraph.graphdb.server.home.folder import ServerHome
from headgraph.graphdb.server.jars import cache_folder
from headgraph.graphdb.server.process import child

DUMP_S = 60.0
"""Seconds for Java to write the base, which takes one."""
SPACE_NEEDED = 400_000_000
"""Bytes that the disk of the cache must have free for a recording, which takes up to half of it."""
TRIES = 3
"""Servers that record before it is given up, as where each is killed before it has written."""
BASE_TRIES = 3
"""Starts that write the base before it is given up, as where Java cannot."""
WRITTEN_S = 60.0
"""Seconds for a server that records to end, instead of the usual ones; it takes a few."""
KEPT = 5
"""Archives that stay when one is added, those used last: each Python environment has its own Java,
and its archive, some 150 MB, outlives it."""
BASE, TOP = "java.jsa", "neo4j.jsa"
# Java leaves out an archive that is not its own, or of other jars, and says so only if asked
_AT_EXIT = "-XX:ArchiveClassesAtExit="
_QUIET = ("-Xshare:auto", "-Xlog:cds*=off", "-Xlog:class+path=off")


def arguments(home: ServerHome, java: Path, jars: Sequence[Path]) -> list[str]:
    """Arguments with which java uses the archive, or records one; none where neither can be.

    Args:
        home: home of the server that starts.
        java: program that runs it.
        jars: Neo4j's jars.
    """
    with suppress(OSError):  # such as a full disk: the server needs no archive
        folder = place(java, jars)
        base, top = folder / BASE, folder / TOP
        for rest in _folder().glob(f"*/{_recording(home)}"):  # of a server that was killed
            rest.unlink(missing_ok=True)
        if not is_good(base) and not _write_base(base, java):
            return []
        if is_good(top):
            with suppress(OSError):  # a folder of another user's can be used all the same
                os.utime(folder)
            return [*_QUIET, f"-XX:SharedArchiveFile={base}{os.pathsep}{top}"]
        use = [*_QUIET, f"-XX:SharedArchiveFile={base}"]
        recording = folder / _recording(home)
        if shutil.disk_usage(folder).free < SPACE_NEEDED or not _tries_again(
            folder / "tries", TRIES
        ):
            return use
        return [*use, f"{_AT_EXIT}{recording}"]
    return []


def is_recording(home: ServerHome) -> bool:
    """Whether this home's server writes an archive as it ends."""
    with suppress(OSError):
        return _AT_EXIT in argument_file(home).read_text("utf-8", errors="replace")
    return False


def keep(home: ServerHome, *, whole: bool) -> None:
    """Take what this home's server recorded as it ended, unless another was faster.

    Args:
        home: home of the server that has ended.
        whole: whether it ended by itself; what one that was killed has written is deleted.
    """
    with suppress(OSError):  # the next server records again
        for recording in _folder().glob(f"*/{_recording(home)}"):
            top = recording.with_name(TOP)
            if not whole or is_good(top):
                recording.unlink()
            else:
                _put(recording, top)
                _remove_unused(top.parent)


def place(java: Path, jars: Sequence[Path]) -> Path:
    """The folder of the archive of this Java and these jars.

    Java compares the time of each file with the archive, so that these times are part of the name.
    """
    files = "\n".join(f"{path} {path.stat().st_mtime_ns}" for path in (java, *jars))
    name = hashlib.sha256(f"{VERSION}\n{files}".encode()).hexdigest()[:16]
    return _folder() / name


def is_good(archive: Path) -> bool:
    """Whether the file is what was put there: Java itself checks its length alone."""
    try:
        return _sum_file(archive).read_text("ascii", errors="replace") == _digest(archive)
    except FileNotFoundError:
        return False


def _write_base(base: Path, java: Path) -> bool:
    """Write an archive of Java's own classes, which the one from PyPI lacks; False if it cannot."""
    base.parent.mkdir(parents=True, exist_ok=True)
    if not _tries_again(base.with_suffix(".tries"), BASE_TRIES):
        return False
    new = base.with_name(f"{base.name}.{os.getpid()}")
    command = [str(java), "-Xshare:dump", "-XX:+UseG1GC", f"-XX:SharedArchiveFile={new}"]
    try:
        quiet = subprocess.DEVNULL
        with child(command, stdin=quiet, stdout=quiet, stderr=quiet) as process:
            if process.wait(DUMP_S):
                return False
        _put(new, base)
    except (OSError, subprocess.SubprocessError):
        return False
    finally:
        with suppress(OSError):  # which would hide an interruption
            new.unlink(missing_ok=True)
    return True


def _remove_unused(new: Path) -> None:
    """Remove the archives that were not used for longest; a server that runs keeps its own open."""
    os.utime(new)
    folders = [it for it in _folder().iterdir() if it.is_dir()]  # file managers leave files there
    for folder in sorted(folders, key=lambda it: it.stat().st_mtime)[:-KEPT]:
        shutil.rmtree(folder, ignore_errors=True)  # one that cannot go keeps no other


def _tries_again(counted: Path, most: int) -> bool:
    """Count another try in this file; False if there were too many."""
    with counted.open("a+b") as file:
        file.write(b".")
        return file.tell() <= most


def _put(new: Path, archive: Path) -> None:
    digest = _digest(new)
    _sum_file(archive).unlink(missing_ok=True)
    new.replace(archive)
    _sum_file(archive).write_text(digest, encoding="ascii")


def _sum_file(archive: Path) -> Path:
    return archive.with_suffix(".sha256")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _folder() -> Path:
    return cache_folder().with_name("classes")


def _recording(home: ServerHome) -> str:
    """Name of the file that this home's server writes as it ends."""
    return f"{hashlib.sha256(str(home.path).encode()).hexdigest()[:16]}.new"
