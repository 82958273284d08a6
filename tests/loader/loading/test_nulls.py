"""Tables that hold their pairs against nulls: columns reach the graph, and the rule works there."""

import json

import pytest

from headgraph import loader
from headgraph.graphdb import Graph
from headgraph.loader.errors import NothingToLoad
from headgraph.loader.loading.edges import batches, edge_properties
from headgraph.loader.loading.plan import plan_load
from headgraph.pk_engine import AffinityTable, Selection, compute
from headgraph.pk_engine.errors import SelectionError


@pytest.fixture(scope="module")
def table() -> AffinityTable:
    return compute("induction-2l", selection=Selection(fdr=1, null="isotropic,backward"))


def test_columns_become_properties_of_edges(table: AffinityTable) -> None:
    names = edge_properties(table)
    columns = [f"{kind}_{null}" for null in ("isotropic", "backward") for kind in "zpq"]
    assert list(names)[-8:] == [*columns, "decoy_q", "kv_head"]
    batch = next(batches(table, table.edges()))
    edge = batch.groups[0][1][0]
    assert len(edge) == 1 + len(names)


def test_the_rule_at_load_and_what_the_run_says(table: AffinityTable) -> None:
    rule = Selection(fdr=0.05, null="isotropic")
    plan = plan_load(table, "r", rule, "none")
    assert (plan.table.frame.q_isotropic <= 0.05).all()
    assert 0 < len(plan.table) < len(table)
    assert plan.selection_text == "FDR 1 against isotropic,backward; FDR 0.05 against isotropic"
    nulls = json.loads(plan.run_properties()["nulls"])
    assert nulls["isotropic"]["seed"] is None
    assert plan.notes == ()


def test_a_run_without_nulls_does_not_speak_of_them() -> None:
    bare = compute("induction-2l", selection=Selection())
    assert "nulls" not in plan_load(bare, "r", None, "none").run_properties()
    with pytest.raises(SelectionError, match="does not compare its pairs with isotropic: make it"):
        plan_load(bare, "r", Selection(fdr=0.05, null="isotropic"), "none")


def test_a_file_that_was_cut_may_lack_pairs(table: AffinityTable) -> None:
    rule = Selection(fdr=0.05, null="isotropic")
    cut = table.select(Selection(top=3))
    assert plan_load(table, "r", rule, "none").notes == ()
    (note,) = plan_load(cut, "r", rule, "none").notes
    wider = "is wider than the selection that made the file"
    assert note.startswith(f"selection=Selection(fdr=0.05, null='isotropic') {wider}")
    assert note.options.startswith(f"--fdr 0.05 --null isotropic {wider}")
    assert "may lack pairs of OQ, OK, OV" in note


def test_a_rule_that_keeps_nothing_is_refused(table: AffinityTable) -> None:
    with pytest.raises(NothingToLoad, match="FDR 1e-12 against backward"):
        plan_load(table, "r", Selection(fdr=1e-12, null="backward"), "none")


def test_edges_of_a_real_graph_have_them(table: AffinityTable, graph: Graph) -> None:
    rule = Selection(fdr=0.05, null="isotropic")
    report = loader.load(table, graph, run="against", selection=rule, labels="none")
    kept = table.select(rule).frame
    rows = graph.read(
        "MATCH (a:Head {run: $run})-[e]->(b:Head) RETURN e.z_backward AS z, e.p_isotropic AS p, "
        "e.q_isotropic AS q, type(e) AS pairing, e.pk_rank AS place ORDER BY pairing, place",
        {"run": "against"},
    ).rows
    wanted = kept.sort_values(["pairing", "pk_rank"])
    assert len(rows) == len(kept), str(report)
    for place, name in enumerate(("z_backward", "p_isotropic", "q_isotropic")):
        assert [row[place] for row in rows] == pytest.approx(wanted[name].tolist(), rel=1e-6)
