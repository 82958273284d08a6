"""Runs by name: allowed names, the runs that a word means, the list, and drops of several runs."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from headgraph import loader
from headgraph.graphdb import Graph
from headgraph.graphdb.results.result import Result
from headgraph.loader._runs import check_name, default_name, is_pattern, matches, run_id
from headgraph.loader.errors import AnnotationError, BadRunName, ExportError, UnknownRun
from headgraph.pk_engine.table.selection import Selection
from tests.loader.databases import contents, expected
from tests.loader.fakes import WillingGraph
from tests.tables import random_table

META = random_table().meta


@pytest.mark.parametrize(
    ("model", "step", "name"),
    [
        ("openai-community/gpt2", None, "gpt2"),
        ("gpt2", None, "gpt2"),
        ("../shared/models/Llama-3.1-8B/", None, "llama-3.1-8b"),
        ("C:\\models\\My Model (v2)", None, "my-model-v2"),
        ("EleutherAI/Pythia 160m", 512.0, "pythia-160m-step512"),
        ("a/b", 0.5, "b-step0.5"),
        ("x", 143_000_000.0, "x-step143000000"),
        ("模型", None, "run"),
        ("m" * 100, 7.0, "m" * 58 + "-step7"),
    ],
)
def test_default_name(model: str, step: float | None, name: str) -> None:
    got = default_name(replace(META, model=model, step=step))
    assert got == name
    assert check_name(got) == got


@pytest.mark.parametrize("name", ["", "a b", "-x", ".x", "a/b", "é", "a" * 65, "x\n", "a'b"])
def test_bad_names_are_refused(name: str) -> None:
    with pytest.raises(BadRunName) as caught:
        check_name(name)
    rest = (
        f"{name!r} cannot be the name of a run: expected up to 64 letters, digits, dots, "
        "underscores and hyphens, a letter or digit first, such as "
    )
    assert str(caught.value) == f"{rest}run='gpt2-small'"
    assert caught.value.for_command_line() == f"{rest}--run gpt2-small"


def test_id_tells_name_table_and_selection_apart() -> None:
    ids = {
        run_id("a", "t", Selection()),
        run_id("b", "t", Selection()),
        run_id("a", "u", Selection()),
        run_id("a", "t", Selection(top=3)),
        run_id("a", "t", Selection(top=4)),
        run_id("a", "t", Selection(top_percent=3)),
    }
    assert len(ids) == 6
    assert run_id("a", "t", Selection()) == run_id("a", "t", Selection())


COLUMNS = ("id", "name", "heads", "edges")
ROWS = (
    ("a" * 64, "ckpt-1", 16, 9),
    ("b" * 64, "ckpt-20", 16, 9),
    ("c" * 64, "gpt2", 144, 858),
    ("beef" + "0" * 60, None, 16, 288),
)


def listed(rows: tuple[tuple[Any, ...], ...] = ROWS) -> WillingGraph:
    return WillingGraph({"AS id, toStringOrNull(r.name)": Result(COLUMNS, rows)})


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
def test_the_runs_that_words_mean(words: list[str], expected: list[str]) -> None:
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


def test_a_run_made_by_hand(graph: Graph, tmp_path: Path) -> None:
    graph.write("CREATE (:Run {id: 'mine', name: 'mine', status: 'complete'}), (:Run {miles: 5})")
    row = loader.runs(graph, "mine").to_dict("records")[0]
    assert (row["name"], row["pairings"]) == ("mine", "")
    table = random_table(2, 2)
    said = loader.load(table, graph, run="mine", replace=True, dry_run=True)
    assert said.replaced == "0 edges (of no known selection)"
    with pytest.raises(ExportError, match="the run mine lacks n_layers, n_heads, metrics, pair"):
        loader.export("mine", tmp_path / "m.json", graph)
    scores = pd.DataFrame({"layer": [0], "head": [0], "identity": [0.5]})
    with pytest.raises(AnnotationError, match="the run mine lacks the numbers of layers and heads"):
        loader.annotate(scores, graph, "mine")
    assert str(loader.drop(graph, "mine")) == "dropped mine: 0 heads and 0 edges"
    assert contents(graph) == {"Run": 1}, "whoever counts miles keeps them"


def test_properties_of_any_type_are_no_obstacle(graph: Graph) -> None:
    graph.write(
        "CREATE (:Run {id: 7, name: 8, model: 9, series: [1]}), "
        "(:Run {id: 'abcdef', called: 5, status: 'loading', loader: 6}), (:Run {id: [1]})"
    )
    names = loader.runs(graph)["name"]
    assert sorted(names.dropna()) == ["5", "8"]
    assert loader.runs(graph, "8", model="9")["name"].tolist() == ["8"]
    assert loader.runs(graph, "5")["name"].tolist() == ["5"]
    assert loader.runs(graph, "abcdef")["name"].tolist() == ["5"]
    (attempt,) = loader.unfinished(graph)
    assert (attempt.id, attempt.called, attempt.alive) == ("abcdef", "5", None)
    assert loader.load(random_table(2, 2), graph, run="new").outcome == "loaded"
    with pytest.raises(UnknownRun, match="no run 'gone': the database holds new, abcdef"):
        loader.drop(graph, "gone")
    assert loader.drop(graph, "abcdef").run == "abcdef"
    assert loader.drop(graph, "new").run == "new"


def test_a_pattern_drops_the_runs_it_matches_and_no_others(stored: Graph) -> None:
    gone = loader.drop_all(stored, ["pile-*", "c4-1"])
    assert [str(report) for report in gone] == [
        f"dropped {name}: 4 heads and 12 edges" for name in ("pile-1", "pile-2", "c4-1")
    ]
    assert contents(stored) == expected(random_table(2, 4, model="lab/wide"))
