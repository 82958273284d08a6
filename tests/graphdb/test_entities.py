"""Nodes, relationships and paths: everything in JSON, one line in a table."""

import json

from headgraph._cells import column, records
from headgraph.base.text import json_text
from headgraph.graphdb import Graph
from headgraph.graphdb.results.result import Result

MAKE = """
CREATE (a:Head:InductionHead {id: $id, name: 'L0H1', run: 'x'})
  -[:OV {pk: 10.94, z: 3.0}]->(:Head {name: 'L3H2'}), (:Run {name: 'x'})-[:HAS_HEAD]->(a),
  (:Bare), (:Other {colour: 'blue'})
"""


def test_one_line_in_a_table_and_everything_in_json(graph: Graph) -> None:
    graph.write(MAKE, {"id": "ab" * 32 + ":L0H1"})
    frame = graph.read(
        "MATCH p = (b:Head)<-[e:OV]-(a:Head)<-[:HAS_HEAD]-(:Run) "
        "RETURN p, a, e, collect(a) + collect(b) AS both, {head: a} AS map"
    ).frame()
    shown = {str(name): column(str(name), frame[name].array).cells[0] for name in frame}
    assert shown["p"] == "(:Head L3H2)<-[:OV pk=10.9]-(:Head L0H1)<-[:HAS_HEAD]-(:Run x)"
    assert shown["a"] == "(:Head L0H1)"
    assert shown["e"] == "[:OV pk=10.9]"
    assert shown["both"] == "(:Head L0H1), (:Head L3H2)"
    (row,) = records(frame)
    a = {
        "_labels": ["Head", "InductionHead"],
        "id": "ab" * 32 + ":L0H1",
        "name": "L0H1",
        "run": "x",
    }
    assert row["a"] == a
    assert row["e"] == {"_type": "OV", "pk": 10.94, "z": 3.0}
    assert row["p"][2] == a
    assert json.loads(json.dumps(row)) == row


def test_a_path_forwards(graph: Graph) -> None:
    graph.write(MAKE, {"id": "x"})
    frame = graph.read("MATCH p = (:Head)-[:OV]->(:Head) RETURN p").frame()
    assert column("p", frame["p"].array).cells == ["(:Head L0H1)-[:OV pk=10.9]->(:Head L3H2)"]


def test_nodes_without_a_name(graph: Graph) -> None:
    graph.write(MAKE, {"id": "x"})
    frame = graph.read("MATCH (n) WHERE n:Bare OR n:Other RETURN n ORDER BY n.colour").frame()
    assert column("n", frame["n"].array).cells == ["(:Other colour=blue)", "(:Bare)"]


def test_whole_numbers_stay_whole_where_some_are_missing() -> None:
    rows = Result(("n", "x"), ((2**53 + 1, 1.5), (None, None), (3, 2.0))).frame()
    assert rows["n"].dropna().tolist() == [2**53 + 1, 3]
    assert [json_text(record) for record in records(rows)] == [
        '{"n": 9007199254740993, "x": 1.5}', '{"n": null, "x": null}', '{"n": 3, "x": 2.0}'
    ]  # fmt: skip
    assert column("n", Result(("n",), ((3,), (None,))).frame()["n"].array).cells == ["3", ""]
    every = Result(("n",), ((1,), (2,))).frame()
    assert every["n"].dtype == "int64"
