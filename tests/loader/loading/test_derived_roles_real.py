"""Copying, derived roles and decoys in a real database: of GPT-2, and through every change."""

from pathlib import Path
from typing import Any

import networkx as nx
import pytest

import headgraph
from headgraph import loader
from headgraph.graphdb import Graph, schema
from headgraph.pk_engine.table.selection import Selection
from headgraph.pk_engine.table.sources import read_table
from tests.loader.databases import contents, expected, run_node
from tests.tables import random_table

SCORED = random_table(3, 4, model="test/tiny", format_2=True, seed=4)
PLAIN = random_table(3, 4, model="test/tiny", seed=4)
DEFAULT = Selection(top_percent=3)
ERASERS = {"L1H11": -0.9996, "L3H10": -0.9936, "L4H7": -0.9985, "L5H11": -0.9972, "L6H6": -0.9950}


def derived(graph: Graph, run: str) -> set[tuple[str, str]]:
    """(head, role) of HAS_ROLE with the circuit and the source of derived roles."""
    rows = graph.read(
        "MATCH (h:Head {run: $run})-[has:HAS_ROLE {circuit: 'weights', "
        "source: 'derived: copying and self_overlap of W_OV'}]->(r:Role) RETURN h.name, r.name",
        {"run": run},
    ).rows
    assert len(rows) == len(set(map(tuple, rows)))
    return {(head, role) for head, role in rows}


def labelled(graph: Graph, run: str) -> set[tuple[str, str]]:
    """(head, role) by the labels of heads, of derived roles."""
    rows = graph.read(
        "MATCH (h:Head {run: $run}) UNWIND [l IN labels(h) WHERE l IN ['Eraser', 'Copier']] AS l "
        "RETURN h.name, toLower(l)",
        {"run": run},
    ).rows
    return {(head, role) for head, role in rows}


def by_weights(table: headgraph.AffinityTable) -> set[tuple[str, str]]:
    """What the thresholds say, head by head."""
    scores = table.meta.heads
    found = set()
    for layer, heads in enumerate(scores["copying"]):
        for head, copies in enumerate(heads):
            overlap = scores["self_overlap"][layer][head]
            if copies is not None and overlap is not None and overlap > 0.5 and abs(copies) > 0.9:
                found.add((f"L{layer}H{head}", "copier" if copies > 0 else "eraser"))
    return found


@pytest.fixture
def roles(tmp_path: Path) -> Path:
    path = tmp_path / "roles.csv"
    path.write_text("layer,head,role,circuit\n0,0,induction,ioi\n0,1,own_word,\n")
    return path


def test_gpt2_has_its_five_erasers_and_the_known_decoys(graph: Graph) -> None:
    loader.load("gpt2-small", graph, run="gpt2", selection=DEFAULT)
    erasers = graph.read(
        "MATCH (h:Eraser {run: 'gpt2'}) RETURN h.name, h.copying, h.self_overlap ORDER BY h.name"
    ).rows
    assert {name: round(copying, 4) for name, copying, _ in erasers} == ERASERS
    assert 64 * {name: overlap for name, _, overlap in erasers}["L4H7"] == pytest.approx(
        53.83, abs=0.005
    )
    found = derived(graph, "gpt2")
    assert {head for head, role in found if role == "eraser"} == set(ERASERS)
    assert found == labelled(graph, "gpt2")
    run = run_node(graph, "gpt2")
    assert [round(run[f"decoy_share_{pairing}"], 2) for pairing in ("OQ", "OK", "OV")] == [
        0.18, 0.26, 0.48,
    ]  # fmt: skip
    assert run["graph_version"] == schema.VERSION == 3
    literature = graph.read(
        "MATCH (h:Head {run: 'gpt2'})-[has:HAS_ROLE]->() "
        "WHERE coalesce(has.circuit, '') <> 'weights' RETURN count(DISTINCT h)"
    ).single()
    assert literature == 53, "as headgraph load says"


def test_gpt2s_edges_and_run_have_what_the_table_says(graph: Graph) -> None:
    loader.load("gpt2-small", graph, run="gpt2", selection=DEFAULT)
    table = read_table("gpt2-small").select(DEFAULT)
    rows = graph.read(
        "MATCH (a:Head {run: 'gpt2'})-[e]->(b:Head) RETURN type(e), a.name, b.name, e.decoy_q"
    ).rows
    known = table.frame[["pairing", "source", "target", "decoy_q"]].to_numpy().tolist()
    assert sorted(map(list, rows)) == sorted(known)
    run = run_node(graph, "gpt2")
    least = graph.read(
        "MATCH (:Head {run: 'gpt2'})-[e]->(:Head) RETURN type(e) AS pairing, min(e.z) AS z"
    )
    kept = dict(zip(run["kept_pairings"], run["kept_z_min"], strict=True))
    assert kept == {row["pairing"]: row["z"] for row in least}


def test_labels_come_and_go_beside_derived_roles(graph: Graph, roles: Path) -> None:
    loader.load(SCORED, graph, run="x", labels="none")
    own = by_weights(SCORED)
    assert {role for _, role in own} == {"eraser", "copier"}
    for labels, literature in ((roles, 2), ("none", 0), (roles, 2)):
        assert loader.load(SCORED, graph, run="x", labels=labels).outcome == "relabelled"
        assert derived(graph, "x") == labelled(graph, "x") == own
        count = graph.read("MATCH (:Head)-[has:HAS_ROLE]->() RETURN count(*)").single()
        assert count == literature + len(own)
        assert loader.load(SCORED, graph, run="x", labels=labels).outcome == "unchanged"


def test_labels_that_are_kept_do_not_take_derived_roles_along(graph: Graph, roles: Path) -> None:
    loader.load(SCORED, graph, run="x", labels=roles)
    narrow = loader.load(SCORED, graph, run="x", selection=Selection(top=5), replace=True)
    assert (narrow.outcome, narrow.labelled, narrow.label_source) == ("replaced", 2, "roles.csv")
    assert derived(graph, "x") == labelled(graph, "x") == by_weights(SCORED)
    again = loader.load(SCORED, graph, run="x", selection=Selection(top=5), labels=roles)
    assert again.outcome == "unchanged"


def test_scores_and_roles_go_with_their_run(graph: Graph) -> None:
    loader.load(SCORED, graph, run="x", labels="none")
    loader.load(SCORED, graph, run="y", labels="none")
    loader.load(PLAIN, graph, run="x", labels="none", replace=True)
    assert derived(graph, "x") == labelled(graph, "x") == set()
    scored = "MATCH (h:Head {run: $run}) RETURN count(h.copying), count(h.self_overlap)"
    assert graph.read(scored, {"run": "x"}).rows[0] == (0, 0)
    assert graph.read(scored, {"run": "y"}).rows[0] == (12, 12)
    assert derived(graph, "y") == labelled(graph, "y") == by_weights(SCORED)
    assert not any(name.startswith("decoy") for name in run_node(graph, "x"))
    loader.drop(graph, "y")
    assert contents(graph) == expected(PLAIN), "no Role stays"


def test_networkx_of_table_and_run_are_equal(graph: Graph, roles: Path) -> None:
    loader.load(SCORED, graph, run="x", labels=roles)
    of_run = headgraph.to_networkx("x", graph)
    of_table = headgraph.to_networkx(SCORED, labels=roles, name="x")
    assert nx.utils.graphs_equal(of_run, of_table)
    eraser = next(head for head, role in by_weights(SCORED) if role == "eraser")
    node: dict[str, Any] = of_run.nodes[eraser]
    assert "Eraser" in node["labels"]
    assert "eraser" in node["roles"]
    assert node["copying"] < -0.9
    assert all(q >= 0 for *_, q in of_run.edges(data="decoy_q"))


def test_a_run_of_the_version_before_is_exported_and_loaded_again(
    graph: Graph, tmp_path: Path
) -> None:
    loader.load(PLAIN, graph, run="x")
    graph.write("MATCH (r:Run {name: 'x'}) SET r.graph_version = 2 REMOVE r.kept_z_min")
    for format in loader.FORMATS.values():
        report = headgraph.export("x", tmp_path / f"x{format.ending}", graph)
        assert report.edges == len(PLAIN.edges())
    again = loader.load(PLAIN, graph, run="x")
    assert again.outcome == "unchanged"
    assert again.notes[-1].startswith("x was loaded with version 2 of the graph")
    loader.drop(graph, "x")
    assert loader.load(PLAIN, graph, run="x").outcome == "loaded"
    assert "kept_z_min" in run_node(graph, "x")
