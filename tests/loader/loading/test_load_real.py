"""What a load promises, held against a real database."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headgraph import loader
from headgraph.graphdb import Graph
from headgraph.graphdb.connection.versions import LABEL_VALUES, OLDEST
from headgraph.loader.errors import NameTaken, UnknownRun
from headgraph.loader.loading.edges import BATCH
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.pk_engine.table.selection import Selection
from tests.loader.databases import contents, edge_ids, expected, run_node
from tests.loader.exports.graphs import head_properties
from tests.tables import random_table

TABLE = random_table(model="test/tiny", metrics=("pk", "cs"), series="pile", step=512.0)
OTHER = random_table(model="test/tiny", seed=1)
ROLES = """layer,head,role,circuit,source,note
0,1,induction,ioi,somebody,
0,1,induction,,nobody,seen
2,3,identity,,,
"""


def write_roles(folder: Path, text: str = ROLES, name: str = "roles.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_the_graph_is_as_the_design_says(graph: Graph) -> None:
    report = loader.load(TABLE, graph, run="tiny")
    assert contents(graph) == expected(TABLE)
    run = run_node(graph, "tiny")
    assert (run["id"], run["status"], run["table_sha256"]) == (report.id, "complete", TABLE.sha256)
    assert (run["series"], run["step"], run["model"]) == ("pile", 512.0, "test/tiny")
    assert (run["heads"], run["edges"], run["pairs"], run["pairs_scored"]) == (16, 288, 288, 288)
    assert abs((datetime.now(UTC) - run["loaded_at"].to_native()).total_seconds()) < 60
    assert not {"loader", "lock", "ending"} & run.keys()
    heads = graph.read("MATCH (:Run {name: 'tiny'})-[:HAS_HEAD]->(h:Head) RETURN h").rows
    assert {head["id"] for (head,) in heads} == {
        f"{report.id}:L{i}H{j}" for i, j in np.ndindex(4, 4)
    }
    known = head_properties(TABLE, "tiny", report.id)
    assert {head["name"]: dict(head) for (head,) in heads} == known


def test_every_edge_has_its_scores(graph: Graph) -> None:
    loader.load(TABLE, graph, run="tiny")
    rows = graph.read(
        "MATCH (a:Head)-[e]->(b:Head) "
        "RETURN type(e) AS pairing, a.name AS source, b.name AS target, properties(e) AS e"
    )
    got = {(row["pairing"], row["source"], row["target"]): row["e"] for row in rows}
    for row in TABLE.frame.itertuples():
        key = (
            row.pairing,
            f"L{row.source_layer}H{row.source_head}",
            f"L{row.target_layer}H{row.target_head}",
        )
        assert got.pop(key) == {
            "pk": row.pk,
            "pk_normalized": row.pk_normalized,
            "z": row.z,
            "pk_rank": row.pk_rank,
            "cs": row.cs,
            "share": 1.0,
        }
    assert not got


@pytest.mark.parametrize("kv", ["native", "expand"])
def test_grouped_queries_share_and_sum(graph: Graph, kv: str) -> None:
    table = random_table(4, 8, 2, kv=kv, pairings=("OQ", "OK", "OV", "KQ"))
    loader.load(table, graph, run="grouped")
    assert contents(graph) == expected(table)
    read = "MATCH (:Head {run: 'grouped'})-[e:%s]->(b:Head) RETURN e.kv_head, b.kv_head, e.share"
    for pairing, share in (("OQ", 1.0), ("OK", 0.25), ("OV", 0.25), ("KQ", 0.25)):
        for on_edge, on_head, got in graph.read(read % pairing).rows:
            assert got == share
            assert on_edge == (on_head if pairing in ("OK", "OV") else None)
    heads = graph.read("MATCH (h:Head) RETURN h.head AS head, h.kv_head AS kv").rows
    assert all(kv_head == head // 4 for head, kv_head in heads)
    # each scored pair counts once in what a head sends out, whichever way the table counts pairs
    outlet = graph.read(
        "MATCH (a:Head {run: 'grouped'})-[e:OK]->(:Head) "
        "RETURN a.layer AS layer, a.head AS head, sum(e.pk * e.share) AS outlet"
    )
    pairs = table.frame[table.frame["pairing"] == "OK"]
    if kv == "expand":
        pairs = pairs.drop_duplicates(
            ["source_layer", "source_head", "target_layer", "target_kv_head"]
        )
    sums = pairs.groupby(["source_layer", "source_head"])["pk"].sum()
    assert len(outlet) == len(sums)
    for row in outlet:
        assert row["outlet"] == pytest.approx(sums[row["layer"], row["head"]], rel=1e-5)


def test_the_same_again_changes_nothing(graph: Graph, tmp_path: Path) -> None:
    path = TABLE.write(tmp_path / "t.parquet")
    assert loader.load(TABLE, graph).outcome == "loaded"
    before = run_node(graph, "tiny-step512"), edge_ids(graph)
    again = loader.load(path, graph)
    assert again.outcome == "unchanged"
    assert (run_node(graph, "tiny-step512"), edge_ids(graph)) == before


def test_one_table_under_two_names_is_two_runs(graph: Graph) -> None:
    loader.load(TABLE, graph, run="one")
    loader.load(TABLE, graph, run="two")
    assert contents(graph) == expected(TABLE, runs=2)
    assert list(loader.runs(graph)["name"]) == ["one", "two"]
    crossing = "MATCH (a:Head)-[]->(b:Head) WHERE a.run <> b.run RETURN count(*)"
    assert graph.read(crossing).single() == 0


@pytest.mark.parametrize("selection", [None, Selection(top=5)])
def test_a_taken_name_is_refused(graph: Graph, selection: Selection | None) -> None:
    loader.load(TABLE, graph, run="mine")
    other = OTHER if selection is None else TABLE
    with pytest.raises(NameTaken, match="or replace=True to put this one in its place"):
        loader.load(other, graph, run="mine", selection=selection)
    assert contents(graph) == expected(TABLE)


def test_replace_puts_one_run_in_the_place_of_another(graph: Graph, tmp_path: Path) -> None:
    loader.load(TABLE, graph, run="mine", labels=write_roles(tmp_path))
    report = loader.load(OTHER, graph, run="mine", replace=True)
    assert report.outcome == "replaced"
    assert contents(graph) == expected(OTHER)
    assert run_node(graph, "mine")["table_sha256"] == OTHER.sha256
    assert loader.load(OTHER, graph, run="mine", replace=True).outcome == "unchanged"
    narrower = loader.load(OTHER, graph, run="mine", selection=Selection(top=2), replace=True)
    assert narrower.edges == 6
    assert contents(graph) == expected(OTHER.select(Selection(top=2)))


def test_a_dry_run_changes_nothing(graph: Graph) -> None:
    assert loader.load(TABLE, graph, run="mine", dry_run=True).outcome == "loaded"
    assert contents(graph) == {}
    loader.load(TABLE, graph, run="mine")
    before = edge_ids(graph)
    assert loader.load(TABLE, graph, run="mine", dry_run=True).outcome == "unchanged"
    assert loader.load(OTHER, graph, run="mine", dry_run=True, replace=True).outcome == "replaced"
    with pytest.raises(NameTaken):
        loader.load(OTHER, graph, run="mine", dry_run=True)
    assert edge_ids(graph) == before


def roles_of(graph: Graph) -> list[tuple[Any, ...]]:
    rows = graph.read(
        "MATCH (h:Head)-[has:HAS_ROLE]->(role:Role) RETURN h.name AS head, role.name AS role, "
        "has.circuit AS circuit, has.source AS source, has.note AS note ORDER BY head, role, source"
    ).rows
    return list(rows)


def coloured(graph: Graph, label: str) -> list[str]:
    return [row["name"] for row in graph.read(f"MATCH (h:Head:{label}) RETURN h.name AS name")]


@pytest.fixture(params=[None, OLDEST])
def any_version(
    graph: Graph, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Graph:
    """The server as it is, and as if it took no label from a parameter."""
    assert (graph.version or OLDEST) >= LABEL_VALUES
    monkeypatch.setattr(graph, "version", request.param or graph.version)
    return graph


def test_roles_become_labels_and_relationships(any_version: Graph, tmp_path: Path) -> None:
    graph = any_version
    report = loader.load(TABLE, graph, run="mine", labels=write_roles(tmp_path))
    assert report.labelled == 2
    assert roles_of(graph) == [
        ("L0H1", "induction", None, "nobody", "seen"),
        ("L0H1", "induction", "ioi", "somebody", None),
        ("L2H3", "identity", None, None, None),
    ]
    assert coloured(graph, "InductionHead") == ["L0H1"]
    assert coloured(graph, "IdentityHead") == ["L2H3"]
    loader.load(OTHER, graph, run="theirs", labels=write_roles(tmp_path))
    assert contents(graph)["Role"] == 2
    loader.drop(graph, "mine")
    assert contents(graph)["Role"] == 2
    loader.drop(graph, "theirs")
    assert contents(graph) == {}


def test_changed_labels_alone_are_updated_in_place(any_version: Graph, tmp_path: Path) -> None:
    graph = any_version
    loader.load(TABLE, graph, run="mine", labels=write_roles(tmp_path))
    before = edge_ids(graph), run_node(graph, "mine")["loaded_at"]
    moved = write_roles(tmp_path, "layer,head,role\n1,1,induction\n1,2,name_mover\n", "new.csv")
    report = loader.load(TABLE, graph, run="mine", labels=moved)
    assert report.outcome == "relabelled"
    assert (edge_ids(graph), run_node(graph, "mine")["loaded_at"]) == before
    assert run_node(graph, "mine")["label_source"] == "new.csv"
    assert [(row[0], row[1]) for row in roles_of(graph)] == [
        ("L1H1", "induction"),
        ("L1H2", "name_mover"),
    ]
    assert coloured(graph, "InductionHead") == ["L1H1"]
    assert coloured(graph, "IdentityHead") == []
    assert coloured(graph, "NameMoverHead") == ["L1H2"]
    assert loader.load(TABLE, graph, run="mine", labels=moved).outcome == "unchanged"
    assert loader.load(TABLE, graph, run="mine", labels="none").outcome == "relabelled"
    assert contents(graph) == expected(TABLE)


def test_labels_of_one_run_leave_another_alone(graph: Graph, tmp_path: Path) -> None:
    loader.load(TABLE, graph, run="one", labels=write_roles(tmp_path))
    loader.load(TABLE, graph, run="two", labels=write_roles(tmp_path))
    loader.load(TABLE, graph, run="one", labels="none")
    rows = graph.read("MATCH (h:InductionHead) RETURN h.run AS run")
    assert [row["run"] for row in rows] == ["two"]
    assert len(roles_of(graph)) == 3


def test_drop_takes_the_run_and_nothing_else(graph: Graph) -> None:
    loader.load(TABLE, graph, run="one")
    loader.load(OTHER, graph, run="two")
    assert str(loader.drop(graph, "one")) == "dropped one: 16 heads and 288 edges"
    assert contents(graph) == expected(OTHER)
    with pytest.raises(UnknownRun, match="the database holds two"):
        loader.drop(graph, "one")
    assert loader.load(TABLE, graph, run="one").outcome == "loaded"


def test_runs_are_listed(graph: Graph) -> None:
    assert loader.runs(graph).empty
    loader.load(TABLE, graph, run="b", selection=Selection(top_percent=3))
    loader.load(OTHER, graph, run="a")
    frame = loader.runs(graph)
    assert frame.drop(columns="loaded").to_dict("records") == [
        {
            "name": "a", "model": "test/tiny", "status": "complete", "heads": 16, "edges": 288,
            "pairings": "OQ,OK,OV", "selection": "all pairs",
        },
        {
            "name": "b", "model": "test/tiny", "status": "complete", "heads": 16, "edges": 9,
            "pairings": "OQ,OK,OV", "selection": "top 3 % per pairing",
        },
    ]  # fmt: skip
    for text in frame["loaded"]:
        assert (datetime.now(UTC) - datetime.fromisoformat(text)).total_seconds() < 60


def test_gpt2_with_its_roles(graph: Graph) -> None:
    report = loader.load("gpt2-small", graph, run="gpt2", selection=Selection(top_percent=3))
    assert (report.heads, report.edges, report.pairs) == (144, 858, 858)
    assert report.label_source == "bundled"
    (note,) = report.notes
    assert note.options == (
        "the decoy share of OK and OV at the weakest pair kept is above 25 %, so many "
        "of these edges may mean nothing: "
        "--max-decoy 0.1 keeps edges whose decoy_q is at most 0.1"
    )
    ioi = graph.read(
        "MATCH (h:InductionHead {run: 'gpt2'})-[:HAS_ROLE {circuit: 'ioi'}]->(r:Role) "
        "WHERE r.name = 'induction' RETURN count(DISTINCT h)"
    ).single()
    assert ioi == 4
    assert len(coloured(graph, "InductionHead")) == 8


def test_a_large_table_needs_more_than_one_batch_a_pairing(graph: Graph) -> None:
    table: AffinityTable = random_table(8, 27, pairings=("OQ",))
    seen: list[int] = []
    loader.load(table, graph, run="large", progress=lambda done, total: seen.append(done))
    assert seen == [BATCH, len(table)] == [20_000, 20_412]
    assert contents(graph) == expected(table)
