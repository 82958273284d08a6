"""Files that killed commands left in the local server's home and in the cache of its jars."""

import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from headgraph.graphdb.server.home.folder import ServerHome, stated
from headgraph.graphdb.server.jars import cache_folder, damaged
from headgraph.graphdb.server.running_server import pid_of
from headgraph.graphdb.server.store.exchange import discarded

_BEFORE = "replaced-*"  # the folder of replaced stores in version 0.1.0 and before
BUSY_S = 2.0  # seconds to wait for another command that holds a lock


@dataclass(frozen=True)
class Leftover:
    """A file or folder that is no longer used.

    Attributes:
        path: its path.
        what: what it is, in words.
        size: bytes on the disk.
    """

    path: Path
    what: str
    size: int

    def __str__(self) -> str:
        return f"{self.what}, {self.size / 1e6:,.1f} MB: {self.path}"


def leftovers(
    home: ServerHome | None = None, cache: Path | None = None, *, online: bool
) -> list[Leftover]:
    """Files that are no longer used. Files of a running command are under its lock, and left out.

    Args:
        home: the local server's folder; None for the one under the user's data folder.
        cache: folder of its jars; None for the one under the user's cache folder.
        online: whether its database has just answered. If it has not, a store that an import put
            aside may be the only complete one, and is not a leftover.

    Raises:
        ServerError: another command is busy with the server, or a folder cannot be read.
    """
    with _held(home, cache, online=online) as found:
        return found


def clear(
    listed: Iterable[Leftover],
    home: ServerHome | None = None,
    cache: Path | None = None,
    *,
    online: bool,
) -> list[Leftover]:
    """Delete leftovers that are still unused; arguments as `leftovers`.

    Returns:
        The leftovers that were deleted.

    Raises:
        ServerError: as `leftovers`, or one cannot be deleted.
    """
    paths = {leftover.path for leftover in listed}
    with _held(home, cache, online=online) as found:
        gone = [leftover for leftover in found if leftover.path in paths]
        for leftover in gone:
            with stated("delete what was left", leftover.path):
                if leftover.path.is_dir() and not leftover.path.is_symlink():
                    shutil.rmtree(leftover.path)
                else:
                    leftover.path.unlink(missing_ok=True)
        return gone


@contextmanager
def _held(home: ServerHome | None, cache: Path | None, *, online: bool) -> Iterator[list[Leftover]]:
    """The leftovers, under locks that keep other commands from using or making them."""
    home, cache = home or ServerHome.default(), cache or cache_folder()
    found: list[Leftover] = []
    with ExitStack() as locks:
        with stated("look for leftovers", home.path):
            if home.path.exists():
                locks.enter_context(home.locked(BUSY_S))
                found += _of_starts(home)
                if locks.enter_context(_if_free(home.path / "import.lock")):
                    found += _of_imports(home, online=online)
            if cache.exists() and locks.enter_context(_if_free(cache / "lock")):
                found += _listed(damaged(cache), "program file of Neo4j, damaged or half fetched")
        yield found


@contextmanager
def _if_free(path: Path) -> Iterator[bool]:
    """Try to take a lock; false if another command holds it."""
    import filelock

    lock = filelock.FileLock(path, timeout=0, mode=0o600)
    try:
        lock.acquire()
    except filelock.Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def _of_starts(home: ServerHome) -> Iterator[Leftover]:
    """Half-written files, and files that a server unpacked."""
    for folder in (home.path, home.data / "dbms", home.path / "web"):
        yield from _listed(sorted(folder.glob("*.part")), "half-written file")
    if home.tmp.exists() and pid_of(home) is None:
        yield from _listed(sorted(home.tmp.iterdir()), "temporary files of a server that has ended")


def _of_imports(home: ServerHome, *, online: bool) -> Iterator[Leftover]:
    """The folder of an import, and stores that imports have replaced."""
    scratch = home.path / "import"
    yield from _listed([scratch] if scratch.exists() else [], "files of an import that was cut off")
    if online:  # without the folder "replaced", which the next start puts back (`heal`)
        aside = [discarded(home), *sorted(home.path.glob(_BEFORE))]
        there = [folder for folder in aside if folder.exists()]
        yield from _listed(there, "store that an import has replaced")


def _listed(paths: Iterable[Path], what: str) -> Iterator[Leftover]:
    for path in paths:
        yield Leftover(path, what, _size(path))


def _size(path: Path) -> int:
    if not path.is_dir() or path.is_symlink():
        return path.lstat().st_size
    return sum(inner.lstat().st_size for inner in path.rglob("*") if not inner.is_dir())
