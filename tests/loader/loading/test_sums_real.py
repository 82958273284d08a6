"""Sums on heads and on the Run: they are what the edges in the database add up to, always."""

from typing import Any

import pandas as pd
import pytest

from headgraph import loader, queries
from headgraph.base.names import PAIRINGS
from headgraph.graphdb import Graph
from headgraph.pk_engine.table.selection import Selection
from headgraph.queries.errors import OlderRun
from tests.tables import random_table

ADDED = """
MATCH (h:Head {run: $run})-[e]-(:Head)
WITH h, type(e) AS pairing, h = endNode(e) AS enters, e
RETURN h.name AS head, pairing, enters,
       sum(CASE WHEN enters THEN e.z ELSE e.z * e.share END) AS total
"""
TABLES = {
    "all pairings": random_table(seed=7, pairings=PAIRINGS),
    "grouped": random_table(3, 4, 2),
    "expanded": random_table(3, 4, 2, kv="expand"),
}


def sums(graph: Graph, run: str) -> dict[str, dict[str, float]]:
    """As the heads have them; heads without any are left out."""
    rows = graph.read("MATCH (h:Head {run: $run}) RETURN h.name, properties(h)", {"run": run}).rows
    found = {
        head: {key: it for key, it in facts.items() if key.startswith(("inlet", "outlet"))}
        for head, facts in rows
    }
    return {head: facts for head, facts in found.items() if facts}


def added_up(graph: Graph, run: str) -> dict[str, dict[str, Any]]:
    """As the database adds them up, edge by edge."""
    found: dict[str, dict[str, Any]] = {}
    for row in graph.read(ADDED, {"run": run}):
        name = f"{'inlet' if row['enters'] else 'outlet'}_{row['pairing']}"
        found.setdefault(row["head"], {})[name] = pytest.approx(row["total"])
    return found


@pytest.mark.parametrize("kind", list(TABLES))
@pytest.mark.parametrize("selection", [None, Selection(top=5)])
def test_heads_have_what_their_edges_add_up_to(
    graph: Graph, kind: str, selection: Selection | None
) -> None:
    loader.load(TABLES[kind], graph, run="r", selection=selection)
    assert sums(graph, "r") == added_up(graph, "r")


def test_a_replaced_run_has_the_sums_of_its_new_edges(graph: Graph) -> None:
    loader.load(TABLES["grouped"], graph, run="r")
    before = sums(graph, "r")
    loader.load(TABLES["grouped"], graph, run="r", selection=Selection(top=3), replace=True)
    after = sums(graph, "r")
    assert after == added_up(graph, "r") != before


@pytest.mark.parametrize("kind", list(TABLES))
def test_the_run_says_what_it_keeps(graph: Graph, kind: str) -> None:
    selection = Selection(min_z=0.5)
    loader.load(TABLES[kind], graph, run="r", selection=selection)
    edges = TABLES[kind].select(selection).edges()
    overview = queries.query("overview", graph, run="r").set_index("pairing")
    assert set(overview.index) == set(edges["pairing"])
    for pairing, line in overview.iterrows():
        own = edges[edges["pairing"] == pairing]
        pk, z = sorted(own["pk"].tolist()), sorted(own["z"].tolist())
        assert line["edges"] == len(own)
        assert line["pairs"] == round(own["share"].sum())
        assert line["sources"] == len(own[["source_layer", "source_head"]].drop_duplicates())
        assert line["targets"] == len(own[["target_layer", "target_head"]].drop_duplicates())
        assert (line["pk_min"], line["pk_max"], line["z_max"]) == (pk[0], pk[-1], z[-1])
        middle = [(len(own) - 1) // 2, len(own) // 2]
        assert line["pk_median"] == pytest.approx(sum(pk[i] for i in middle) / 2)
        assert line["z_median"] == pytest.approx(sum(z[i] for i in middle) / 2)


def test_the_strongest_edge_is_the_first_of_equals(graph: Graph) -> None:
    table = TABLES["grouped"]
    frame = table.frame.assign(z=1.0)
    loader.load(type(table)(frame, table.meta), graph, run="r")
    first = frame.sort_values(["pairing"]).iloc[0]["pairing"]
    row = graph.read("MATCH (r:Run {name: 'r'}) RETURN r.kept_strongest AS it").rows[0][0]
    ends = table.edges().query("pairing == @first").sort_values(
        ["source_layer", "source_head", "target_layer", "target_head"]
    )  # fmt: skip
    a, b, c, d = ends.iloc[0][["source_layer", "source_head", "target_layer", "target_head"]]
    assert row == [first, f"L{a}H{b}", f"L{c}H{d}"]


SUMLESS = """
MATCH (r:Run {name: $run})-[:HAS_HEAD]->(h:Head)
SET r.graph_version = null, r += $none, h += $none_of_heads
"""
RUN_SUMS = {f"kept_{name}": None for name in (
    "pairings", "edges", "pairs", "pk_min", "pk_median", "pk_max", "z_mean", "z_median", "z_max",
    "strongest",
)}  # fmt: skip
HEAD_SUMS = {f"{side}_{pairing}": None for side in ("inlet", "outlet") for pairing in PAIRINGS}


def made_old(graph: Graph, run: str) -> None:
    """As a run was written before there were sums."""
    graph.write(SUMLESS, {"run": run, "none": RUN_SUMS, "none_of_heads": HEAD_SUMS})
    assert not sums(graph, run)


def test_a_run_from_before_is_refused_where_sums_are_read(graph: Graph) -> None:
    loader.load(TABLES["grouped"], graph, run="r")
    made_old(graph, "r")
    for name in ("hubs", "hubs_in", "hubs_out", "hubs_by_layer", "identity_hubs", "overview"):
        with pytest.raises(
            OlderRun, match=rf"query {name} reads .* 'r' lacks.*drop\(graph, 'r'\),"
        ):
            queries.query(name, graph, run="r")
    loader.drop(graph, "r")
    loader.load(TABLES["grouped"], graph, run="r")
    assert isinstance(queries.query("hubs", graph, run="r"), pd.DataFrame)


def test_a_run_from_before_answers_what_needs_no_sums(graph: Graph) -> None:
    loader.load(TABLES["grouped"], graph, run="r")
    asked = ("strongest_edges", "distribution", "layer_flow", "runs")
    before = [queries.query(name, graph, run="r") for name in asked]
    made_old(graph, "r")
    for name, answer in zip(asked, before, strict=True):
        pd.testing.assert_frame_equal(queries.query(name, graph, run="r"), answer)


def test_a_series_with_a_checkpoint_from_before_is_not_answered_without_it(graph: Graph) -> None:
    for step, run in enumerate(("first", "second", "third")):
        loader.load(random_table(seed=step, series="s", step=float(step)), graph, run=run)
    loader.load(random_table(seed=9, series="other", step=0.0), graph, run="elsewhere")
    made_old(graph, "second")
    lacks = r"^query checkpoints reads sums that run 'second' lacks, .*drop\(graph, 'second'\)"
    with pytest.raises(OlderRun, match=lacks):
        queries.query("checkpoints", graph, run="first")
    assert len(queries.query("checkpoints", graph, run="elsewhere")) == 1
    steps = queries.query("head_by_checkpoint", graph, run="first", head="L0H1")["checkpoint"]
    assert steps.tolist() == ["first", "second", "third"], "edges alone answer it"
    with pytest.raises(OlderRun, match="run 'second' lacks"):
        queries.over_series("hubs", graph, series="s")
