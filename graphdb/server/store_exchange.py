"""One store in the place of another, in the data folder of a server that is stopped.

An exchange that is cut off, at whatever step, is taken back by the next start: see `heal`. The
steps are renames within one disk, each of which happens or does not:

    replaced/   made first; the old parts move there, the new ones to their places
    discarded/  what `replaced` becomes when the server answered with the new store, in one rename:
                before it `heal` brings the old store back, after it the new one stays
"""

import shutil
from pathlib import Path

from headgraph.graphdb.server.home import ServerHome

DATABASE = "neo4j"
"""The one database of a Community server, apart from its own `system`."""

PARTS = (Path("databases") / DATABASE, Path("transactions") / DATABASE)
"""Folders of a store, in a server's data folder."""


def replace_store(home: ServerHome, data: Path) -> None:
    """Put a built store in the place of a stopped server's, and keep what was there.

    `keep` makes it last, `heal` brings back what was there. Until one of them ran, so will the next
    start (`heal`).

    Raises:
        OSError: a folder cannot be renamed; then everything is as it was.
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
    """Have the new store stay, and delete what it took the place of."""
    if _aside(home).exists():
        _delete(discarded(home))
        _aside(home).rename(discarded(home))
    _delete(discarded(home))


def heal(home: ServerHome) -> None:
    """Bring back what an exchange replaced unless `keep` was told; the server must be stopped.

    Raises:
        OSError: a folder cannot be removed or renamed; the next call goes on from there.
    """
    for part in PARTS:
        old, place = _aside(home) / part, home.data / part
        if not old.exists():
            continue  # not replaced yet, or brought back already
        _delete(place)
        old.rename(place)
        if not any(place.iterdir()):
            place.rmdir()  # it stood for a part that was not there
    _delete(_aside(home))
    _delete(discarded(home))


def _exchange(home: ServerHome, new: Path, part: Path) -> None:
    old, place = _aside(home) / part, home.data / part
    for parent in (old.parent, place.parent):
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if place.exists():
        place.rename(old)
    else:
        old.mkdir()  # so that the new part is known to be one
    new.rename(place)


def _aside(home: ServerHome) -> Path:
    return home.path / "replaced"


def discarded(home: ServerHome) -> Path:
    """Where a replaced store waits to be deleted, once the new one is there to stay."""
    return home.path / "discarded"


def _delete(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
