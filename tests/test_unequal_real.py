"""A hybrid, latent attention and layers of different widths, all the way: loaded, queried, viewed,
exported and imported again.
"""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import headgraph
from headgraph.analysis.view.pages import view_run
from headgraph.graphdb import Graph
from headgraph.loader.exports.formats import FORMATS
from headgraph.loader.imports.reading import READERS
from headgraph.pk_engine import AffinityTable, Selection, compute
from headgraph.queries.errors import QueryError
from tests.loader.exports.test_files_real import empty
from tests.pk_engine.unequal_checkpoints import CONFIGS, checkpoint

ENDINGS = tuple(FORMATS[name].ending for name in READERS)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Any:
    @cache
    def made(name: str) -> AffinityTable:
        return compute(checkpoint(tmp_path_factory.mktemp(name), name), selection=Selection())

    return made


@pytest.fixture(scope="module", params=CONFIGS)
def kind(request: pytest.FixtureRequest) -> str:
    """With the scope of a module, tests of a kind follow each other."""
    return str(request.param)


@pytest.fixture
def loaded(kind: str, table: Any, database: Graph) -> AffinityTable:
    """A table whose run is all that the database holds, for tests that change nothing there."""
    found: AffinityTable = table(kind)
    there = database.read("MATCH (n) WHERE NOT n:Head AND NOT n:Role RETURN n.kind").rows
    if there != ((kind,),):
        empty(database)
        headgraph.load(found, database, run="r")
        database.write("MATCH (r:Run) SET r.kind = $kind", {"kind": kind})
    return found


@pytest.fixture
def mine(kind: str, table: Any, graph: Graph) -> AffinityTable:
    """The same for a test that changes it."""
    found: AffinityTable = table(kind)
    headgraph.load(found, graph, run="r")
    return found


def asked(name: str, graph: Graph, **given: Any) -> list[dict[str, Any]]:
    """The rows of a stored query."""
    found: Any = headgraph.query(name, graph, **given)
    return list(found.to_dict("records"))


def test_the_graph_has_the_heads_and_edges_of_the_table(
    loaded: AffinityTable, database: Graph
) -> None:
    rows = database.read("MATCH (h:Head {run: 'r'}) RETURN h.layer, h.head, h.name").rows
    assert {(layer, head) for layer, head, _ in rows} == set(loaded.meta.places())
    assert all(name == loaded.meta.head_name(layer, head) for layer, head, name in rows)
    found = database.read(
        "MATCH (a:Head {run: 'r'})-[e]->(b) RETURN type(e), a.layer, a.head, b.layer, b.head, e.pk"
    ).rows
    edges = loaded.edges()
    ends = ["pairing", "source_layer", "source_head", "target_layer", "target_head"]
    expected = dict(zip(map(tuple, edges[ends].to_numpy().tolist()), edges["pk"], strict=True))
    assert {tuple(row[:5]): row[5] for row in found} == pytest.approx(expected)


def test_hubs_compared_within_layers_count_the_heads_that_could_take_part(
    loaded: AffinityTable, database: Graph
) -> None:
    rows = {row["head"]: row for row in asked("hubs_by_layer", database, limit=99)}
    layers = [layer.index for layer in loaded.meta.shape.layers]
    before = range(0, 4 * len(layers), 4)
    counts = list(zip(before, reversed(before), strict=True))
    if loaded.meta.part_names:  # E0, E1, D0, X0, D1, X1: two of them read the encoder too
        counts = [(0, 12), (4, 8), (0, 12), (12, 8), (8, 4), (20, 0)]
    if loaded.meta.model.startswith("stages"):  # two of two layers, each with a stream of its own
        counts = [(0, 4), (4, 0)] * 2
    for name, row in rows.items():
        assert (row["sources"], row["targets"]) == counts[layers.index(row["layer"])], name


def test_the_overview_gives_the_chance_of_each_pairing(
    loaded: AffinityTable, database: Graph
) -> None:
    for row in asked("overview", database):
        mean = loaded.meta.moments[row["pairing"]]["mean"]
        assert row["chance"] == pytest.approx(mean)


def test_queries_that_count_pairs_by_layer_refuse_uneven_layers(table: Any, graph: Graph) -> None:
    for name in ("widths", "parts"):
        headgraph.load(table(name), graph, run="r", replace=True)
        with pytest.raises(QueryError) as told:
            headgraph.query("role_matrix", graph)
        assert len(str(told.value)) < 300
        assert "layers have different numbers of heads" in str(told.value)


def test_hubs_of_several_streams_are_compared_in_forward_order_alone(
    graph: Graph, tmp_path: Path
) -> None:
    folder = checkpoint(tmp_path / "parts", "parts")
    found = compute(folder, selection=Selection(), layer_order="all")
    headgraph.load(found, graph, run="all")
    for name in ("hubs_by_layer", "identity_hubs"):
        with pytest.raises(QueryError, match="read different residual streams"):
            headgraph.query(name, graph)


def test_heads_of_parts_are_asked_for_by_their_names(table: Any, graph: Graph) -> None:
    headgraph.load(table("parts"), graph, run="r")
    (row, *_) = asked("neighbours", graph, head="x1h2")
    assert row
    heads = [name for group in headgraph.communities(graph)["heads"] for name in group]
    assert {name[0] for name in heads} == {"E", "D", "X"}


@pytest.mark.parametrize("query", ["hubs", "strongest_edges", "layer_flow", "hubs_in"])
def test_queries_of_edges_answer(loaded: AffinityTable, database: Graph, query: str) -> None:
    assert asked(query, database)


def test_exports_of_the_run_are_those_of_the_table_and_come_back(
    mine: AffinityTable, graph: Graph, tmp_path: Path
) -> None:
    for ending in ENDINGS:
        of_table = headgraph.export(mine, tmp_path / f"t{ending}", name="r")
        of_run = headgraph.export("r", tmp_path / f"r{ending}", graph)
        for a, b in zip(of_table.files, of_run.files, strict=True):
            assert a.read_bytes() == b.read_bytes(), ending
        headgraph.drop(graph, "r")
        (report,) = headgraph.import_runs(tmp_path / f"r{ending}", graph)
        assert report.outcome == "imported"
        again = headgraph.export("r", tmp_path / f"a{ending}", graph)
        for a, b in zip(of_run.files, again.files, strict=True):
            assert a.read_bytes() == b.read_bytes(), ending


def test_pages_of_table_and_run_mark_the_places_without_a_head(
    loaded: AffinityTable, database: Graph
) -> None:
    here = set(loaded.meta.places())
    for page in (headgraph.view(loaded), view_run(database, "r")):
        heads = page.content.data()["heads"]
        assert {(it["layer"], it["head"]) for it in heads if it["known"]} == here
        words = " ".join(page.content.about)
        lacking = len(here) < loaded.meta.n_layers * loaded.meta.n_heads
        assert ("places without a head" in words) == lacking


def test_behaviour_of_every_head_is_written(
    mine: AffinityTable, graph: Graph, tmp_path: Path
) -> None:
    rows = [f"{layer},{head},0.5,3,1" for layer, head in mine.meta.places()]
    path = tmp_path / "b.csv"
    path.write_text("\n".join(["layer,head,induction,prompts,seed", *rows]), "utf-8")
    assert headgraph.annotate(path, graph, "r").heads == mine.meta.head_count


def test_figures_are_drawn(table: Any, tmp_path: Path) -> None:
    labels = tmp_path / "labels.csv"
    for name in CONFIGS:
        found = table(name)
        headgraph.wiring(found)
        headgraph.wiring(found, panels=True)
        headgraph.heatmap(found, pairings="OQ,OK,OV")
        headgraph.copying_figure(found)
        headgraph.hubs(found)
        layer = found.meta.shape.layers[1].index
        labels.write_text(f"layer,head,role\n{layer},3,identity\n", "utf-8")
        hubs = headgraph.hubs_of_kind(found, labels=labels, selection=Selection())
        assert len(hubs) == found.meta.head_count
        assert hubs.loc[hubs["of_kind"], "head"].tolist() == [found.meta.head_name(layer, 3)]
        assert np.isfinite(headgraph.hub_scores(found)["both"]).all()
