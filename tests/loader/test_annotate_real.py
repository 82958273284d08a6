"""Behaviour on the heads of a real run: all of one measurement, or nothing."""

import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from headgraph import loader
from headgraph.graphdb import Graph
from headgraph.graphdb.schema import BEHAVIOURS
from headgraph.loader.errors import LoaderError, UnknownRun
from tests.loader.databases import run_node
from tests.tables import random_table


def rows(layers: int = 2, heads: int = 3, **scores: float) -> pd.DataFrame:
    at = [(layer, head) for layer in range(layers) for head in range(heads)]
    frame = pd.DataFrame(at, columns=["layer", "head"])
    return frame.assign(**(scores or dict.fromkeys(BEHAVIOURS, 0.5)), prompts=4, seed=9)


@pytest.fixture
def tiny(graph: Graph) -> Graph:
    loader.load(random_table(2, 3), graph, run="tiny")
    loader.load(random_table(2, 3, seed=1), graph, run="other")
    return graph


def scores(graph: Graph, run: str, name: str) -> list[float | None]:
    found = graph.read(
        f"MATCH (h:Head {{run: $run}}) RETURN h.{name} AS x ORDER BY h.layer, h.head", {"run": run}
    )
    return [row["x"] for row in found]


def test_scores_stand_on_the_heads_of_this_run_alone(tiny: Graph) -> None:
    frame = rows().assign(induction=[0.0, 0.1, 0.2, 0.3, 0.4, 1.0])
    report = loader.annotate(frame, tiny, "tiny")
    assert str(report) == f"tiny: {', '.join(BEHAVIOURS)} on 6 heads"
    assert scores(tiny, "tiny", "induction") == [0.0, 0.1, 0.2, 0.3, 0.4, 1.0]
    assert scores(tiny, "other", "induction") == [None] * 6
    node = run_node(tiny, "tiny")
    assert (node["behaviour_prompts"], node["behaviour_seed"]) == (4, 9)


def test_another_measurement_takes_the_place_of_the_first(tiny: Graph, tmp_path: Path) -> None:
    loader.annotate(rows(), tiny, "tiny")
    path = tmp_path / "b.csv"
    rows(identity=0.25, induction=math.nan).to_csv(path, index=False)
    loader.annotate(path, tiny, "tiny")
    assert scores(tiny, "tiny", "identity") == [0.25] * 6
    assert scores(tiny, "tiny", "induction") == [None] * 6
    assert scores(tiny, "tiny", "previous_token") == [None] * 6


@pytest.mark.parametrize(
    ("frame", "run", "sentence"),
    [
        (
            rows(3, 3),
            "tiny",
            "the scores are of 9 heads, up to layer 2 and head 2: expected each of ",
        ),
        (
            rows(identity=1.5),
            "tiny",
            "the table, row 1, has identity 1.5: expected a number",
        ),
        (
            rows(identity=1.5).set_index(pd.Index([*"abcdef"])),
            "tiny",
            "the table, row 1, has identity 1.5: expected a number from 0 to 1, as in the result",
        ),
        (rows().iloc[:0], "tiny", "the table has no rows: expected one per head, as in the result"),
        (
            rows().assign(identity=["0.5", "0.5", "high", *"000"]),
            "tiny",
            "the table, row 3, has identity 'high'",
        ),
        (
            rows().assign(seed="x"),
            "tiny",
            "the column seed holds x: expected the same whole number",
        ),
        (
            rows().assign(prompts=[4] * 5 + [5]),
            "tiny",
            "the column prompts holds 4, 5: expected the",
        ),
        (rows().assign(seed=math.nan), "tiny", "the column seed holds nan: expected"),
        (rows().drop(columns=list(BEHAVIOURS)), "tiny", "has the columns layer, head, prompts"),
        (
            rows(),
            "tinny",
            r"no run 'tinny' \(did you mean tiny\?\): the database holds other",
        ),
    ],
)
def test_what_does_not_fit_changes_nothing(
    tiny: Graph, frame: pd.DataFrame, run: str, sentence: str
) -> None:
    with pytest.raises((LoaderError, UnknownRun), match=sentence):
        loader.annotate(frame, tiny, run)
    assert scores(tiny, "tiny", "identity") == [None] * 6


def test_a_file_that_is_not_there(tiny: Graph) -> None:
    with pytest.raises(LoaderError, match=r"nowhere\.csv cannot be read: No such file"):
        loader.annotate("nowhere.csv", tiny, "tiny")


def test_a_run_that_goes_at_this_moment_is_told(
    tiny: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_all = tiny.write_all

    def late(statements: Any) -> Any:
        monkeypatch.undo()
        loader.load(random_table(2, 3, seed=2), tiny, run="tiny", replace=True)
        return write_all(statements)

    monkeypatch.setattr(tiny, "write_all", late)
    with pytest.raises(UnknownRun, match="the run tiny was dropped or replaced at this moment"):
        loader.annotate(rows(), tiny, "tiny")
    assert scores(tiny, "tiny", "identity") == [None] * 6
