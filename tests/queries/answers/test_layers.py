"""A run's list of layers, as a query that counts pairs by layer reads it."""

import json

import pytest

from headgraph.graphdb import RecordingGraph
from headgraph.graphdb.errors import WrongProperty
from headgraph.graphdb.results.result import Result
from headgraph.queries import catalogue
from headgraph.queries.answers.runs import check_even
from headgraph.queries.errors import QueryError

QUERY = catalogue()["role_matrix"]
LAYER = {"heads": {"Q": 4, "K": 2}, "streams": {"O": "residual", "Q": "residual"}}


def checked(layers: object) -> None:
    text = layers if isinstance(layers, str) else json.dumps(layers)
    found = Result(("layers", "layer_order"), ((text, "all"),))
    check_even(QUERY, ["mine"], RecordingGraph(answers={"properties(r).layers": found}))


def test_layers_that_are_alike_are_counted() -> None:
    checked([LAYER, LAYER])
    for other in ({"heads": {"Q": 2, "K": 2}}, {"streams": {"O": "decoder", "Q": "decoder"}}):
        with pytest.raises(QueryError, match="different numbers of heads, or read"):
            checked([LAYER, LAYER | other])


@pytest.mark.parametrize("layers", [[1], [{}], [{"heads": 3, "streams": 3}], [None]])
def test_layers_that_no_load_writes(layers: object) -> None:
    with pytest.raises(QueryError, match=r"run 'mine' has layers .*: expected a list of layers"):
        checked(layers)


def test_layers_that_are_no_list() -> None:
    with pytest.raises(WrongProperty, match="expected a text with a list in JSON"):
        checked("{}")
