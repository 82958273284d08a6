"""A run's graph out of a real database: that of its table, and what was added to it there."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import networkx as nx
import pytest

import headgraph
from headgraph import loader
from headgraph.graphdb import Graph
from headgraph.loader.errors import ExportError, UnknownRun
from headgraph.loader.exports.sources import graph_of_run
from headgraph.pk_engine.table.selection import Selection
from tests.commands import headgraph as run_headgraph
from tests.loader.exports.graphs import roles_file
from tests.tables import random_table

TABLES = {
    "plain": random_table(3, 4, metrics=("pk", "cs"), step=512.0),
    "grouped": random_table(3, 4, 2, pairings=("OQ", "OK", "KV"), seed=1),
    "all": random_table(3, 4, pairings=("VK", "OO", "OQ"), seed=2),
    "decoys": random_table(3, 4, 2, pairings=("OQ", "OK", "QQ"), seed=3, format_2=True),
}
ENDINGS = tuple(format.ending for format in loader.FORMATS.values())


@pytest.mark.parametrize("name", TABLES)
def test_a_run_is_written_as_its_table_is(name: str, graph: Graph, tmp_path: Path) -> None:
    labels, rules = roles_file(tmp_path), Selection(top_percent=60)
    loader.load(TABLES[name], graph, run=name, selection=rules, labels=labels)
    loader.load(random_table(seed=9), graph, run="another")
    for ending in ENDINGS:
        of_table = headgraph.export(
            TABLES[name], tmp_path / f"t{ending}", selection=rules, labels=labels, name=name
        )
        of_run = headgraph.export(name, tmp_path / f"r{ending}", graph)
        assert of_run.edges == of_table.edges > 0
        for a, b in zip(of_table.files, of_run.files, strict=True):
            assert a.read_bytes() == b.read_bytes(), ending


def test_networkx_of_a_run_counts_as_the_database_does(graph: Graph) -> None:
    loader.load("gpt2-small", graph, run="gpt2", selection=Selection(top_percent=3))
    drawn = headgraph.to_networkx(None, graph)
    strongest = graph.read(
        "MATCH (a:Head)-[e]->(b:Head) WITH a.name AS a, type(e) AS type, b.name AS b, e.pk AS pk "
        "RETURN a, type, b, pk ORDER BY pk DESC, a, b LIMIT 20"
    )
    for row in strongest:
        assert drawn[row["a"]][row["b"]][row["type"]]["pk"] == row["pk"]
    into = graph.read("MATCH (b:Head {run: 'gpt2'}) RETURN b.name, COUNT { (:Head)-->(b) } AS n")
    assert dict(drawn.in_degree()) == dict(into.rows)
    labelled = graph.read("MATCH (h:Head {run: 'gpt2'}) RETURN h.name, labels(h)").rows
    assert {name: set(labels) for name, labels in labelled} == {
        name: set(labels) for name, labels in drawn.nodes(data="labels")
    }


def test_what_was_added_in_the_database_goes_along(graph: Graph, tmp_path: Path) -> None:
    loader.load(TABLES["plain"], graph, run="tiny")
    graph.write(
        "MATCH (h:Head {name: 'L0H0'})-[e:OQ]->(:Head {name: 'L1H0'}) SET e.mine = 'x', "
        "h.seen = true, h.day = date('2020-02-03'), h.tags = ['a', 'b'], h.odd = 0.0 / 0.0, h:Mine"
    )
    drawn = headgraph.to_networkx("tiny", graph)
    head = drawn.nodes["L0H0"]
    assert (head["seen"], head["day"], head["tags"]) == (True, "2020-02-03", ["a", "b"])
    assert "odd" not in head, "no file format has a number that is none"
    assert head["labels"] == ["Head", "Mine"]
    assert drawn["L0H0"]["L1H0"]["OQ"]["mine"] == "x"
    assert [data for *_, data in drawn.edges(data="mine") if data] == ["x"]
    headgraph.export("tiny", tmp_path / "t.graphml", graph)
    read = nx.read_graphml(tmp_path / "t.graphml", force_multigraph=True)
    assert (read.nodes["L0H0"]["seen"], json.loads(read.nodes["L0H0"]["tags"])) == (
        True,
        ["a", "b"],
    )


def test_properties_that_no_column_holds_are_refused(graph: Graph, tmp_path: Path) -> None:
    loader.load(TABLES["plain"], graph, run="tiny")
    edge = "MATCH (:Head {name: 'L0H0'})-[e:OQ]->(:Head {name: 'L1H0'}) "
    for value, words in (
        ("'x'", "the property pk has float values on some heads or edges and string values on"),
        ("date()", "edges have the property pk of type date: expected numbers, text or"),
    ):
        graph.write(f"{edge} SET e.pk = {value}")
        with pytest.raises(ExportError, match=words):
            headgraph.export("tiny", tmp_path / "t.json", graph)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", loader.FORMATS)
def test_a_label_that_no_import_reads_back_is_refused(
    name: str, graph: Graph, tmp_path: Path
) -> None:
    loader.load(TABLES["plain"], graph, run="one")
    graph.write("MATCH (h:Head {name: 'L0H0'}) SET h:`My label`")
    with pytest.raises(ExportError, match="the name 'My label' of a property or label"):
        loader.export("one", tmp_path / "out", graph, format=name)
    assert list(tmp_path.iterdir()) == []
    assert "My label" in str(loader.to_networkx("one", graph).nodes["L0H0"])


def test_a_head_made_by_hand_is_refused(graph: Graph, tmp_path: Path) -> None:
    loader.load(TABLES["plain"], graph, run="tiny")
    graph.write("CREATE (:Head {run: 'tiny', id: 'mine', name: 'L9H9'})")
    with pytest.raises(ExportError, match="a head of the run tiny lacks layer, head, so headgraph"):
        headgraph.export("tiny", tmp_path / "t.json", graph)
    assert not list(tmp_path.iterdir())


def test_a_run_that_changes_meanwhile_is_not_written(graph: Graph, tmp_path: Path) -> None:
    loader.load(TABLES["plain"], graph, run="tiny")
    content = graph_of_run(graph, "tiny")
    graph.write("MATCH (:Head {name: 'L1H0'})-[e:OK]->() DELETE e")
    with pytest.raises(ExportError, match=r"tiny was changed while it was read \(44 OK edges"):
        list(content.batches())
    loader.drop(graph, "tiny")
    with pytest.raises(ExportError, match="was changed"):
        list(content.batches())


def test_the_run_is_named_or_the_only_one(graph: Graph, tmp_path: Path) -> None:
    with pytest.raises(UnknownRun, match=r"^the database holds no run: headgraph.load"):
        headgraph.to_networkx(None, graph)
    for name in ("one", "two"):
        loader.load(TABLES["plain"], graph, run=name)
    with pytest.raises(UnknownRun, match=r"no run 'on' \(did you mean one\?\): the database holds"):
        headgraph.to_networkx("on", graph)
    with pytest.raises(UnknownRun, match=r"holds 2 runs \(one, two\): say which"):
        headgraph.export(None, tmp_path / "t.json", graph)
    with pytest.raises(ExportError, match="expected the name of a run, got AffinityTable: give a"):
        headgraph.to_networkx(TABLES["plain"], graph)
    with pytest.raises(ExportError, match="belong to a table"):
        headgraph.to_networkx("one", graph, selection=Selection(top=1))


def test_the_command(graph: Graph, tmp_path: Path) -> None:
    out = tmp_path / "g.json"
    done = run_headgraph("export", "gpt2-small", "--top", "2", "--name", "two", "-o", str(out))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"wrote 144 heads and 6 edges of two: {out}\n"
    loader.load("gpt2-small", graph, run="two", selection=Selection(top=2))
    again = run_headgraph("export", "--run", "two", "-o", str(out))
    assert (again.returncode, again.stdout) == (1, "")
    assert again.stderr == (
        f"headgraph: {out} exists already: give another name, or --force to replace it\n"
    )
    before = out.read_bytes()
    assert run_headgraph("export", "two", "-o", str(out), "--force").returncode == 0
    assert out.read_bytes() == before
    for args, words in (
        (["two", "--top", "1"], "require a table"),
        ([], "expected a table or a run"),
        (["two", "--run", "two"], "expected a table or a run"),
    ):
        wrong = run_headgraph("export", *args, "-o", str(tmp_path / "w.json"))
        assert (wrong.returncode, words in wrong.stderr) == (2, True), wrong.stderr
    wrong = run_headgraph("export", "tow", "-o", str(tmp_path / "w.json"))
    assert wrong.returncode == 1
    assert re.sub(r"bolt://[\d.:]+", "ADDRESS", wrong.stderr) == (
        "headgraph: no file tow: make one with headgraph compute MODEL -o tow.parquet; "
        "bundled is gpt2-small; at ADDRESS no run 'tow' (did you mean two?): "
        "the database holds two (see headgraph runs)\n"
    )
    model = run_headgraph("export", "induction-2l", "-o", str(tmp_path / "w.json"))
    assert "induction-2l is bundled as a model, not as a table: headgraph comp" in model.stderr
    far = ("gpt2-smal", "--uri", "bolt://127.0.0.1:9", "-o", str(tmp_path / "w.json"))
    away = run_headgraph("export", *far)
    assert away.returncode == 3
    assert "no file gpt2-smal (did you mean gpt2-small, which is bundled?)" in away.stderr
    assert "runs were not searched: no database answers" in away.stderr


def test_two_exports_at_once_leave_one_whole_file(tmp_path: Path) -> None:
    def write() -> None:
        headgraph.export(TABLES["plain"], tmp_path / "t.json", force=True)

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(write) for _ in range(4)]:
            done.result()
    assert len(json.loads((tmp_path / "t.json").read_text())["links"]) == 144
    assert [path.name for path in tmp_path.iterdir()] == ["t.json"]
