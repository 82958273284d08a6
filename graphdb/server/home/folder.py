"""The folder of a local server: data, password, settings and logs, for its owner alone."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from headgraph.graphdb.errors import ServerError

SPACE_NEEDED = 120_000_000
"""Bytes for a new home, which takes 102 MB: a copy of Browser, the files that a start unpacks, and
empty databases with their logs."""

SPACE_AGAIN = 70_000_000
"""Bytes for a start with an existing home: the files that it unpacks (48 MB), and a log file."""

SPACE_TO_WRITE = 20_000_000
"""Bytes for a transaction: the next log file, and what a large transaction writes beyond it."""


@dataclass(frozen=True)
class ServerHome:
    """The folder of one local server. Two homes are two servers.

    Attributes:
        path: the folder, absolute and with links resolved. Its name on a process's command line
            identifies the server.
    """

    path: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", Path(self.path).expanduser().resolve())

    @classmethod
    def default(cls) -> "ServerHome":
        """The home under the user's data folder (XDG_DATA_HOME moves it)."""
        import platformdirs

        return cls(platformdirs.user_data_path("headgraph") / "server")

    @classmethod
    def of(cls, home: "ServerHome | str | os.PathLike[str] | None") -> "ServerHome":
        """A home from a home, a path, or None for the default."""
        if isinstance(home, ServerHome):
            return home
        return cls.default() if home is None else cls(Path(home))

    @property
    def conf(self) -> Path:
        """Folder of neo4j.conf and of java's arguments."""
        return self.path / "conf"

    @property
    def overrides(self) -> Path:
        """File with the user's own settings of Neo4j, see `config.read_overrides`."""
        return self.conf / "user.conf"

    @property
    def data(self) -> Path:
        """Folder of the databases."""
        return self.path / "data"

    @property
    def tmp(self) -> Path:
        """Folder for the files that the server unpacks while it runs."""
        return self.path / "tmp"

    @property
    def log(self) -> Path:
        """Neo4j's own log."""
        return self.path / "logs" / "neo4j.log"

    @property
    def debug_log(self) -> Path:
        """Neo4j's longer log, with the causes of failures."""
        return self.log.with_name("debug.log")

    @property
    def console(self) -> Path:
        """Output of Java and Neo4j since the last start."""
        return self.path / "logs" / "console.log"

    @property
    def password_file(self) -> Path:
        """File of mode 0600 with the password alone."""
        return self.path / "password"

    @property
    def state_file(self) -> Path:
        """File with process number and ports of the running or the last server."""
        return self.path / "server.json"

    @property
    def ports_file(self) -> Path:
        """File with the ports of the last server that was ready; a stop keeps it."""
        return self.path / "ports.json"

    def prepare(self) -> None:
        """Create the folders, private to their owner.

        Raises:
            ServerError: the folder belongs to another user, or its disk is full.
            OSError: it cannot be written.
        """
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.refuse_foreign()
        self.path.chmod(0o700)
        # a killed server leaves its files: jetty unpacks a folder at each start
        shutil.rmtree(self.tmp, ignore_errors=True)
        for folder in (self.conf, self.data / "dbms", self.tmp, self.log.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        was_there = (self.data / "databases").exists()
        refuse_full_disk(self.path, SPACE_AGAIN if was_there else SPACE_NEEDED)

    def refuse_foreign(self) -> None:
        """Raise ServerError if another user owns the folder: files of two owners break it."""
        if sys.platform == "win32" or not self.path.exists():
            return
        owner, user = self.path.stat().st_uid, os.getuid()
        if owner != user:
            raise ServerError(
                f"the server's folder {self.path} belongs to user number {owner} and this is user "
                f"number {user}: run headgraph as its owner, or set XDG_DATA_HOME to a folder of "
                "your own"
            )

    @contextmanager
    def locked(self, timeout_s: float) -> Iterator[None]:
        """Hold the home's lock, so that two commands cannot start or stop its server at once.

        Raises:
            ServerError: another command still holds it after `timeout_s` seconds.
        """
        import filelock

        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.refuse_foreign()
        try:
            with filelock.FileLock(self.path / "lock", timeout=timeout_s, mode=0o600):
                yield
        except filelock.Timeout:
            raise ServerError(
                f"another headgraph command has been busy with the server in {self.path} for more "
                f"than {timeout_s:.0f} s: wait for it or end it, then try again"
            ) from None


AnyHome = ServerHome | str | os.PathLike[str] | None
"""A home, its path, or None for the one under the user's data folder."""


def refuse_full_disk(folder: Path, needed: int) -> None:
    """Raise ServerError if the disk of `folder` has fewer than `needed` bytes free."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise ServerError(
            f"the disk of {folder} has {free // 10**6} MB left and {-(-needed // 10**6)} MB are "
            "needed: free some space, or move the folder with XDG_DATA_HOME (data) or "
            "XDG_CACHE_HOME (downloads)"
        )


@contextmanager
def stated(what: str, folder: Path) -> Iterator[None]:
    """Turn an error of the operating system in the block into one sentence about `folder`.

    Raises:
        ServerError: in place of any OSError.
    """
    try:
        yield
    except OSError as error:
        where = error.filename or folder
        raise ServerError(
            f"cannot {what}: {error.strerror or error} ({where}); expected a folder that this user "
            "can write, on a disk with space: check its permissions, or move it with "
            "XDG_DATA_HOME (data) or XDG_CACHE_HOME (downloads)"
        ) from error
