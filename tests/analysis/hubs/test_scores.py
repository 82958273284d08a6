"""Hub scores against a graph that networkx sums, and against the paper's hub."""

import math

import networkx as nx
import pandas as pd
import pytest

import headgraph
from headgraph.analysis.errors import AnalysisError
from headgraph.base.names import head_name
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.pk_engine.table.selection import Selection
from tests.tables import random_table


def hubs_of_graph(table: AffinityTable, pairings: tuple[str, ...]) -> dict[str, tuple[float, ...]]:
    """As hubs.cypher defines them, edge by edge in a multigraph."""
    graph = nx.MultiDiGraph()
    for row in table.edges().to_dict("records"):
        if row["pairing"] in pairings:
            source = head_name(row["source_layer"], row["source_head"])
            target = head_name(row["target_layer"], row["target_head"])
            graph.add_edge(source, target, z=float(row["z"]), out=float(row["z"]) * row["share"])
    scores = {}
    for head in graph:
        inlet, outlet = graph.in_degree(head, "z"), graph.out_degree(head, "out")
        both = math.sqrt(inlet * outlet) if min(inlet, outlet) > 0 else 0.0
        scores[head] = (inlet, outlet, both, graph.in_degree(head), graph.out_degree(head))
    return scores


@pytest.mark.parametrize("n_kv_heads", [4, 2])
@pytest.mark.parametrize("pairings", [("OQ", "OK", "OV"), ("OK",)])
def test_scores_are_those_of_a_graph(n_kv_heads: int, pairings: tuple[str, ...]) -> None:
    table = random_table(4, 4, n_kv_heads, seed=3)
    found = headgraph.hub_scores(table, pairings)
    wanted = hubs_of_graph(table, pairings)
    assert set(found["name"]) == set(wanted)
    assert set(found["both"] > 0) == {True, False}
    for row in found.itertuples():
        values = (row.inlet, row.outlet, row.both, row.edges_in, row.edges_out)
        assert values == pytest.approx(wanted[str(row.name)], rel=1e-12)
    places = [(-wanted[n][2], -(wanted[n][0] + wanted[n][1])) for n in found["name"]]
    assert places == sorted(places)


def test_the_selection_counts_scored_pairs() -> None:
    table = random_table(4, 4, 2, seed=1)
    rule = Selection(top=5)
    pd.testing.assert_frame_equal(
        headgraph.hub_scores(table, selection=rule), headgraph.hub_scores(table.select(rule))
    )
    edges = headgraph.hub_scores(table, "OV", selection=rule)["edges_in"].sum()
    assert edges == 10  # two query heads read through each of the 5 key/value heads


def test_the_first_hub_of_gpt2_is_the_one_that_the_paper_names(table: AffinityTable) -> None:
    found = headgraph.hub_scores(table, selection=Selection(top_percent=3))
    assert found["name"][0] == "L4H7"


def test_a_pairing_that_was_not_scored_is_refused() -> None:
    with pytest.raises(AnalysisError, match="has the pairings OQ, OK, OV, not QK: choose others"):
        headgraph.hub_scores(random_table(), "QK")
