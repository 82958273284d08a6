"""Several runs at once: which are meant by names and patterns, what is listed, what goes."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from headgraph import loader
from headgraph.graphdb import Graph
from headgraph.graphdb.result import Result
from headgraph.loader._run_names import is_pattern, matches
from headgraph.loader.errors import AnnotationError, ExportError, UnknownRun
from tests.loader.databases import contents, expected
from tests.loader.fakes import WillingGraph
from tests.tables import random_table

COLUMNS = ("id", "name", "heads", "edges")
ROWS = (
    ("a" * 64, "ckpt-1", 16, 9),
    ("b" * 64, "ckpt-20", 16, 9),
    ("c" * 64, "gpt2", 144, 858),
    ("beef" + "0" * 60, None, 16, 288),
)


def listed(rows: tuple[tuple[Any, ...], ...] = ROWS) -> WillingGraph:
    return WillingGraph({"RETURN r.id AS id, r.name": Result(COLUMNS, rows)})


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["gpt2"], ["gpt2"]),
        (["ckpt-*"], ["ckpt-1", "ckpt-20"]),
        (["ckpt-?"], ["ckpt-1"]),
        (["[cg]*[0-2]"], ["ckpt-1", "ckpt-20", "gpt2"]),
        (["*"], ["ckpt-1", "ckpt-20", "gpt2"]),  # nothing unfinished is guessed at
        (["beef", "gpt2", "ckpt-1", "gpt2", "g*"], ["beef00000000", "gpt2", "ckpt-1"]),
        (["c" * 64], ["gpt2"]),
    ],
)
def test_what_is_meant(words: list[str], expected: list[str]) -> None:
    graph = listed()
    planned = loader.drop_all(graph, words, dry_run=True)
    assert [report.run for report in planned] == expected
    assert {method for method, _, _ in graph.calls} == {"read"}
    assert str(planned[0]).startswith(f"would drop {expected[0]}: ")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["ckpt-1", "gtp2"], "no run 'gtp2' (did you mean gpt2?): the database holds ckpt-1, "),
        (["ckpt-1", "CKPT-*"], "no run 'CKPT-*'"),  # names differ by more than case
        (["beef*"], "no run 'beef*'"),
    ],
)
def test_a_wrong_word_removes_nothing(words: list[str], message: str) -> None:
    graph = listed()
    with pytest.raises(UnknownRun) as caught:
        loader.drop_all(graph, words)
    assert str(caught.value).startswith(message)
    assert {method for method, _, _ in graph.calls} == {"read"}


def test_patterns_and_paths() -> None:
    assert [is_pattern(word) for word in ("a-1.b_2", "a*", "?", "[ab]")] == [
        False,
        True,
        True,
        True,
    ]
    for value in ("EleutherAI/pythia-160m", "/data/models/pythia-160m/", "C:\\models\\pythia-160m"):
        assert matches(value, "pythia-160m")
        assert matches(value, "*160m*")
        assert not matches(value, "pythia")
    assert not matches(None, "*")


@pytest.fixture
def stored(graph: Graph) -> Graph:
    """Three checkpoints of two training runs, and a model."""
    for name, series, step in (
        ("pile-1", "pile", 1.0),
        ("pile-2", "pile", 2.0),
        ("c4-1", "c4", 1.0),
    ):
        table = random_table(2, 2, model="lab/small", series=series, step=step)
        loader.load(table, graph, run=name)
    loader.load(random_table(2, 4, model="lab/wide"), graph, run="wide")
    return graph


def test_runs_are_listed_by_name_model_and_series(stored: Graph) -> None:
    def names(*args: str, **options: str) -> list[str]:
        return list(loader.runs(stored, *args, **options)["name"])

    assert names() == ["c4-1", "pile-1", "pile-2", "wide"]
    assert names("pile-*", "wide") == ["pile-1", "pile-2", "wide"]
    assert names(model="small") == names(model="lab/small") == ["c4-1", "pile-1", "pile-2"]
    assert names(series="pile") == ["pile-1", "pile-2"]
    assert names("*-1", model="s*", series="[!x]*") == ["c4-1", "pile-1"]
    assert names("none") == names("wide", series="*") == []


def test_a_run_without_times_is_listed(stored: Graph) -> None:
    stored.write("MATCH (r:Run {name: 'wide'}) REMOVE r.loaded_at, r.started_at")
    loaded = loader.runs(stored).set_index("name")["loaded"]
    assert loaded.isna().to_dict() == {
        "c4-1": False,
        "pile-1": False,
        "pile-2": False,
        "wide": True,
    }
    assert loaded.drop("wide").str.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d").all()


def test_a_run_that_somebody_made_by_hand(graph: Graph, tmp_path: Path) -> None:
    graph.write("CREATE (:Run {id: 'mine', name: 'mine', status: 'complete'}), (:Run {miles: 5})")
    row = loader.runs(graph, "mine").to_dict("records")[0]
    assert (row["name"], row["pairings"]) == ("mine", "")
    table = random_table(2, 2)
    said = loader.load(table, graph, run="mine", replace=True, dry_run=True)
    assert said.replaced == "0 edges (of no known selection)"
    with pytest.raises(ExportError, match="the run mine lacks n_layers, n_heads, metrics, pair"):
        loader.export("mine", tmp_path / "m.json", graph)
    scores = pd.DataFrame({"layer": [0], "head": [0], "identity": [0.5]})
    with pytest.raises(AnnotationError, match="the run mine does not say how many layers and he"):
        loader.annotate(scores, graph, "mine")
    assert str(loader.drop(graph, "mine")) == "dropped mine: 0 heads and 0 edges"
    assert contents(graph) == {"Run": 1}, "whoever counts miles keeps them"


def test_a_pattern_drops_what_it_means_and_nothing_else(stored: Graph) -> None:
    gone = loader.drop_all(stored, ["pile-*", "c4-1"])
    assert [str(report) for report in gone] == [
        f"dropped {name}: 4 heads and 12 edges" for name in ("pile-1", "pile-2", "c4-1")
    ]
    assert contents(stored) == expected(random_table(2, 4, model="lab/wide"))
