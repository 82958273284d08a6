"""Exchange of one store for another, in the data folder of a stopped server.

If an exchange is interrupted at any step, the next start undoes it, see `heal`. Each step is a
rename within one disk, which happens completely or not at all:

    replaced/   made first; the old parts move there, the new ones to their places
    discarded/  `replaced` gets this name once the server has answered with the new store. Before
                this rename, `heal` restores the old store. After it, the new store stays.
"""

import shutil
from pathlib import Path

from headgraph.graphdb.server.home.folder import ServerHome

DATABASE = "neo4j"
"""The one database of a Community server, apart from its own `system`."""

PARTS = (Path("databases") / DATABASE, Path("transactions") / DATABASE)
"""Folders of a store, in a server's data folder."""


def replace_store(home: ServerHome, data: Path) -> None:
    """Put a new store in place of a stopped server's store, which is set aside.

    `keep` makes this permanent, `heal` undoes it. Without either, the next start calls `heal`.

    Raises:
        OSError: a folder cannot be renamed; the old store is then back in its place.
    """
    heal(home)
    try:
        _aside(home).mkdir(mode=0o700)
        for part in PARTS:
            _exchange(home, data / part, part)
    except BaseException:
        heal(home)
        raise


def keep(home: ServerHome) -> None:
    """Keep the new store, and delete the old one."""
    if _aside(home).exists():
        _delete(discarded(home))
        _aside(home).rename(discarded(home))
    _delete(discarded(home))


def heal(home: ServerHome) -> None:
    """Put the old store back, unless `keep` was called; the server must be stopped.

    Raises:
        OSError: a folder cannot be removed or renamed; the next call continues from there.
    """
    for part in PARTS:
        old, place = _aside(home) / part, home.data / part
        if not old.exists():
            continue  # not replaced yet, or already put back
        _delete(place)
        old.rename(place)
        if not any(place.iterdir()):
            place.rmdir()  # the old store had no such part
    _delete(_aside(home))
    _delete(discarded(home))


def _exchange(home: ServerHome, new: Path, part: Path) -> None:
    old, place = _aside(home) / part, home.data / part
    for parent in (old.parent, place.parent):
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if place.exists():
        place.rename(old)
    else:
        old.mkdir()  # marks the new part as new
    new.rename(place)


def _aside(home: ServerHome) -> Path:
    return home.path / "replaced"


def discarded(home: ServerHome) -> Path:
    """Folder of a replaced store that is to be deleted."""
    return home.path / "discarded"


def _delete(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
