"""Every public function that takes a table takes one, its path, and a bundled name."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
import pytest

import headgraph
from headgraph.analysis.reproduction import parts
from headgraph.base.errors import HeadgraphError
from headgraph.loader.errors import NothingToLoad
from headgraph.pk_engine.bundled import table_path
from headgraph.pk_engine.errors import TableError

NAME = "gpt2-small"
NONE = headgraph.Selection(min_pk=1e6)
CALLS: dict[str, Callable[[Any, Path], Any]] = {
    "circuits": lambda table, folder: headgraph.circuits(table, samples=20),
    "copying_figure": lambda table, folder: headgraph.copying_figure(table),
    "detect": lambda table, folder: headgraph.detect(table, metrics=["pk", "cs"], resamples=5),
    "diff": lambda table, folder: str(headgraph.diff(table, table)),
    "difference_figure": lambda table, folder: headgraph.difference_figure(table, table),
    "export": lambda table, folder: headgraph.export(table, folder / "g.json", force=True).edges,
    "heatmap": lambda table, folder: headgraph.heatmap(table),
    "hub_scores": lambda table, folder: headgraph.hub_scores(table),
    "hubs": lambda table, folder: headgraph.hubs(table),
    "hubs_of_kind": lambda table, folder: headgraph.hubs_of_kind(table),
    "identity": lambda table, folder: headgraph.identity(table),
    "informativeness": lambda table, folder: headgraph.informativeness(table, resamples=5),
    "informativeness_figure": lambda table, folder: headgraph.informativeness_figure(table),
    "load": lambda table, folder: headgraph.load(table, None, dry_run=True).id,
    # a table is read and cut before a server is started
    "load_offline": lambda table, folder: headgraph.load_offline(table, selection=NONE),
    "merge": lambda table, folder: headgraph.merge(table).sha256,
    # the bundled table has no nulls, which is said of what was read
    "nulls": lambda table, folder: headgraph.nulls(table),
    "nulls_figure": lambda table, folder: headgraph.nulls_figure(table),
    "read_table": lambda table, folder: headgraph.read_table(table).sha256,
    "reproduce": lambda table, folder: headgraph.reproduce(table).frame(),
    "scatter": lambda table, folder: headgraph.scatter(table),
    "to_networkx": lambda table, folder: sorted(headgraph.to_networkx(table).edges(keys=True)),
    "view": lambda table, folder: headgraph.view(table, most=50).html(),
    "wiring": lambda table, folder: headgraph.wiring(table),
}
REFUSED = {
    "difference_figure": "nothing to draw: no pair differs",
    "informativeness": "lacks QQ",
    "informativeness_figure": "lacks QQ",
    "load_offline": "keeps none of the 28,512 pairs",
    "merge": "tables to merge: 1, expected two or more",
    "nulls": "table of gpt2-small lacks",
    "nulls_figure": "table of gpt2-small lacks",
}


@pytest.fixture(scope="module")
def table() -> headgraph.AffinityTable:
    return headgraph.AffinityTable.read(table_path(NAME))


def takes_a_table(name: str) -> bool:
    thing = getattr(headgraph, name)
    if inspect.isclass(thing):
        return False
    given = inspect.signature(thing).parameters.values()
    return any("AnyTable" in str(one) or "AffinityTable" in str(one) for one in given)


def outcome(call: Callable[[Any, Path], Any], given: Any, folder: Path) -> Any:
    """What comes back in a form that can be compared; of a refusal, its class and sentence."""
    try:
        found = call(given, folder)
    except HeadgraphError as error:
        return type(error), str(error)
    if isinstance(found, plt.Figure):
        return sorted(text.get_text() for text in found.findobj(plt.Text))
    if isinstance(found, pd.DataFrame):
        return found.to_csv()
    return found


def test_these_are_all_of_them() -> None:
    assert {name for name in headgraph.__all__ if takes_a_table(name)} == set(CALLS)


@pytest.mark.parametrize("name", sorted(CALLS))
def test_it_takes_a_table_a_path_and_a_bundled_name(
    name: str,
    table: headgraph.AffinityTable,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(parts, "PARTS", (parts.cutoffs,))  # the whole takes long
    bare = tmp_path / "scores"  # compute writes to such a name too
    bare.write_bytes(table_path(NAME).read_bytes())
    given = [table, table_path(NAME), NAME, str(bare)]
    first, *others = [outcome(CALLS[name], one, tmp_path) for one in given]
    refused = isinstance(first, tuple)
    assert refused == (name in REFUSED), first
    assert not refused or REFUSED[name] in first[1]
    assert all(other == first for other in others)


def test_a_model_is_scored_where_a_study_takes_one() -> None:
    scored = headgraph.compute("induction-2l", selection=headgraph.Selection())
    assert headgraph.hub_scores("induction-2l").equals(headgraph.hub_scores(scored))
    drawn = [headgraph.wiring(given, panels=True) for given in ("induction-2l", scored)]
    one, other = [[text.get_text() for text in figure.findobj(plt.Text)] for figure in drawn]
    assert one == other


def test_anything_else_is_refused_in_words() -> None:
    with pytest.raises(TableError, match=r"expected a table, .* got a value of type DataFrame"):
        headgraph.load(pd.DataFrame(), None, dry_run=True)  # type: ignore[arg-type]
    with pytest.raises(TableError, match=r"did you mean gpt2-small"):
        headgraph.read_table("gpt2-smal")
    with pytest.raises(NothingToLoad):
        headgraph.load(NAME, None, selection=NONE, dry_run=True)


def test_a_file_of_a_bundled_name_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: headgraph.AffinityTable
) -> None:
    monkeypatch.chdir(tmp_path)
    table.select(headgraph.Selection(top=1)).write(tmp_path / "t.parquet").rename(tmp_path / NAME)
    assert len(headgraph.read_table(NAME)) == 3
    assert headgraph.hub_scores(NAME)["edges_in"].sum() == 3


def test_what_is_bundled_is_listed_and_opens() -> None:
    rows = headgraph.bundled().set_index("name")
    assert rows["kind"].to_dict() == {"gpt2-small": "table", "induction-2l": "model"}
    assert len(headgraph.read_table("gpt2-small")) == rows.loc["gpt2-small", "pairs"]
    shape = headgraph.compute("induction-2l").meta
    assert rows.loc["induction-2l", ["layers", "heads"]].tolist() == [shape.n_layers, shape.n_heads]
    assert all(Path(path).exists() for path in rows["path"])
