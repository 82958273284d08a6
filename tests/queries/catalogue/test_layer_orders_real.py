"""Stored queries on runs of other layer orders and of grouped-query attention, beside pandas."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from headgraph import loader, queries
from headgraph.graphdb import Graph
from headgraph.pk_engine.scoring._compute import compute
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.pk_engine.table.selection import Selection
from tests.pk_engine.checkpoints import LLAMA_CONFIG, llama_tensors, save
from tests.queries.conftest import named
from tests.queries.oracle import same
from tests.tables import random_table

ORDERS = ["forward", "within", "all"]
PAIR = ["source", "target"]


def every_pair(folder: Path, order: str, **options: Any) -> AffinityTable:
    """All pairs of two layers of four query and two key/value heads."""
    model = save(folder / "model", llama_tensors(), LLAMA_CONFIG)
    return compute(model, layer_order=order, selection=Selection(), **options)


def partners(table: AffinityTable, pairings: str) -> pd.DataFrame:
    """Heads with an edge from and to each head, itself counted: all that there can be."""
    edges = named(table.edges())
    edges = edges[edges["pairing"].isin(pairings.split(","))]
    names = [f"L{layer}H{head}" for layer in range(2) for head in range(4)]
    return pd.DataFrame(
        {
            "sources": edges.groupby("target")["source"].nunique().reindex(names, fill_value=0),
            "targets": edges.groupby("source")["target"].nunique().reindex(names, fill_value=0),
        }
    )


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
    answer = queries.query("circuit_motifs", graph, circuit="c")
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
    (row,) = queries.query("circuit_gaps", graph, circuit="c").to_dict("records")
    assert (row["role"], row["head"]) == ("identity", "L1H0")
    assert row["elsewhere"] == (~itself).sum()
    assert row["strongest"] == float(own.loc[~itself, "pk"].max())
    assert row["nearest"] != "L1H0"


@pytest.mark.parametrize("kv", ["native", "expand"])
@pytest.mark.parametrize("order", ORDERS)
def test_possible_partners_are_those_that_an_edge_joins_where_every_pair_is_kept(
    graph: Graph, tmp_path: Path, order: str, kv: str
) -> None:
    table = every_pair(tmp_path, order, kv=kv, pairings="OQ,KQ,KV,OO,QQ,KK,VV")
    loader.load(table, graph, run="every")
    for pairings in ("OO", "QQ", "KK", "VV", "VV,KK", "KK,QQ", "OQ", "QQ,OQ", "KV", "KQ"):
        found = queries.query("hubs_by_layer", graph, pairings=pairings)
        counts = found.set_index("head")[["sources", "targets"]].sort_index()
        expected = partners(table, pairings)
        pd.testing.assert_frame_equal(
            counts, expected.loc[counts.index], check_dtype=False, check_names=False
        )
        assert len(counts) == (expected > 0).any(axis=1).sum(), pairings


def test_in_one_role_a_head_has_the_earlier_and_the_later_of_its_layer(
    graph: Graph, tmp_path: Path
) -> None:
    loader.load(every_pair(tmp_path, "within", pairings="QQ,KK"), graph, run="every")
    answers = {
        pairing: queries.query("hubs_by_layer", graph, pairings=pairing).set_index("head")
        for pairing in ("QQ", "KK")
    }
    counts = {
        pairing: [tuple(answer.loc[f"L1H{head}", ["sources", "targets"]]) for head in range(4)]
        for pairing, answer in answers.items()
    }
    # two query heads behind each of two key/value heads
    assert counts == {
        "QQ": [(0, 3), (1, 2), (2, 1), (3, 0)],
        "KK": [(0, 2), (0, 2), (2, 0), (2, 0)],
    }


def test_the_place_of_a_hub_by_layer_is_that_of_its_strength_for_each_possible_partner(
    graph: Graph, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    sizes = {"c_attn": (64, 192), "c_proj": (64, 64)}
    tensors = {
        f"h.{layer}.attn.{name}.weight": rng.standard_normal(size).astype(np.float32)
        for layer in range(2)
        for name, size in sizes.items()
    }
    # directions that all heads share, so that every z is far above 0
    shared = np.tile(rng.standard_normal((64, 4)).astype(np.float32), 48)
    tensors = {name: m + shared if "attn.c_attn" in name else m for name, m in tensors.items()}
    config = {"model_type": "gpt2", "n_layer": 2, "n_head": 16, "n_embd": 64}
    model = save(tmp_path / "model", tensors, config)
    table = compute(model, layer_order="all", selection=Selection(), pairings="QQ")
    every = "".join(f"{layer},{head},identity,c\n" for layer in range(2) for head in range(16))
    loader.load(table, graph, run="every", labels=labelled(tmp_path, every))
    answer = queries.query("identity_hubs", graph, pairings="QQ").set_index("head")
    # so many heads come before each and after it
    layer_head = answer.index.str.extract(r"L(\d+)H(\d+)").astype(int).to_numpy()
    layer, place = layer_head[:, 0], layer_head @ [16, 1]
    sides = []
    for side, partners in (("inlet", place), ("outlet", 31 - place)):
        each = (answer[side] / partners).where(partners > 0, 0.0)
        sides.append((each + each.mean()) / (each.groupby(layer).transform("mean") + each.mean()))
    each = (sides[0] * sides[1]).pow(0.5).where(answer["both"] > 0)
    places = each.rank(ascending=False, method="min")
    pd.testing.assert_series_equal(
        answer["place_by_layer"].astype(float), places, check_names=False
    )
    both_sides = (answer["inlet"] > 0) & (answer["outlet"] > 0)
    assert (answer["place_by_layer"] != answer["place"])[both_sides].any()


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
    same(queries.query("pk_against_cs", graph, limit=1000), expected)


def test_only_where_layers_have_an_order_is_a_way_back_called_one(
    graph: Graph, tmp_path: Path
) -> None:
    loader.load(every_pair(tmp_path, "within"), graph, run="within")
    answer = queries.query("widest_path", graph, source="L1H0", target="L0H0")
    assert answer.empty
    assert "earlier layers" not in answer.attrs["no_rows"]


@pytest.mark.parametrize("order", ORDERS)
def test_chains_and_triangles_take_no_edge_of_a_head_to_itself(
    graph: Graph, tmp_path: Path, order: str
) -> None:
    table = every_pair(tmp_path, order)
    loader.load(table, graph, run="every", labels="none")
    edges = named(table.edges())
    edges = edges[edges["pairing"].isin(("OQ", "OK", "OV"))]
    itself = edges["source"] == edges["target"]
    assert itself.any() == (order != "forward")
    apart = edges[~itself][[*PAIR, "pairing", "pk", "pk_normalized"]]
    second = apart.rename(columns={"source": "target", "target": "last"})
    chains = apart.merge(second, on="target", suffixes=("_1", "_2"))
    strongest = (chains["pk_normalized_1"] * chains["pk_normalized_2"]).max()
    answer = queries.query("strongest_chains", graph, length=2, limit=1)
    if chains.empty:
        assert answer.empty
    else:
        assert answer["product"].item() == pytest.approx(strongest, rel=1e-6)
        assert len(set(answer["heads"].item()[:2])) == 2
    direct = apart.rename(columns={"target": "last"})
    triangles = chains.merge(direct, on=["source", "last"])
    counts = queries.query("motif_counts", graph)
    assert counts.loc[counts["motif"] == "chain", "count"].sum() == len(chains)
    assert counts.loc[counts["motif"] == "triangle", "count"].sum() == len(triangles)
    answer = queries.query("triangles", graph, limit=200)
    assert len(answer) == min(200, len(triangles))
    weakest = triangles[["pk_1", "pk_2", "pk"]].min(axis=1).nlargest(200)
    assert answer["weakest"].to_list() == pytest.approx(weakest.to_list(), rel=1e-6)
    assert (answer[["first", "middle", "last"]].nunique(axis=1) == 3).all()
    paths = queries.query("through", graph, head="L0H0", limit=500, per_head=500)
    middle = chains[chains["target"] == "L0H0"]
    assert len(paths) == min(500, len(middle))
    assert not (paths[["inlet", "outlet"]] == "L0H0").any(axis=None)
    if order == "all":
        assert len(paths) > 0
        for query in ("shortest_path", "widest_path"):
            answer = queries.node_link(query, graph, run="every", source="L0H0", target="L0H0")
            assert answer["nodes"] == []
            assert answer["graph"]["no_rows"] == (
                "L0H0 is both ends: a path leads from one head to another"
            )
        motifs = queries.motifs(graph, run="every", samples=1)
        assert motifs.loc[motifs["motif"] == "triangle", "count"].sum() == len(triangles)
