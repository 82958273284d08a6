"""Stored queries, loads and the guard on the newest Neo4j, in Cypher 5 and in Cypher 25."""

from collections.abc import Iterator

import pandas as pd
import pytest

from headgraph import loader, queries
from headgraph.graphdb import Graph
from headgraph.queries.errors import Refused
from headgraph.queries.stored_queries.query import Query
from headgraph.queries.stored_queries.values import example
from tests.newest_server import In
from tests.queries.conftest import TOP, emptied
from tests.queries.statements.examples import HARMLESS, HOSTILE
from tests.tables import random_table

LANGUAGES = (5, 25)
OTHER = "other"


@pytest.fixture(scope="module", params=["5.26", *LANGUAGES], ids=lambda it: f"cypher-{it}")
def asked(request: pytest.FixtureRequest, database: Graph, newest: Graph) -> Graph:
    """Each server and language with the same contents."""
    if request.param == "5.26":
        return database
    return In(newest, request.param)  # type: ignore[return-value]


@pytest.fixture(scope="module", autouse=True)
def loaded(database: Graph, newest: Graph) -> Iterator[None]:
    """GPT-2, and two checkpoints of a random model, on both servers."""
    for graph in (database, newest):
        emptied(graph)
        loader.load("gpt2-small", graph, run="gpt2", selection=TOP)
        for step in (1.0, 2.0):
            table = random_table(
                12, 12, series="s", step=step, metrics=("pk", "cs"), seed=int(step)
            )
            loader.load(table, graph, run=f"step-{step:.0f}", selection=TOP)
        queries.communities(graph, run="gpt2", write=True)
    yield
    for graph in (database, newest):
        emptied(graph)


def values(query: Query) -> dict[str, str]:
    open_ = [p for p in query.params.values() if p.required and p.name != "run"]
    found = {p.name: query.example.get(p.name, example(p.type)) for p in open_}
    return {
        name: "step-1" if query.params[name].type == "run" else it for name, it in found.items()
    }


@pytest.fixture(scope="module")
def expected(database: Graph, loaded: None) -> dict[str, pd.DataFrame]:
    return {
        name: queries.query(name, database, run="gpt2", **values(query))
        for name, query in queries.catalogue().items()
    }


@pytest.mark.parametrize("name", queries.catalogue())
def test_every_stored_query_has_the_same_answer(
    asked: Graph, expected: dict[str, pd.DataFrame], name: str
) -> None:
    query = queries.get(name)
    answer = queries.query(name, asked, run="gpt2", **values(query))
    pd.testing.assert_frame_equal(
        lasting(answer), lasting(expected[name]), rtol=1e-9, check_dtype=False
    )


def lasting(frame: pd.DataFrame) -> pd.DataFrame:
    """An answer without the time of the load."""
    times = [name for name in frame.columns if name.endswith("_at")]
    rows = pd.DataFrame(frame).drop(columns=times)
    if "fact" in rows:
        rows = rows[~rows["fact"].str.endswith("_at")].reset_index(drop=True)
    return rows


def test_the_catalogue_is_checked(asked: Graph) -> None:
    queries.check(asked)


def test_most_answers_have_rows(expected: dict[str, pd.DataFrame]) -> None:
    empty = [name for name, frame in expected.items() if frame.empty]
    assert len(empty) <= 5, empty


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("statement", HOSTILE, ids=repr)
def test_hostile_statements_are_refused(newest: Graph, statement: str, language: int) -> None:
    before = newest.read("MATCH (n) RETURN count(n), sum(size(keys(n)))").rows
    for text in (statement, f"CYPHER {language} {statement}"):
        with pytest.raises(Refused):
            queries.cypher(text, newest)
    assert newest.read("MATCH (n) RETURN count(n), sum(size(keys(n)))").rows == before


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("statement", HARMLESS, ids=repr)
def test_harmless_statements_run(newest: Graph, statement: str, language: int) -> None:
    text = statement
    if not statement.lower().startswith("cypher "):
        text = f"CYPHER {language} {statement}"
    queries.cypher(text, newest, limit=50)
