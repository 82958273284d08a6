"""Stored queries on runs of other layer orders and of grouped-query attention, beside pandas."""

from pathlib import Path

import pytest

import loader
import queries
from graphdb import Graph
from pk_engine.scores import compute
from pk_engine.selection import Selection
from pk_engine.table import AffinityTable
from tests.pk_engine.checkpoints import LLAMA_CONFIG, llama_tensors, save
from tests.queries.conftest import named
from tests.queries.oracle import same
from tests.tables import random_table

ORDERS = ["forward", "within", "all"]
PAIR = ["source", "target"]


def every_pair(folder: Path, order: str) -> AffinityTable:
    """All pairs of two layers of four query and two key/value heads."""
    model = save(folder / "model", llama_tensors(), LLAMA_CONFIG)
    return compute(model, layer_order=order, selection=Selection())


def labelled(folder: Path, rows: str) -> Path:
    path = folder / "labels.csv"
    path.write_text("layer,head,role,circuit\n" + rows)
    return path


@pytest.mark.parametrize("order", ORDERS)
def test_a_circuit_is_dense_where_every_pair_is_kept(
    graph: Graph, tmp_path: Path, order: str
) -> None:
    table = every_pair(tmp_path, order)
    rows = "0,1,induction,c\n0,2,induction,c\n1,0,identity,c\n1,1,identity,c\n1,2,identity,c\n"
    loader.load(table, graph, run="every", labels=labelled(tmp_path, rows))
    roles = {"induction": {"L0H1", "L0H2"}, "identity": {"L1H0", "L1H1", "L1H2"}}
    edges = named(table.edges())
    expected = {
        (one, pairing, other): len(own[PAIR].drop_duplicates())
        for one, sources in roles.items()
        for other, targets in roles.items()
        for pairing, own in edges[
            edges["source"].isin(sources) & edges["target"].isin(targets)
        ].groupby("pairing")
    }
    assert len(expected) == 3 * {"forward": 1, "within": 2, "all": 4}[order]
    answer = queries.run("circuit_motifs", graph, circuit="c")
    keys = ["source_role", "pairing", "target_role"]
    assert answer.set_index(keys)["pairs"].to_dict() == expected
    assert set(answer["density"]) == {1.0}


@pytest.mark.parametrize("order", ORDERS)
def test_an_edge_from_a_head_to_itself_joins_it_to_nobody(
    graph: Graph, tmp_path: Path, order: str
) -> None:
    table = every_pair(tmp_path, order)
    alone = labelled(tmp_path, "1,0,identity,c\n")
    loader.load(table, graph, run="every", labels=alone)
    edges = named(table.edges())
    own = edges[(edges[PAIR] == "L1H0").any(axis=1)]
    itself = own["source"] == own["target"]
    assert itself.any() == (order != "forward")
    (row,) = queries.run("circuit_gaps", graph, circuit="c").to_dict("records")
    assert (row["role"], row["head"]) == ("identity", "L1H0")
    assert row["elsewhere"] == (~itself).sum()
    assert row["strongest"] == float(own.loc[~itself, "pk"].max())
    assert row["nearest"] != "L1H0"


def test_pk_against_cs_under_grouped_query_attention(graph: Graph) -> None:
    """Heads behind one key/value head tie in both scores and are no further apart for it."""
    table = random_table(3, 4, 2, metrics=("pk", "cs"))
    loader.load(table, graph, run="grouped")
    edges = named(table.edges()).astype({"pk": float, "cs": float})
    heads = ["source_head", "target_head"]
    for score in ("cs", "pk"):
        order = edges.sort_values([score, *heads], ascending=[False, True, True])
        edges[f"{score}_place"] = order.groupby("pairing").cumcount() + 1
    edges["apart"] = edges["cs_place"] - edges["pk_place"]
    edges["far"] = edges["apart"].abs()
    expected = edges.sort_values(["far", "pairing", "pk_place"], ascending=[False, True, True])
    assert edges.duplicated(["pairing", "pk", "cs"]).any()
    same(queries.run("pk_against_cs", graph, limit=1000), expected)


def test_only_where_layers_have_an_order_is_a_way_back_called_one(
    graph: Graph, tmp_path: Path
) -> None:
    loader.load(every_pair(tmp_path, "within"), graph, run="within")
    answer = queries.run("widest_path", graph, source="L1H0", target="L0H0")
    assert answer.empty
    assert "earlier layers" not in answer.attrs["no_rows"]
