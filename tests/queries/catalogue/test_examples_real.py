"""The answers in docs/reference/queries.md are those that a real server gives."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from headgraph import queries
from headgraph.graphdb import Graph
from headgraph.queries.stored_queries.markdown import EXAMPLES, docs
from tests.queries.conftest import emptied

FOLDER = Path(__file__).parents[3] / "examples"


@pytest.fixture(scope="module")
def script() -> Iterator[ModuleType]:
    sys.path.insert(0, str(FOLDER))
    import stored_queries

    yield stored_queries
    sys.path.remove(str(FOLDER))


@pytest.fixture(scope="module")
def loaded(script: ModuleType, database: Graph) -> Iterator[Graph]:
    emptied(database)
    script.load_runs(database)
    yield database
    emptied(database)


@pytest.mark.parametrize("name", list(queries.catalogue()))
def test_the_example_is_what_the_server_answers(
    loaded: Graph, script: ModuleType, name: str
) -> None:
    written = (EXAMPLES / f"{name}.txt").read_text("utf-8")
    assert script.example(queries.get(name), loaded) == written, "make examples writes it again"
    assert "no rows" not in written
    assert written.rstrip() in docs()


def test_no_example_of_a_query_that_is_gone() -> None:
    assert {path.name for path in EXAMPLES.iterdir()} == {f"{it}.txt" for it in queries.catalogue()}
