"""What all tests share: one real Neo4j for the session, and quiet, comparable arithmetic."""

import atexit
import gc
import os
import re
import signal
from collections.abc import Generator, Iterator
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import settings
from threadpoolctl import threadpool_limits

from headgraph.graphdb import Graph, connect
from headgraph.graphdb.server import RunningServer
from tests.graphdb_server_fixture import classes, private_homes, server
from tests.newest_server import newest

__all__ = ["classes", "newest", "private_homes", "server"]

# time limits of single examples say more about the machine than about the code
settings.register_profile("headgraph", deadline=None)
settings.load_profile("headgraph")

# a shell without job control begins background jobs with Ctrl-C ignored: tests would wait for it
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


LONGEST_FIRST = (
    "queries/test_newest_real.py",
    "test_hostile_values.py",  # without a server, while the first process records `classes`
    "pk_engine/models/test_model_types.py",
    "loader/test_offline_real.py",
    "test_browser_kit.py",
    "loader/loading/test_concurrent_real.py",
    "torture/test_kills.py",
    "loader/loading/test_interrupted_real.py",
    "test_docs.py",
    "graphdb/server/test_lifecycle.py",
    "test_browser_kit_page.py",
    "loader/imports/test_interrupted_real.py",
    "test_bad_values.py",
    "loader/exports/test_table.py",
    "pk_engine/metrics/test_published_figures.py",
    "pk_engine/planning/test_planning.py",
    "test_site.py",
)
"""Files of `tests/` that would leave one worker alone with them at the end."""


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Imports and items leave no garbage, and looking for it takes a third of the collection.

    Nor do they later: a million objects that stay to the end are not gone through again and again.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


# At Python's end these objects go too, as libraries would report them as leaked; not before
# pytest has looked for garbage, which takes seconds of each process with them.
atexit.register(gc.unfreeze)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those first; all else keeps its order."""
    here = Path(__file__).parent
    places = {here / name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


ASKS = re.compile(r"\b(database|graph|server): (Graph|RunningServer)\b|usefixtures\(\"graph\"")
"""What stands in a file of tests that need the session's server."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Tests that need a server go to two of three processes, as each starts one and plans anew.

    Some folders go to one process as a whole: stored queries, whose server plans each of them
    once, and Dask clusters, which share one. Who runs out of one kind takes the other.
    """
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    together = {"tests/queries/": True, "tests/pk_engine/scoring/cluster/": False}

    @cache
    def asks(scope: str) -> bool:
        if scope in together:
            return together[scope]
        return bool(ASKS.search((config.rootpath / scope).read_text("utf-8")))

    class Together(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            alone = super()._split_scope(nodeid)
            return next((it for it in together if nodeid.startswith(it)), alone)

        def _assign_work_unit(self, node: Any) -> None:
            mine = node in with_server
            if mine or len(with_server) >= 2 / 3 * self.numnodes:
                fitting = (scope for scope in self.workqueue if asks(scope) == mine)
                self.workqueue.move_to_end(next(fitting, next(iter(self.workqueue))), last=False)
            if asks(next(iter(self.workqueue))):
                with_server.add(node)
            super()._assign_work_unit(node)

    with_server: set[Any] = set()
    return Together(config, log)


@pytest.fixture(scope="session", autouse=True)
def one_blas_thread() -> Iterator[None]:
    """The oracles multiply large float64 matrices while Neo4j runs beside them."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module", autouse=True)
def environment(private_homes: Path) -> Iterator[None]:
    """No module leaves variables to the next: Dask sets the C library's for all that follows."""
    with patch.dict(os.environ):
        yield


@pytest.fixture(scope="session")
def database(server: RunningServer) -> Iterator[Graph]:
    """A connection to the session's server."""
    with connect(settings=server.settings()) as graph:
        yield graph


@pytest.fixture
def graph(database: Graph) -> Graph:
    """The session's database without any node."""
    database.command("MATCH (n) CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 10000 ROWS")
    return database


@pytest.fixture(scope="module")
def one_browser() -> Iterator[None]:
    """One browser for all pages of a module; each page has a profile of its own."""
    from tests.chromium import started

    with started():
        yield
