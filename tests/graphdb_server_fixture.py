"""A real local server for the test session: `from tests.graphdb_server_fixture import *` or plugin.

`private_homes` keeps every test away from the user's own server and from a NEO4J_URI in the
environment; `server` is started when the first test asks for it and ended with the session.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock
import pytest

from headgraph import loader, queries
from headgraph.graphdb import connect
from headgraph.graphdb.server import (
    ANY_PORTS,
    RunningServer,
    ServerHome,
    archive,
    start,
    stop,
)
from headgraph.graphdb.server.home import config
from headgraph.graphdb.server.jars import ensure_jars
from headgraph.graphdb.server.process import find_java
from headgraph.graphdb.server.store import importer
from headgraph.queries.browser import served_files
from tests.tables import random_table

# The second of Java's compilers does not pay in what lives for minutes. Whatever an archive of
# classes depends on, such as their verification, stays as it is for users: a test's server uses
# the user's archive. Only `classes` records one, as each recording costs as much as two starts.
# With the first compiler alone, Java keeps 48 MB for compiled code, which planning fills again and
# again: each time it marks the whole heap, and drops code that it then compiles anew. Marking for
# new classes, of which a server loads more than the usual 21 MB at its start, finds nothing either.
QUICK_JAVA = (
    "-XX:TieredStopAtLevel=1",
    "-XX:ReservedCodeCacheSize=240m",
    "-XX:MetaspaceSize=512m",
)


@pytest.fixture(scope="session", autouse=True)
def private_homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data home of the session's own; the cache with the jars stays the user's."""
    folder = tmp_path_factory.mktemp("data-home")
    write_arguments = config.write_arguments

    def quick(path: Path, arguments: Iterable[str]) -> None:
        write_arguments(path, [*QUICK_JAVA, *arguments])

    with pytest.MonkeyPatch.context() as patch:
        for module in (config, importer):
            patch.setattr(module, "write_arguments", quick)
        patch.setattr(archive, "TRIES", 0)
        patch.setenv("XDG_DATA_HOME", str(folder))
        for name in [name for name in os.environ if name.startswith("NEO4J_")]:
            patch.delenv(name)
        yield folder


@contextmanager
def own_home(path: Path) -> Iterator[ServerHome]:
    """A home for a server of the tests' own; one that runs there is stopped when the block ends."""
    from headgraph.graphdb.server.process import find_process

    home = ServerHome(path)
    try:
        yield home
    finally:
        stop(home)
        assert find_process(home) is None, "a test's server outlived it"


def keep_plans(home: ServerHome) -> None:
    """Let the home's server keep the plan of a statement, as the contents change between tests.

    A tenth of a second goes into each new plan, and what a statement answers does not depend on it.
    """
    home.prepare()
    home.overrides.write_text("dbms.cypher.min_replan_interval=1h\n", encoding="utf-8")


@pytest.fixture(scope="session")
def classes(private_homes: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The user's archive of Java's classes; if there is none, one process records it first.

    It saves every later start about half of its time, in this session and the next.
    """
    folder = archive.place(find_java(), ensure_jars())
    folder.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(folder / "tests.lock"), pytest.MonkeyPatch.context() as patch:
        if archive.is_good(folder / archive.TOP):
            return
        patch.setattr(archive, "TRIES", 1_000_000)  # those of killed servers do not count
        with own_home(tmp_path_factory.mktemp("recorder") / "server") as home:
            with connect(settings=start(home, ports=ANY_PORTS).settings()) as graph:
                loader.load(random_table(), graph, run="tiny")
                queries.query("hubs", graph, run="tiny")
            stop(home)
        assert archive.is_good(folder / archive.TOP)


@pytest.fixture(scope="session")
def server(private_homes: Path, classes: None) -> Iterator[RunningServer]:
    """The session's server, on free ports, in the default home of `private_homes`."""
    path = ServerHome.default().path
    assert private_homes in path.parents, "tests must not touch the user's own server"
    with own_home(path) as home:
        keep_plans(home)
        yield start(home, ports=ANY_PORTS, pages=served_files())
