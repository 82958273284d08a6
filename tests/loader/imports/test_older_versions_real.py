"""Exports of older versions, in files that those versions wrote, and of runs without some parts."""

import json
from pathlib import Path

import pytest

import headgraph
from headgraph import loader
from headgraph.graphdb import Graph, schema
from headgraph.loader.imports import reading
from headgraph.loader.imports.plan import content_sha256
from headgraph.pk_engine.table.selection import Selection
from tests.loader.databases import run_node
from tests.loader.exports.graphs import roles_file
from tests.loader.exports.test_files_real import dump, empty
from tests.tables import random_table

OLDER = Path(__file__).parent / "older"
ENDINGS = (".json", ".graphml", ".cypher")
TABLE = random_table(
    3, 4, 2, metrics=("pk", "cs"), pairings=("OQ", "OK"), series="pile", step=512.0, seed=3
)
"""The table that these files were made of, with `roles_file` and the five strongest pairs."""


def test_the_files_of_an_older_version(graph: Graph, tmp_path: Path) -> None:
    found = {content_sha256(reading.read(OLDER / f"version-2{ending}")) for ending in ENDINGS}
    assert len(found) == 1, "the three files have one run"
    (report,) = headgraph.import_runs(OLDER / "version-2.graphml", graph)
    assert (report.run, report.heads, report.labelled) == ("older", 12, 2)
    older = run_node(graph, "older")
    assert older["graph_version"] == 2
    assert (older["pairings"], older["metrics"], older["step"]) == (["OQ", "OK"], ["pk", "cs"], 512)
    known = dump(graph)
    for ending in (".json", ".cypher"):  # which are written as they were
        headgraph.export("older", tmp_path / f"again{ending}", graph)
        again = (tmp_path / f"again{ending}").read_text("utf-8")
        lines = [it for it in again.splitlines() if "INDEX headgraph_run_series" not in it]
        assert lines == (OLDER / f"version-2{ending}").read_text("utf-8").splitlines()
        empty(graph)
        headgraph.import_runs(OLDER / f"version-2{ending}", graph)
        assert dump(graph) == known
    assert headgraph.query("hubs", graph, run="older").attrs is not None, "it has sums"
    loader.load(TABLE, graph, run="now", selection=Selection(top=5), labels=roles_file(tmp_path))
    edges = "MATCH (a:Head {run: $run})-[e]->(b:Head) RETURN a.name, type(e), b.name, e.pk, e.cs"
    rows = [sorted(graph.read(edges, {"run": run}).rows) for run in ("older", "now")]
    assert rows[0] == rows[1]


def test_a_run_of_the_first_version(graph: Graph, tmp_path: Path) -> None:
    """It has no version and no sums."""
    document = json.loads((OLDER / "version-2.json").read_text("utf-8"))
    for part in (document["graph"], *(node["properties"] for node in document["nodes"])):
        for name in list(part):
            if name.startswith((schema.KEPT, schema.INLET, schema.OUTLET, "graph_version")):
                del part[name]
    file = tmp_path / "first.json"
    file.write_text(json.dumps(document), "utf-8")
    headgraph.import_runs(file, graph)
    assert "graph_version" not in run_node(graph, "older")
    with pytest.raises(headgraph.HeadgraphError, match="older"):
        headgraph.query("hubs", graph, run="older")


def test_lists_in_graphml_without_a_mark(tmp_path: Path) -> None:
    """Older versions did not mark keys of lists: ours are known by name, others stay text."""
    table = random_table(3, 4, format_2=True)
    headgraph.export(table, tmp_path / "g.graphml", name="tiny", labels="none")
    text = (tmp_path / "g.graphml").read_text("utf-8")
    mark = "><desc>lists as JSON text</desc></key>"
    own = '<key id="node.tags" for="node" attr.name="tags" attr.type="string"/>\n<graph id'
    assert mark in text
    old = text.replace(mark, "/>").replace("<graph id", own, 1)
    old = old.replace("</data></node>", '</data><data key="node.tags">["a"]</data></node>', 1)
    (tmp_path / "old.graphml").write_text(old, "utf-8")
    before, after = (reading.read(tmp_path / f"{name}.graphml") for name in ("g", "old"))
    assert after.run == before.run
    assert isinstance(after.run["kept_pk_min"], list)
    assert after.heads[0].properties["tags"] == '["a"]'
