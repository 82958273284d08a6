"""What tests of loads and imports share."""

from collections.abc import Iterator
from functools import partial

import pytest

from headgraph.graphdb.server import RunningServer
from tests.loader.slow import Forks, Killed


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    with Forks() as forks:
        yield forks


@pytest.fixture
def killed_load(forks: Forks, server: RunningServer) -> Killed:
    """Function that stops a load in another process at its point, to be killed."""
    return partial(forks.killed, server)
