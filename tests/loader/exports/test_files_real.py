"""The script makes the graph that a load makes, and the CSV files are made in order.

What Neo4j's importer makes of the CSV files is in tests/loader/test_offline_real.py.
"""

import json
from pathlib import Path
from typing import Any

import pytest

import headgraph
from headgraph import loader
from headgraph.graphdb import Graph
from headgraph.loader.errors import ExportError
from headgraph.loader.exports.cypher import column, literal
from headgraph.pk_engine.table.selection import Selection
from tests.loader.exports.graphs import roles_file
from tests.tables import random_table

TABLE = random_table(3, 4, metrics=("pk", "cs"), series="pile", step=512.0)
TABLES = {
    "plain": TABLE,
    "grouped": random_table(3, 4, 2, pairings=("OQ", "OK", "KV"), seed=1),
    "decoys": random_table(3, 4, 2, pairings=("OQ", "OK", "QQ"), seed=2, format_2=True),
}
NASTY = (
    'a "quoted" \'text\' `here`', "\\", "\\\\", "\\u0022 \\u005c", '\\"', "line\nbreak\r\n\ttab",
    "; // no comment /* */", ";\n", "$p {x: 1}", "é ä 😀 \u2028 \x00\x1f\x7f", "", ":begin\n",
    "\\u000a}) DETACH DELETE r //", "%s {0}",
)  # fmt: skip
COLUMNS = (
    [0.1, None, 1e22, -0.0, 1e-05, 1.5e300, 0.1 + 0.2], [2**62, None, -7], [1, 2.5], [None, None],
    [True, None, False], ["a", "b b"], ["a,b", ""], ["a", None], [""], [*NASTY],
)  # fmt: skip


def dump(graph: Graph) -> tuple[list[Any], list[Any]]:
    """All nodes and relationships, told by what they are and not by the database's numbers."""
    times = ("loaded_at", "started_at")
    name = "coalesce({0}.id, {0}.name)"
    nodes = [
        (sorted(labels), {key: value for key, value in sorted(own.items()) if key not in times})
        for labels, own in graph.read("MATCH (n) RETURN labels(n), properties(n)").rows
    ]
    edges = graph.read(
        f"MATCH (a)-[e]->(b) RETURN {name.format('a')}, type(e), {name.format('b')}, properties(e)"
    ).rows
    rows = [(a, kind, b, sorted(own.items())) for a, kind, b, own in edges]
    return sorted(nodes, key=str), sorted(rows, key=str)


def schema_of(graph: Graph) -> list[str]:
    return sorted(row["name"] for row in graph.read("SHOW INDEXES YIELD name"))


def empty(graph: Graph) -> None:
    graph.command("MATCH (n) CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 10000 ROWS")


def run_script(graph: Graph, path: Path, most: int | None = None) -> list[dict[str, Any]]:
    """As cypher-shell does: a transaction for each statement; the last one's rows."""
    statements = path.read_text("utf-8").split(";\n")
    assert statements.pop() == ""
    rows = []
    for statement in statements[:most]:
        with graph.session() as session:
            rows = session.run(statement).data()
    return rows


@pytest.mark.parametrize("name", TABLES)
def test_the_script_makes_what_a_load_makes(name: str, graph: Graph, tmp_path: Path) -> None:
    labels = roles_file(tmp_path)
    loader.load(TABLES[name], graph, run=name, labels=labels)
    known = dump(graph)
    empty(graph)
    headgraph.export(TABLES[name], tmp_path / "g.cypher", labels=labels, name=name)
    edges = len(TABLES[name].edges())
    told = [{"run": name, "status": "complete", "heads": 12, "edges": edges}]
    assert run_script(graph, tmp_path / "g.cypher") == told
    assert dump(graph) == known
    assert run_script(graph, tmp_path / "g.cypher") == told, "again changes nothing"
    assert dump(graph) == known
    assert loader.load(TABLES[name], graph, run=name, labels=labels).outcome == "unchanged"


def test_a_script_that_was_cut_off_goes_on(graph: Graph, tmp_path: Path) -> None:
    labels = roles_file(tmp_path)
    loader.load(TABLE, graph, run="tiny", labels=labels)
    known = dump(graph)
    empty(graph)
    headgraph.export(TABLE, tmp_path / "g.cypher", labels=labels, name="tiny")
    statements = (tmp_path / "g.cypher").read_text("utf-8").count(";\n")
    for most in range(7, statements - 1):
        run_script(graph, tmp_path / "g.cypher", most)
        assert graph.read("MATCH (h:Head) RETURN count(*)").single() == 0, "nothing is seen yet"
        assert graph.read("MATCH (r:Run) RETURN count(r.name)").single() == 0
    assert loader.runs(graph)["status"].tolist() == ["loading"]
    run_script(graph, tmp_path / "g.cypher")
    assert dump(graph) == known


def test_a_script_does_not_touch_a_run_that_is_there(graph: Graph, tmp_path: Path) -> None:
    loader.load(random_table(seed=5), graph, run="tiny")
    known = dump(graph)
    headgraph.export(TABLE, tmp_path / "g.cypher", name="tiny")
    with pytest.raises(Exception, match=r"already exists with label `Run` and property `name`"):
        run_script(graph, tmp_path / "g.cypher")
    assert loader.runs(graph)[["name", "status"]].to_numpy().tolist() == [
        ["tiny", "complete"], ["tiny", "loading"],
    ]  # fmt: skip
    (unfinished,) = loader.unfinished(graph)
    loader.drop(graph, unfinished.name)
    assert dump(graph) == known


def test_any_text_comes_through(graph: Graph, tmp_path: Path) -> None:
    for text in NASTY:
        assert graph.read(f"RETURN {literal(text)} AS text").single() == text
        assert graph.read(f"RETURN {literal({'a': [text]})} AS text").single() == {"a": [text]}
    for number in (1e-05, 1.5e300, -0.0, 2**62, -7, 0.1, 1e22):
        assert graph.read(f"RETURN {literal(number)} AS n").single() == number
    for values in COLUMNS:
        assert repr(graph.read(f"RETURN {column(values)} AS list").single()) == repr(values)
    loader.load(TABLE, graph, run="tiny")
    graph.write("MATCH (h:Head {name: 'L0H0'}) SET h.texts = $texts", {"texts": list(NASTY)})
    graph.write(
        "MATCH (:Head {name: 'L0H0'})-[e]->() SET e.source = $text, e.seen = e.pk > 1, e.c0 = 3 "
        "WITH e LIMIT 1 SET e.c0 = 0.5",
        {"text": NASTY[0]},
    )
    graph.write("MATCH (r:Run) SET r.note = $text", {"text": NASTY[5]})
    known = dump(graph)
    headgraph.export("tiny", tmp_path / "g.cypher", graph)
    empty(graph)
    run_script(graph, tmp_path / "g.cypher")
    assert dump(graph) == known


@pytest.mark.parametrize("ending", [".cypher", ""])
def test_names_that_would_need_quoting_are_refused(
    ending: str, graph: Graph, tmp_path: Path
) -> None:
    for change in ("SET h.`a``b` = 1", "SET h:`x:y`"):
        loader.load(TABLE, graph, run="tiny")
        graph.write(f"MATCH (h:Head {{name: 'L0H0'}}) {change}")
        with pytest.raises(ExportError, match=r"the name '(a`b|x:y)' of a property or label"):
            headgraph.export("tiny", tmp_path / f"g{ending}", graph)
        empty(graph)
    assert not list(tmp_path.iterdir())


def test_the_folder_is_made_and_nothing_in_it_replaced_unasked(tmp_path: Path) -> None:
    out = tmp_path / "folder"
    headgraph.export(TABLE, out, name="tiny", labels="none")
    first = (out / "relationships.csv").read_text().splitlines()
    assert first[0] == (
        ":START_ID,:END_ID,:TYPE,pk:double,pk_normalized:double,z:double,pk_rank:long,"
        "share:double,cs:double,kv_head:long"
    )
    assert first[1] == '"tiny","tiny:L0H0","HAS_HEAD",,,,,,,'
    assert len(first) == 1 + 12 + len(TABLE)
    with pytest.raises(Exception, match=r"nodes\.csv exists already: give another name"):
        headgraph.export(TABLE, out)
    headgraph.export(TABLE, out, force=True, selection=Selection(top=1), labels="none")
    assert len((out / "relationships.csv").read_text().splitlines()) == 1 + 12 + 3
    (tmp_path / "plain").write_text("x")
    with pytest.raises(ExportError, match="is a file: expected the name of a folder for nodes"):
        headgraph.export(TABLE, tmp_path / "plain")


def test_a_list_item_that_holds_the_separator_is_refused(graph: Graph, tmp_path: Path) -> None:
    loader.load(TABLE, graph, run="tiny")
    graph.write("MATCH (h:Head {name: 'L0H0'}) SET h.tags = ['a;b']")
    with pytest.raises(ExportError, match="the list item 'a;b' holds a ;"):
        headgraph.export("tiny", tmp_path / "folder", graph)
    assert not (tmp_path / "folder").exists()
    (tmp_path / "mine").mkdir()
    with pytest.raises(ExportError, match="the list item"):
        headgraph.export("tiny", tmp_path / "mine", graph)
    assert not list((tmp_path / "mine").iterdir())
    headgraph.export("tiny", tmp_path / "g.json", graph)
    assert '"tags": ["a;b"]' in (tmp_path / "g.json").read_text()
    assert json.loads((tmp_path / "g.json").read_text())["graph"]["name"] == "tiny"
