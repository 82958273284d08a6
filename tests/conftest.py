"""What all tests share: one real Neo4j for the session, and quiet, comparable arithmetic."""

from collections.abc import Iterator

import pytest
from hypothesis import settings
from threadpoolctl import threadpool_limits

from headgraph.graphdb import Graph, connect
from headgraph.graphdb.server import RunningServer
from tests.graphdb_server_fixture import private_homes, server

__all__ = ["private_homes", "server"]

# time limits of single examples say more about the machine than about the code
settings.register_profile("headgraph", deadline=None)
settings.load_profile("headgraph")


@pytest.fixture(scope="session", autouse=True)
def one_blas_thread() -> Iterator[None]:
    """The oracles multiply large float64 matrices while Neo4j runs beside them."""
    with threadpool_limits(1):
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
