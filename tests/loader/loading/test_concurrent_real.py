"""Loads at the same time, and queries while a load goes on."""

import threading
from collections.abc import Callable
from functools import partial
from itertools import groupby
from typing import Any

import pytest

from headgraph import loader
from headgraph.graphdb import Graph
from headgraph.loader import LoadReport, removal
from headgraph.loader.errors import LoaderError, NameTaken, TakenOver
from headgraph.loader.loading import load as load_module
from headgraph.loader.loading import writer
from headgraph.loader.loading.edges import batches
from tests.loader.databases import contents, expected
from tests.tables import random_table

TABLE = random_table(6, 8, model="test/medium")
OTHER = random_table(6, 8, model="test/medium", seed=1)
BATCH = 240
"""Edges in a transaction: a load of a table has a dozen."""


@pytest.fixture(autouse=True)
def many_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "FEW", 0)
    monkeypatch.setattr(load_module, "batches", partial(batches, size=BATCH))


def at_once(*works: Callable[[], LoadReport]) -> list[LoadReport | LoaderError]:
    """What each gave or raised, when all started together."""
    gate = threading.Barrier(len(works))
    results: list[Any] = [None] * len(works)

    def run(place: int, work: Callable[[], LoadReport]) -> None:
        gate.wait()
        try:
            results[place] = work()
        except BaseException as error:
            results[place] = error

    threads = [threading.Thread(target=run, args=item) for item in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def without_schema(graph: Graph) -> None:
    """As in a new database."""
    for kind, plural in (("CONSTRAINT", "CONSTRAINTS"), ("INDEX", "INDEXES")):
        for row in graph.read(f"SHOW {plural} YIELD name WHERE name STARTS WITH 'headgraph_'"):
            graph.command(f"DROP {kind} {row['name']} IF EXISTS")


@pytest.mark.parametrize("attempt", range(2))
def test_two_different_loads_do_not_disturb_each_other(graph: Graph, attempt: int) -> None:
    without_schema(graph)
    results = at_once(
        lambda: loader.load(TABLE, graph, run="one"),
        lambda: loader.load(OTHER, graph, run="two"),
    )
    assert [getattr(result, "outcome", result) for result in results] == ["loaded", "loaded"]
    assert contents(graph) == expected(TABLE, runs=2)


@pytest.mark.parametrize("attempt", range(2))
def test_the_same_load_twice_at_once_is_one_run(graph: Graph, attempt: int) -> None:
    results = at_once(*[lambda: loader.load(TABLE, graph, run="one")] * 2)
    outcomes = sorted(getattr(result, "outcome", "stopped") for result in results)
    assert outcomes in (["loaded", "stopped"], ["loaded", "unchanged"])
    for result in results:
        assert isinstance(result, LoadReport | TakenOver), result
    assert contents(graph) == expected(TABLE)


def test_batches_that_meet_at_the_same_heads_lose_no_edge(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hundreds of small ones, two at once, so that most have a head in common with the other."""
    monkeypatch.setattr(load_module, "batches", partial(batches, size=11))
    steps: list[int] = []
    loader.load(TABLE, graph, run="one", progress=lambda done, total: steps.append(done))
    assert len(steps) > len(TABLE) / 11
    assert steps == sorted(set(steps))
    assert steps[-1] == len(TABLE)
    assert contents(graph) == expected(TABLE)
    scores = graph.read(
        "MATCH (a:Head)-[e]->(b:Head) RETURN type(e) AS pairing, a.layer AS source_layer, "
        "a.head AS source_head, b.layer AS target_layer, b.head AS target_head, e.pk AS pk"
    ).frame()
    ends = [*scores.columns[:-1]]
    held = scores.merge(TABLE.edges(), on=ends, suffixes=("", "_there"), validate="one_to_one")
    assert len(held) == len(scores) == len(TABLE)
    assert (held["pk"] == held["pk_there"]).all()


def test_the_later_of_two_loads_goes_on_and_the_earlier_stops(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    reports: list[LoadReport] = []

    def overtake(done: int, total: int) -> None:
        if not reports:
            reports.append(loader.load(TABLE, graph, run="one"))

    with pytest.raises(TakenOver, match="published nothing"):
        loader.load(TABLE, graph, run="one", progress=overtake)
    assert reports[0].outcome == "loaded"
    assert contents(graph) == expected(TABLE)


def test_a_stopped_attempt_cannot_publish_or_add(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attempt is overtaken just before its last transaction."""
    publish, inner = writer.publish, []

    def late(*args: Any, **kwargs: Any) -> None:
        if not inner:
            inner.append(True)
            loader.load(TABLE, graph, run="one")
        publish(*args, **kwargs)

    monkeypatch.setattr(writer, "publish", late)
    with pytest.raises(TakenOver):
        loader.load(TABLE, graph, run="one")
    assert contents(graph) == expected(TABLE)


def test_a_name_taken_while_loading_is_refused_and_leaves_nothing(graph: Graph) -> None:
    taken: list[LoadReport] = []

    def take(done: int, total: int) -> None:
        if not taken:
            taken.append(loader.load(OTHER, graph, run="one"))

    with pytest.raises(NameTaken):
        loader.load(TABLE, graph, run="one", progress=take)
    assert contents(graph) == expected(OTHER)


def test_dropped_while_loading(graph: Graph) -> None:
    dropped: list[str] = []

    def drop(done: int, total: int) -> None:
        assert list(loader.runs(graph)["name"]) == ["one"] * (not dropped)
        dropped.extend(loader.drop(graph, it.name).run for it in loader.unfinished(graph))

    with pytest.raises(TakenOver):
        loader.load(TABLE, graph, run="one", progress=drop)
    assert contents(graph) == {}


@pytest.mark.parametrize("attempt", range(2))
def test_two_replacements_at_once_leave_one_run(graph: Graph, attempt: int) -> None:
    loader.load(random_table(seed=9), graph, run="one")
    results = at_once(
        lambda: loader.load(TABLE, graph, run="one", replace=True),
        lambda: loader.load(OTHER, graph, run="one", replace=True),
    )
    assert all(isinstance(result, LoadReport) for result in results), results
    assert contents(graph) == expected(TABLE)


def test_a_query_never_sees_half_a_run(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked after each transaction of loads and drops: nothing up to one of them, then everything.

    A query that is under way at the very moment of a commit may find some of it, as Neo4j isolates
    at the level "read committed".
    """
    monkeypatch.setattr(removal, "BATCH", BATCH)
    query = (
        "MATCH (h:Head {run: 'one'}) OPTIONAL MATCH (h)-[e]->(:Head {run: 'one'}) "
        "RETURN count(DISTINCT h) AS heads, count(e) AS edges"
    )
    seen: list[Any] = []

    def then_asked(work: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **options: Any) -> Any:
            try:
                return work(*args, **options)
            finally:
                seen.append(graph.read(query).rows[0])

        return run

    for name in ("_write", "command"):  # all transactions that write
        monkeypatch.setattr(graph, name, then_asked(getattr(graph, name)))
    for _ in range(2):
        loader.load(TABLE, graph, run="one")
        loader.drop(graph, "one")
    whole = (TABLE.meta.n_layers * TABLE.meta.n_heads, len(TABLE))
    spans = [(state, len([*asked])) for state, asked in groupby(seen)]
    assert [state for state, _ in spans] == [(0, 0), whole, (0, 0), whole, (0, 0)]
    assert all(times > len(TABLE) / BATCH for state, times in spans if state == (0, 0))
