"""The list of layers in a table's metadata: what is refused, and in which format it is written."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from headgraph.pk_engine import Selection, compute
from headgraph.pk_engine.errors import TableError
from headgraph.pk_engine.table.meta import TableMeta
from tests.pk_engine.checkpoints import save
from tests.pk_engine.unequal_checkpoints import checkpoint


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = checkpoint(tmp_path_factory.mktemp("hybrid"), "hybrid")
    data: dict[str, Any] = json.loads(compute(folder, selection=Selection()).meta.to_json())
    return data


def test_tables_of_uniform_models_have_no_list_of_layers(tmp_path: Path) -> None:
    data = json.loads(compute(save(tmp_path), selection=Selection()).meta.to_json())
    assert data["format"] == 2
    assert "layers" not in data


def test_a_list_of_layers_is_format_3_and_comes_back(written: dict[str, Any]) -> None:
    assert written["format"] == 3
    meta = TableMeta.from_json(json.dumps(written))
    assert json.loads(meta.to_json()) == written


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ((0, "index"), -1, "a list of layers"),
        ((0, "index"), 7, "in order"),
        ((2, "index"), 8, "in order"),
        ((0, "index"), True, "a list of layers"),
        ((0, "name"), "L4", "two layers of one name"),
        ((0, "name"), "\ud800", "a list of layers"),
        ((0, "name"), "L" * 99, "a list of layers"),
        ((0, "heads", "K"), 0, "a list of layers"),
        ((0, "heads", "K"), 3, "as many"),
        ((0, "heads", "O"), 3, "as many"),
        ((0, "heads", "Q"), 10**9, "a list of layers"),
        ((0, "widths", "V"), 5, "as wide"),
        ((0, "widths", "Q"), 2.0, "a list of layers"),
        ((0, "streams", "Q"), "", "a list of layers"),
        ((0, "streams", "Q"), ["residual"], "a list of layers"),
        ((0, "streams"), {}, "a list of layers"),
        ((0, "more"), 1, "a list of layers"),
        ((), [], ""),
        ((), {}, "a list of layers"),
        ((), [None], "a list of layers"),
    ],
)
def test_damaged_lists_are_refused(
    written: dict[str, Any], path: tuple[Any, ...], value: Any, told: str
) -> None:
    data = copy.deepcopy(written)
    place: Any = data
    *way, last = ("layers", *path)
    for step in way:
        place = place[step]
    place[last] = value
    if not told:  # a table of the same sizes with heads in every layer
        assert not TableMeta.from_json(json.dumps(data)).layers
        return
    with pytest.raises(TableError, match=told) as error:
        TableMeta.from_json(json.dumps(data))
    assert len(str(error.value)) < 300


def test_the_sizes_are_the_most_of_the_layers(written: dict[str, Any]) -> None:
    for name in ("n_heads", "d_head"):
        with pytest.raises(TableError, match="the most of its layers"):
            TableMeta.from_json(json.dumps({**written, name: 2 * written[name]}))
