"""Stored queries, loads and the guard on the newest Neo4j, in Cypher 5 and in Cypher 25."""

from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest

from headgraph import loader, queries
from headgraph.graphdb import Graph
from headgraph.graphdb.connection import memory
from headgraph.graphdb.connection.runner import RecordingGraph
from headgraph.graphdb.errors import MemoryTaken, OutOfMemory
from headgraph.graphdb.results.result import Plan, Result, fetch, plan_of
from headgraph.pk_engine.table.selection import Selection
from headgraph.queries.errors import Refused
from headgraph.queries.statements.guard import check_statement
from headgraph.queries.stored_queries.query import Query
from headgraph.queries.stored_queries.values import example
from tests.graphdb.test_memory_real import COUNTED, TEXT, holder
from tests.newest_server import In
from tests.queries.conftest import TOP, emptied
from tests.queries.statements.examples import HARMLESS, HOSTILE
from tests.tables import random_table

LANGUAGES = (5, 25)
COUNTS = "MATCH (n) RETURN count(n), sum(size(keys(n)))"


class Profiled(In):
    """Reads also give the plan that the rows come from, so that the server plans them once.

    To EXPLAIN what has just run takes a third of the time in which it was planned and run.
    """

    plans: dict[str, Result | Plan]

    def read(self, cypher: str, params: Any = None, **_: Any) -> Result:
        def measured(tx: Any) -> Result:
            result = tx.run(f"{self._prefix}PROFILE {cypher}", params)
            rows = fetch(result, None)
            self.plans[cypher] = plan_of(result.consume())
            return rows

        with self._graph.session() as session:
            return session.execute_read(measured)


@pytest.fixture(scope="module", params=LANGUAGES, ids=lambda it: f"cypher-{it}")
def asked(request: pytest.FixtureRequest, newest: Graph) -> Profiled:
    """The newest server in each language."""
    return Profiled(newest, request.param)


@pytest.fixture(scope="module", autouse=True)
def loaded(database: Graph, newest: Graph) -> Iterator[None]:
    """GPT-2, and two checkpoints of a random model, on both servers."""
    for graph in (database, newest):
        emptied(graph)
        loader.load("gpt2-small", graph, run="gpt2", selection=TOP)
        loader.load("gpt2-small", graph, run="gpt2-top", selection=Selection(top=50))
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
    # compare_runs needs a run with heads of the same width
    other = "gpt2-top" if query.name == "compare_runs" else "step-1"
    return {name: other if query.params[name].type == "run" else it for name, it in found.items()}


@pytest.fixture(scope="module")
def expected(database: Graph, loaded: None) -> dict[str, pd.DataFrame]:
    return {
        name: queries.query(name, database, run="gpt2", **values(query))
        for name, query in queries.catalogue().items()
    }


@pytest.mark.parametrize("name", queries.catalogue())
def test_every_stored_query_is_a_plain_read_and_has_the_same_answer(
    asked: Profiled, expected: dict[str, pd.DataFrame], name: str
) -> None:
    query = queries.get(name)
    asked.plans = {}
    answer = queries.query(name, asked, run="gpt2", **values(query))
    pd.testing.assert_frame_equal(
        lasting(answer), lasting(expected[name]), rtol=1e-9, check_dtype=False
    )
    planned = RecordingGraph({query.cypher: asked.plans[query.cypher]})
    assert check_statement(query.cypher, planned).operators


def lasting(frame: pd.DataFrame) -> pd.DataFrame:
    """An answer without the time of the load."""
    times = [name for name in frame.columns if name.endswith("_at")]
    rows = pd.DataFrame(frame).drop(columns=times)
    if "fact" in rows:
        rows = rows[~rows["fact"].str.endswith("_at")].reset_index(drop=True)
    return rows


def test_most_answers_have_rows(expected: dict[str, pd.DataFrame]) -> None:
    empty = [name for name, frame in expected.items() if frame.empty]
    assert len(empty) <= 5, empty


def test_a_statement_without_a_language_is_cypher_5(newest: Graph) -> None:
    """So what stands below without one is tested in both languages."""
    asked = "SHOW DATABASES YIELD name, defaultLanguage WHERE name = 'neo4j' RETURN defaultLanguage"
    assert newest.read(asked).single() == "CYPHER 5"


def test_its_errors_tell_who_holds_the_memory(
    newest: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "PAUSES_S", ())
    with holder(newest), pytest.raises(MemoryTaken):
        newest.read(COUNTED, {"n": 2000, "text": TEXT})
    with pytest.raises(OutOfMemory) as caught:
        newest.read(COUNTED, {"n": 9000, "text": TEXT})
    assert not isinstance(caught.value, MemoryTaken)


def in_both_languages(statement: str) -> list[str]:
    """The statement without a language, and in Cypher 25."""
    return [statement, f"CYPHER 25 {statement}"]


@pytest.mark.parametrize("statement", HOSTILE, ids=repr)
def test_hostile_statements_are_refused(
    newest: Graph, contents: tuple[object, ...], statement: str
) -> None:
    for text in in_both_languages(statement):
        with pytest.raises(Refused):
            queries.cypher(text, newest)
    assert newest.read(COUNTS).rows == contents


@pytest.fixture(scope="module")
def contents(newest: Graph, loaded: None) -> tuple[object, ...]:
    return newest.read(COUNTS).rows


@pytest.mark.parametrize("statement", HARMLESS, ids=repr)
def test_harmless_statements_run(newest: Graph, statement: str) -> None:
    named = statement.lower().startswith("cypher ")
    for text in [statement] if named else in_both_languages(statement):
        queries.cypher(text, newest, limit=50)
