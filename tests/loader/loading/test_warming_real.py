"""Statements that the server plans beside the first steps of a load."""

import threading
import time
from typing import Any

import pytest

from headgraph.graphdb import Graph
from headgraph.loader.loading.load import STATEMENTS
from headgraph.loader.loading.warming import warming


def test_each_statement_of_a_load_can_be_planned_and_nothing_is_written(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here an error counts, which a load leaves to the statement itself."""
    failed: list[BaseException] = []
    monkeypatch.setattr("threading.excepthook", lambda it: failed.append(it.exc_value))
    monkeypatch.setattr("headgraph.loader.loading.warming.suppress", Raising)
    monkeypatch.setattr("headgraph.loader.loading.warming.END_S", 60.0)
    said: list[str] = []
    session = graph.session
    monkeypatch.setattr(graph, "session", lambda **kwargs: Told(session(**kwargs), said))
    with warming(graph, STATEMENTS):
        while len(said) < len(STATEMENTS) and not failed:
            time.sleep(0.01)
    assert failed == []
    assert said == [f"EXPLAIN {statement}" for statement in STATEMENTS]
    monkeypatch.undo()
    assert [row["n"] for row in graph.read("MATCH (n) RETURN count(n) AS n")] == [0]


def test_no_further_statement_begins_after_enough(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    session, begun, go_on = graph.session, threading.Event(), threading.Event()

    def opened(**kwargs: Any) -> Told:
        begun.set()
        go_on.wait(60)
        return Told(session(**kwargs), said)

    monkeypatch.setattr(graph, "session", opened)
    monkeypatch.setattr("headgraph.loader.loading.warming.END_S", 0.0)
    with warming(graph, ["RETURN 1", "RETURN 2"]) as enough:
        assert begun.wait(60)
        (thread,) = (it for it in threading.enumerate() if it.name == "headgraph-warming")
        enough()
        go_on.set()
        thread.join(60)
    assert said == ["EXPLAIN RETURN 1"]


class Raising:
    """In place of `suppress`: nothing is suppressed."""

    def __init__(self, *_: type[BaseException]) -> None: ...

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


class Told:
    """A session that keeps what it is told."""

    def __init__(self, session: Any, said: list[str]) -> None:
        self.session, self.said = session, said

    def __enter__(self) -> "Told":
        self.session.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self.session.__exit__(*exc)

    def run(self, statement: str) -> Any:
        self.said.append(statement)
        return self.session.run(statement)


def test_an_error_there_does_not_count_and_other_runners_are_left_alone(graph: Graph) -> None:
    with warming(graph, ["NO CYPHER", "RETURN 1"]):
        pass
    with warming(None, ["RETURN 1"]):
        pass
    assert [row["one"] for row in graph.read("RETURN 1 AS one")] == [1]
