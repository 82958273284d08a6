"""One store in the place of another, in the data folder of a server that is stopped."""

import shutil
import tempfile
from pathlib import Path

from graphdb.server.home import ServerHome

DATABASE = "neo4j"
"""The one database of a Community server, apart from its own `system`."""

PARTS = (Path("databases") / DATABASE, Path("transactions") / DATABASE)
"""Folders of a store, in a server's data folder."""

ASIDE = "replaced-"
"""How the folder's name begins where a replaced store waits to be brought back or deleted."""


def replace_store(home: ServerHome, data: Path) -> "Replaced":
    """Put a built store in the place of a stopped server's, and keep what was there.

    Raises:
        OSError: a folder cannot be renamed; then everything is as it was.
    """
    replaced = Replaced(home)
    try:
        for part in PARTS:
            replaced.put(data / part, part)
    except BaseException:
        replaced.undo()
        raise
    return replaced


class Replaced:
    """What a store took the place of, to be brought back or done away with."""

    def __init__(self, home: ServerHome) -> None:
        self.home = home
        self.kept = Path(tempfile.mkdtemp(dir=home.path, prefix=ASIDE))
        self._put: list[Path] = []

    def put(self, new: Path, part: Path) -> None:
        """Move what is at `part` of the data folder aside, and `new` there."""
        old = self.home.data / part
        (self.kept / part).parent.mkdir(parents=True, exist_ok=True)
        old.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if old.exists():
            old.rename(self.kept / part)
        self._put.append(part)
        new.rename(old)

    def undo(self) -> None:
        """Bring back what was there; the server must be stopped."""
        for part in PARTS:
            aside, place = self.kept / part, self.home.data / part
            if aside.exists() or part in self._put:  # else it was not touched yet
                shutil.rmtree(place, ignore_errors=True)
            if aside.exists():
                aside.rename(place)
        self.forget()

    def forget(self) -> None:
        """Delete what was there."""
        shutil.rmtree(self.kept, ignore_errors=True)
