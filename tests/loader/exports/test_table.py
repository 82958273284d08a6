"""A table's graph as networkx, GraphML and node-link JSON, read back by networkx."""

import io
import json
import tracemalloc
from functools import partial
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest

import headgraph
from headgraph import loader
from headgraph.loader.errors import BadRunName, ExportError, NothingToLoad
from headgraph.loader.exports import cypher, sources
from headgraph.loader.exports.graphml import _legal
from headgraph.loader.exports.sources import graph_of_plan
from headgraph.loader.loading.edges import batches
from headgraph.loader.loading.plan import plan_load
from headgraph.pk_engine.errors import OutputExists
from headgraph.pk_engine.table.selection import Selection
from tests.loader.exports.graphs import LABELS, SAID, edge_properties, head_properties, roles_file
from tests.tables import random_table

TABLE = random_table(3, 4, model="test/tiny", metrics=("pk", "cs"), series="pile", step=512.0)


def run_id(table: Any = TABLE) -> str:
    return loader.load(table, None, run="tiny", dry_run=True).id


def edges(graph: nx.MultiDiGraph) -> dict[tuple[str, str, str], dict[str, Any]]:
    """By source, pairing and target."""
    found = {(a, data["type"], b): data for a, b, data in graph.edges(data=True)}
    assert len(found) == graph.number_of_edges()
    return found


def test_networkx_has_what_the_table_has(tmp_path: Path) -> None:
    graph = headgraph.to_networkx(TABLE, labels=roles_file(tmp_path), name="tiny")
    assert type(graph) is nx.MultiDiGraph
    assert (graph.graph["name"], graph.graph["step"], graph.graph["status"]) == (
        "tiny", 512.0, "complete",
    )  # fmt: skip
    assert sorted(graph.graph["roles"], key=str) == sorted(SAID, key=str)
    for name, known in head_properties(TABLE, "tiny", run_id()).items():
        got = dict(graph.nodes[name])
        labels, roles = got.pop("labels"), got.pop("roles")
        assert got == known
        assert "".join(f":{label}" for label in labels) == "".join(LABELS.get(name, [":Head"]))
        assert roles == {"L0H1": ["induction"], "L2H3": ["name_mover"]}.get(name, [])
    known_edges = edge_properties(TABLE.frame)
    assert len(known_edges) == 3 * 3 * 16
    assert {(a, key, b) for a, b, key in graph.edges(keys=True)} == known_edges.keys()
    for edge, data in edges(graph).items():
        assert data == {**known_edges[edge], "type": edge[1]}


def test_a_selection_is_the_one_that_load_makes() -> None:
    graph = headgraph.to_networkx(TABLE, selection=Selection(top=5), labels="none")
    strongest = TABLE.frame[TABLE.frame["pk_rank"] <= 5]
    assert edges(graph).keys() == edge_properties(strongest).keys()
    assert graph.number_of_nodes() == 12, "heads without edges are there too"
    with pytest.raises(NothingToLoad, match="keeps none"):
        headgraph.to_networkx(TABLE, selection=Selection(min_pk=99.0))


def test_shared_key_value_heads_become_an_edge_to_each_query_head() -> None:
    grouped = random_table(2, 4, 2, pairings=("OQ", "OK"))
    graph = headgraph.to_networkx(grouped)
    ok = [(a, b, data) for a, b, data in graph.edges(data=True) if data["type"] == "OK"]
    assert len(ok) == 4 * 4
    assert {data["share"] for *_, data in ok} == {0.5}
    assert all(data["kv_head"] == int(b[-1]) // 2 for _, b, data in ok)
    assert not any("kv_head" in data for *_, data in graph.edges(data=True) if data["type"] == "OQ")


def test_graphml_says_the_same_to_networkx(tmp_path: Path) -> None:
    labels = roles_file(tmp_path)
    report = headgraph.export(TABLE, tmp_path / "t.graphml", labels=labels, name="tiny")
    assert str(report) == f"wrote 12 heads and 144 edges of tiny: {tmp_path / 't.graphml'}"
    read = nx.read_graphml(tmp_path / "t.graphml", force_multigraph=True)
    known = headgraph.to_networkx(TABLE, labels=labels, name="tiny")
    assert list(read.nodes) == list(known.nodes)
    for name, data in read.nodes(data=True):
        own = dict(known.nodes[name])
        own["labels"] = "".join(f":{label}" for label in own["labels"])
        own["roles"] = ",".join(own["roles"])
        assert data == {key: value for key, value in own.items() if value != ""}
    assert edges(read) == edges(known)
    assert {key for *_, key in read.edges(keys=True)} == {"-".join(edge) for edge in edges(known)}
    assert json.loads(read.graph["roles"]) == known.graph["roles"]
    assert json.loads(read.graph["pairings"]) == ["OQ", "OK", "OV"]
    assert read.graph["center_writing"] is True


def test_node_link_says_the_same_to_networkx(tmp_path: Path) -> None:
    headgraph.export(TABLE, tmp_path / "t.json", labels=roles_file(tmp_path), name="tiny")
    data = json.loads((tmp_path / "t.json").read_text("utf-8"))
    read = nx.node_link_graph(data, edges="links")
    heads = head_properties(TABLE, "tiny", run_id())
    assert {node["properties"]["name"]: node["properties"] for node in data["nodes"]} == heads
    assert read.nodes[heads["L0H1"]["id"]]["labels"] == ["Head", "InductionHead"]
    names = {node: about["properties"]["name"] for node, about in read.nodes(data=True)}
    got = {(names[a], key, names[b]): e["properties"] for a, b, key, e in
           read.edges(keys=True, data=True)}  # fmt: skip
    assert got == edge_properties(TABLE.frame)
    assert sorted(read.graph["roles"], key=str) == sorted(SAID, key=str)


def test_scores_come_back_as_the_float32_they_are(tmp_path: Path) -> None:
    headgraph.export(TABLE, tmp_path / "t.graphml")
    read = edges(nx.read_graphml(tmp_path / "t.graphml", force_multigraph=True))
    got = np.array([read[edge]["pk"] for edge in edge_properties(TABLE.frame)], np.float32)
    assert (got == TABLE.frame["pk"].to_numpy()).all()


def test_text_that_xml_cannot_hold_is_marked(tmp_path: Path) -> None:
    assert _legal("a\x00b\tc\ud800\uffff é") == "a\ufffdb\tc\ufffd\ufffd é"
    path = tmp_path / "roles.csv"
    path.write_text('layer,head,role,note\n0,0,induction,"<&""\x01>"\n')
    headgraph.export(TABLE, tmp_path / "t.graphml", labels=path)
    read = nx.read_graphml(tmp_path / "t.graphml", force_multigraph=True)
    assert json.loads(read.graph["roles"])[0]["note"] == '<&"\x01>', "JSON has its own notation"


def test_the_ending_says_the_format_and_nothing_is_replaced_unasked(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"t\.txt ends in '\.txt': expected a name that ends in"):
        headgraph.export(TABLE, tmp_path / "t.txt")
    with pytest.raises(ExportError, match="no format 'nonesuch': expected one of graphml, json"):
        headgraph.export(TABLE, tmp_path / "t", format="nonesuch")
    headgraph.export(TABLE, tmp_path / "t.txt", format="json")
    assert json.loads((tmp_path / "t.txt").read_text())["directed"] is True
    with pytest.raises(OutputExists, match="exists already: give another name, or force=True"):
        headgraph.export(TABLE, tmp_path / "t.txt", format="json")
    headgraph.export(TABLE, tmp_path / "t.txt", format="graphml", force=True)
    assert nx.read_graphml(tmp_path / "t.txt").number_of_nodes() == 12
    for nameless in ("", ".", "/"):
        with pytest.raises(ExportError, match=r"names neither .* expected a name such as gpt2$"):
            headgraph.export(TABLE, nameless)
    with pytest.raises(BadRunName) as caught:
        headgraph.export(TABLE, tmp_path / "n.json", name="a b")
    assert str(caught.value).endswith("such as name='gpt2-small'")
    assert caught.value.for_command_line().endswith("such as --name gpt2-small")
    with pytest.raises(ExportError) as unknown:
        headgraph.export(TABLE, tmp_path / "n.txt")
    assert "or format with one of graphml" in str(unknown.value)
    assert "or --format with one of graphml" in unknown.value.for_command_line()
    with pytest.raises(ExportError, match="no folder"):
        headgraph.export(TABLE, tmp_path / "nowhere" / "t.json")
    with pytest.raises(ExportError, match="no graph is named"):
        headgraph.export(None, tmp_path / "n.json")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["t.txt"]


def test_notes_say_what_the_table_lacks(tmp_path: Path) -> None:
    narrow = TABLE.select(Selection(top=3))
    report = headgraph.export(narrow, tmp_path / "n.json", selection=Selection(top=9))
    assert report.edges == 9
    wider = "is wider than the selection that made the file"
    assert report.notes[0].startswith(f"selection=Selection(top=9) {wider}")
    assert report.notes[0].options.startswith(f"--top 9 {wider}")


class Nowhere(io.RawIOBase):
    """Takes bytes and keeps none."""

    def write(self, data: Any, /) -> int:
        return len(data)


@pytest.mark.parametrize("name", loader.FORMATS)
def test_memory_does_not_grow_with_the_edges(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "batches", partial(batches, size=800))
    monkeypatch.setattr(cypher, "_EDGES", 800)
    peaks = []
    for n_heads in (8, 13):  # 2.6 times as many edges, in batches of the same size
        content = graph_of_plan(plan_load(random_table(8, n_heads), None, None, "none"))
        assert content.n_edges > 3 * 2 * 800
        write = loader.FORMATS[name].write
        tracemalloc.start()
        write(content, *(Nowhere() for _ in loader.FORMATS[name].names or ("one",)))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.85 * peaks[0], peaks
