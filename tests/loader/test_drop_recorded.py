"""Statements of drop and runs, and their reports and errors."""

from typing import Any

import pytest

from headgraph import loader
from headgraph.graphdb import RecordingGraph
from headgraph.graphdb.results.result import Result
from headgraph.loader.errors import UnknownRun
from tests.loader.fakes import GPT2, WillingGraph


def listed(*rows: tuple[Any, ...]) -> RecordingGraph:
    return WillingGraph(
        {"AS id, toStringOrNull(r.name)": Result(("id", "name", "heads", "edges"), rows)}
    )


CUT_OFF = ("beef" + "0" * 60, None, 16, 288)


def test_drop_hides_first_and_then_deletes() -> None:
    graph = listed(GPT2)
    assert str(loader.drop(graph, "gpt2")) == "dropped gpt2: 144 heads and 858 edges"
    methods = [method for method, _, _ in graph.calls if method != "read"]
    assert "write_all" in methods
    assert "REMOVE old.name" in graph.texts("write_all")[0]


def test_drop_finds_unfinished_runs_by_the_start_of_their_id() -> None:
    assert loader.drop(listed(GPT2, CUT_OFF), "beef0000").run == "beef00000000"
    with pytest.raises(UnknownRun):
        loader.drop(listed(GPT2), "aaaa")  # complete: by name alone


@pytest.mark.parametrize(
    ("rows", "run", "message"),
    [
        ([], "x", "no run 'x': the database holds none; headgraph load FILE makes one"),
        (
            [GPT2, CUT_OFF],
            "gtp2",
            "no run 'gtp2' (did you mean gpt2?): the database holds gpt2, beef00000000 (see "
            "headgraph runs)",
        ),
        ([GPT2], "zzz", "no run 'zzz': the database holds gpt2 (see headgraph runs)"),
        (
            [CUT_OFF, ("beef" + "1" * 60, None, 1, 1)],
            "beef",
            "2 unfinished runs begin with beef: give more of the id, beef00000000000000000000 or "
            "beef11111111111111111111",
        ),
    ],
)
def test_drop_of_the_unknown(rows: list[tuple[Any, ...]], run: str, message: str) -> None:
    with pytest.raises(UnknownRun) as caught:
        loader.drop(listed(*rows), run)
    assert caught.value.for_command_line() == message


def test_runs_of_an_empty_database_have_their_columns() -> None:
    frame = loader.runs(RecordingGraph())
    assert list(frame.columns) == [
        "name", "model", "status", "heads", "edges", "pairings", "selection", "loaded",
    ]  # fmt: skip
    assert frame.empty
