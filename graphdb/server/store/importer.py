"""Neo4j's importer: CSV files into a store, without a running database.

The Community edition imports only into a new store. So the store is built beside the server's own,
while the server may run, and takes its place when it is complete (`lifecycle.restart_with`).
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from headgraph.base.progress import Progress, silent
from headgraph.graphdb.errors import ServerError
from headgraph.graphdb.server.home.config import write_arguments
from headgraph.graphdb.server.home.folder import (
    SPACE_TO_WRITE,
    ServerHome,
    refuse_full_disk,
    stated,
)
from headgraph.graphdb.server.jars import ensure_jars
from headgraph.graphdb.server.process import (
    GENTLE_S,
    child,
    environment,
    find_java,
    wait_gone,
)
from headgraph.graphdb.server.store.exchange import DATABASE, PARTS

if TYPE_CHECKING:
    import filelock

ADMIN = "org.neo4j.cli.AdminTool"
_THROWN = re.compile(r"(?:Caused by: )?[\w.$]+(?:Exception|Error): (.+)")

LOOK_S = 1.0  # seconds between two looks at how full the disk is

ROOM = 4
"""Bytes that must be free on the disk for each byte of CSV; a store takes fewer."""


@contextmanager
def workplace(home: ServerHome) -> Iterator[Path]:
    """A folder beside the server's data, for one import at a time, removed after the block.

    Raises:
        ServerError: another import is running, or the folder cannot be made.
    """
    import filelock

    with stated("import into the local server", home.path):
        home.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        home.refuse_foreign()
        lock = _lock(home)
        try:
            lock.acquire()
        except filelock.Timeout:
            raise ServerError(
                f"another headgraph command is importing into {home.path}: wait until it is done"
            ) from None
    scratch = _scratch(home)
    try:
        with stated("import into the local server", home.path):
            _remove(scratch)
            scratch.mkdir(mode=0o700)
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        lock.release()


def clear(home: ServerHome) -> None:
    """Remove the files of a killed import; one that is running is left alone.

    Raises:
        OSError: they cannot be removed.
    """
    import filelock

    if not _scratch(home).exists():
        return
    try:
        with _lock(home):
            _remove(_scratch(home))
    except filelock.Timeout:
        return  # an import is running


def _scratch(home: ServerHome) -> Path:
    return home.path / "import"


def _lock(home: ServerHome) -> "filelock.BaseFileLock":
    import filelock

    return filelock.FileLock(home.path / "import.lock", timeout=0, mode=0o600)


def _remove(scratch: Path) -> None:
    """Remove the folder of a killed import, and end its importer, which may still run."""
    import psutil

    if not scratch.exists():
        return
    for process in psutil.process_iter(["cmdline"]):
        if _argument(scratch) in (process.info["cmdline"] or ()):
            with suppress(psutil.NoSuchProcess):
                process.kill()
            wait_gone(process.pid, GENTLE_S)
    shutil.rmtree(scratch)


def _argument(scratch: Path) -> str:
    """The argument of java by which an importer is recognised among processes."""
    return f"@{scratch / 'java.args'}"


def build_store(
    scratch: Path, nodes: Path, relationships: Path, *, progress: Progress | None = None
) -> Path:
    """Make a store from two CSV files; returns its data folder.

    Args:
        scratch: folder to work in, see `workplace`.
        nodes: file with a header, as `neo4j-admin database import` reads it. A file in `scratch`
            is safe whatever characters its path has.
        relationships: file of the relationships, with a header.
        progress: called with each step.

    Raises:
        ServerError: no Java, no jars, a full disk, or files that the importer refuses.
    """
    java, jars = find_java(), ensure_jars(progress=progress or silent)
    size = nodes.stat().st_size + relationships.stat().st_size
    refuse_full_disk(scratch, ROOM * size)
    (progress or silent)("importing", 0, 0)
    with stated("import into the local server", scratch):
        _import(java, jars, scratch, nodes, relationships)
    return scratch / "data"


def _import(java: Path, jars: list[Path], scratch: Path, nodes: Path, relationships: Path) -> None:
    (scratch / "tmp").mkdir()
    (scratch / "conf").mkdir()
    arguments = [
        "-Xmx1g",
        "-XX:-UsePerfData",
        f"-Djava.io.tmpdir={scratch / 'tmp'}",
        "-Dfile.encoding=UTF-8",
        "-cp",
        os.pathsep.join(map(str, jars)),
        ADMIN,
        # the name comes first: after --relationships it would be read as one more file
        *("database", "import", "full", DATABASE, "--verbose"),
        f"--nodes={_inside(scratch, nodes)}",
        f"--relationships={_inside(scratch, relationships)}",
        "--max-off-heap-memory=50%",
        f"--report-file={scratch / 'report'}",
    ]
    write_arguments(scratch / "java.args", arguments)
    where = {"NEO4J_HOME": str(scratch), "NEO4J_CONF": str(scratch / "conf")}
    with child(
        [str(java), _argument(scratch)],
        cwd=scratch,
        env={**environment(), **where},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        umask=0o077 if os.name == "posix" else -1,
    ) as process:
        said = _said(process, scratch)
    if process.returncode or not (scratch / "data" / PARTS[0]).is_dir():
        raise ServerError(f"Neo4j's importer refuses the files: {last_words(said)!r}")


def _said(process: "subprocess.Popen[str]", scratch: Path) -> str:
    """What the importer said, once it has ended; on a full disk it never does: that is an error."""
    while True:
        with suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=LOOK_S)[0]
        refuse_full_disk(scratch, SPACE_TO_WRITE)


def _inside(scratch: Path, file: Path) -> str:
    """A file's name for the importer, in which a comma or = has a meaning."""
    return file.name if file.parent == scratch else str(file)


def last_words(said: str) -> str:
    """The message of Java's innermost exception; the last line if there is none."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    thrown = [match[1] for line in lines if (match := _THROWN.match(line))]
    return (thrown or lines or ["nothing"])[-1].rpartition("Exception: ")[2][:300]
