"""The catalogue on the real server: plain reads, columns as declared, answers as pandas finds."""

import csv
import math
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import networkx as nx
import pandas as pd
import pytest

from headgraph import loader, queries
from headgraph.base.names import PAIRINGS
from headgraph.graphdb import Graph
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.queries.errors import CatalogueError, UnknownName
from headgraph.queries.stored_queries.check import check_query
from headgraph.queries.stored_queries.header import read_query
from tests.queries.conftest import emptied, named
from tests.queries.oracle import head_key, hub_table, same
from tests.shared import SHARED
from tests.tables import random_table

NAMES = list(queries.catalogue())
REQUIRED = {
    "head": "L4H7", "source": "L0H1", "target": "L9H9", "other": "gpt2", "first": "L5H5",
    "second": "L6H9", "writer": "previous_token", "reader": "induction",
}  # fmt: skip
NOTHING_HERE = {
    "checkpoints",
    "communities",
    "edge_by_checkpoint",
    "head_by_checkpoint",
    "read_alike",
    "write_alike",
}
"""Queries whose answer on GPT-2's graph of OQ, OK and OV is rightly none."""


def arguments(name: str, values: dict[str, Any] = REQUIRED) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key in queries.get(name).params}


def test_every_query_is_a_plain_read_with_the_columns_of_its_header(gpt2: Graph) -> None:
    with Graph(gpt2.settings, quiet=False) as loud:
        # a run that has all properties, so that none is unknown to the server
        table = random_table(
            pairings=PAIRINGS, metrics=("pk", "cs"), series="s", step=1.0, format_2=True
        )
        table = AffinityTable(table.columns, replace(table.meta, revision="main"))
        loader.load(table, loud, run="series")
        queries.communities(loud, run="series", write=True)
        try:
            assert queries.check(loud) == {}
        finally:
            loader.drop(loud, "series")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("RETURN r.name", "SET r.x = 1 RETURN r.name"), "runs.cypher: refused, because it writes"),
        (("AS model", "AS modell"), "runs.cypher: it returns run, modell, revision"),
        (("RETURN r.name", "RETRN r.name"), "runs.cypher: Neo4j does not accept this statement"),
    ],
)
def test_the_check_can_fail(
    gpt2: Graph, tmp_path: Path, change: tuple[str, str], message: str
) -> None:
    path = tmp_path / "runs.cypher"
    path.write_text(queries.get("runs").source.replace(*change), encoding="utf-8")
    with pytest.raises(CatalogueError, match=message):
        check_query(read_query(path), gpt2)


def test_strongest_edges(gpt2: Graph, kept: pd.DataFrame) -> None:
    top = kept[kept["pk_rank"] <= 20]
    order = pd.Categorical(top["pairing"], ["OQ", "OK", "OV"])
    expected = top.assign(order=order).sort_values(["order", "pk_rank"])
    answer = queries.query("strongest_edges", gpt2)
    same(answer, expected)
    # the paper's figure 1
    assert len({*answer["source"], *answer["target"]}) == 52
    assert len(queries.query("strongest_edges", gpt2, per_pairing=7)) == 21


@pytest.mark.parametrize("pairings", [["OQ", "OK", "OV"], ["OK"]])
def test_hubs(
    gpt2: Graph,
    kept: pd.DataFrame,
    roles: dict[str, list[str]],
    scores: pd.DataFrame,
    pairings: list[str],
) -> None:
    expected = hub_table(kept, pairings).head(30).join(scores, on="head")
    expected["roles"] = [roles.get(head, []) for head in expected["head"]]
    answer = queries.query("hubs", gpt2, run="gpt2", pairings=pairings, limit=30)
    same(answer, expected)


def test_the_first_hub_of_gpt2_is_the_identity_head_that_the_paper_names(gpt2: Graph) -> None:
    first = queries.query("hubs", gpt2).iloc[0]
    assert first["head"] == "L4H7"
    assert first["roles"] == ["eraser (derived)", "identity"]
    assert first["copying"] == pytest.approx(-0.9985, abs=1e-4)


def test_neighbours(gpt2: Graph, kept: pd.DataFrame, roles: dict[str, list[str]]) -> None:
    parts = []
    for direction, here, there in (("in", "target", "source"), ("out", "source", "target")):
        part = kept[kept[here] == "L4H7"].sort_values(["pk", "pk_rank"], ascending=[False, True])
        few = part.head(15).assign(direction=direction, neighbour=part[there], edges=len(part))
        parts.append(few)
    expected = pd.concat(parts)
    expected["roles"] = [roles.get(head, []) for head in expected["neighbour"]]
    same(queries.query("neighbours", gpt2, head="l4h7", limit=15), expected)


def test_neighbours_of_a_head_without_edges_are_none(gpt2: Graph, kept: pd.DataFrame) -> None:
    with_edges = {*kept["source"], *kept["target"]}
    alone = next(
        f"L{i // 12}H{i % 12}" for i in range(144) if f"L{i // 12}H{i % 12}" not in with_edges
    )
    answer = queries.query("neighbours", gpt2, head=alone)
    assert answer.empty
    assert list(answer.columns) == queries.get("neighbours").table_columns


def varied(paths: pd.DataFrame, per_head: int) -> pd.DataFrame:
    """From the first path on, those whose inlet and outlet were not taken so often already."""
    inlets: Counter[str] = Counter()
    outlets: Counter[str] = Counter()
    kept = []
    for place, path in enumerate(paths.itertuples()):
        if inlets[path.inlet] < per_head and outlets[path.outlet] < per_head:
            inlets[path.inlet] += 1
            outlets[path.outlet] += 1
            kept.append(place)
    return paths.iloc[kept]


def paths_through(edges: pd.DataFrame, hub: str) -> pd.DataFrame:
    """Every edge into a head with every edge out of it, the strongest path first."""
    first, second = edges[edges["target"] == hub], edges[edges["source"] == hub]
    paths = first.merge(second, how="cross", suffixes=("_in", "_out"))
    wide = paths[["pk_in", "pk_out", "pk_normalized_in", "pk_normalized_out"]].astype(float)
    doubt = paths[["decoy_q_in", "decoy_q_out"]].max(axis=1) if "decoy_q_in" in paths else None
    direct = edges.sort_values("pk", ascending=False).drop_duplicates(["source", "target"])
    direct = direct.set_index(["source", "target"])
    ends = pd.MultiIndex.from_arrays([paths["source_in"], paths["target_out"]])
    return pd.DataFrame(
        {
            "direct_pairing": direct["pairing"].reindex(ends).to_numpy(),
            "direct_pk": direct["pk"].astype(float).reindex(ends).to_numpy(),
            "inlet": paths["source_in"],
            "in_pairing": paths["pairing_in"],
            "in_pk": wide["pk_in"],
            "hub": hub,
            "out_pairing": paths["pairing_out"],
            "out_pk": wide["pk_out"],
            "outlet": paths["target_out"],
            "weakest": wide[["pk_in", "pk_out"]].min(axis=1),
            "product": wide["pk_normalized_in"] * wide["pk_normalized_out"],
            "decoy_q": doubt,
        }
    ).sort_values(["weakest", "product"], ascending=False)


def test_through(
    gpt2: Graph, kept: pd.DataFrame, roles: dict[str, list[str]], scores: pd.DataFrame
) -> None:
    expected = paths_through(kept, "L4H7").join(scores, on="hub")
    # where the hub reads a query or a key, its sign says nothing about the path
    expected.loc[expected["in_pairing"] != "OV", ["copying", "self_overlap"]] = None
    for end in ("inlet", "outlet"):
        expected[f"{end}_roles"] = [roles.get(head, []) for head in expected[end]]
    assert len(expected) == 29 * 43
    same(queries.query("through", gpt2, head="L4H7", limit=200, per_head=200), expected.head(200))
    answer = queries.query("through", gpt2, head="L4H7")
    same(answer, varied(expected, 2).head(20))
    assert answer["inlet"].nunique() == answer["outlet"].nunique() == 10
    assert answer["direct_pk"].isna().any()
    assert answer["direct_pk"].notna().any()
    every = queries.query("through", gpt2, head="L4H7", limit=2000, per_head=1)
    same(every, varied(expected, 1))


def test_ioi_circuit(gpt2: Graph, kept: pd.DataFrame, labels: pd.DataFrame) -> None:
    ioi = labels[labels["circuit"] == "ioi"].groupby("role")["name"].agg(set)
    steps = csv.DictReader((SHARED / "labels" / "ioi-class-edges.csv").read_text().splitlines())
    expected = [
        (step["source_role"], edge.source, edge.pairing, step["target_role"], edge.target, edge.pk)
        for step in steps
        for edge in kept[kept["pairing"] == step["pairing"]].itertuples()
        if edge.source in ioi[step["source_role"]] and edge.target in ioi[step["target_role"]]
    ]
    every = queries.query("ioi_circuit", gpt2)
    answer = every.dropna(subset="source")
    columns = ["source_role", "source", "pairing", "target_role", "target", "pk"]
    found = sorted(answer[columns].itertuples(index=False, name=None))
    assert found == sorted(expected)
    assert len(found) == 32
    # what each step could have had: a step without an edge has a row that says so
    step = ["source_role", "pairing", "target_role"]
    pairs = {
        key: sum(head_key(a)[0] < head_key(b)[0] for a in ioi[key[0]] for b in ioi[key[2]])
        for key in every[step].itertuples(index=False, name=None)
    }
    assert len(pairs) == 9
    edges = answer.groupby(step).size()
    flow = kept.groupby(["pairing", "source_layer", "target_layer"]).size()
    for row in every.itertuples():
        key = (row.source_role, row.pairing, row.target_role)
        assert (row.step_edges, row.step_pairs) == (edges.get(key, 0), pairs[key])
        assert row.step_expected == pytest.approx(
            sum(
                flow.get((row.pairing, head_key(a)[0], head_key(b)[0]), 0) / 144
                for a in ioi[key[0]]
                for b in ioi[key[2]]
            )
        )
    # depth alone gives few of the edges from previous-token heads to induction heads
    first = every[(every[step] == ["previous_token", "OK", "induction"]).all(axis=1)].iloc[0]
    assert (first["step_edges"], first["step_pairs"]) == (6, 8)
    assert first["step_expected"] == pytest.approx(0.7, abs=0.05)
    none = every[every["source"].isna()]
    assert list(none[step].itertuples(index=False, name=None)) == [
        ("duplicate_token", "OK", "s_inhibition"),
        ("induction", "OK", "s_inhibition"),
    ]
    # step by step along the circuit, the strongest edge of each step first
    steps = ["previous_token", "duplicate_token", "induction", "s_inhibition"]
    readers = ["name_mover", "backup_name_mover", "negative_name_mover"]
    order = [
        (
            steps.index(row.source_role),
            readers.index(row.target_role) if row.source_role == steps[-1] else 0,
            -row.pk,
        )
        for row in answer.itertuples()
    ]
    assert order == sorted(order)


def test_roles(gpt2: Graph, labels: pd.DataFrame) -> None:
    everything = queries.query("roles", gpt2)
    answer = everything[~everything["derived"]].set_index(["role", "circuit"])
    for (role, circuit), rows in labels.groupby(["role", "circuit"]):
        found = answer.loc[(role, circuit)]
        assert found["heads"] == sorted(set(rows["name"]), key=head_key)
        assert found["count"] == rows["name"].nunique()
        assert found["count_all"] == labels[labels["role"] == role]["name"].nunique()
    assert len(answer) == labels[["role", "circuit"]].drop_duplicates().shape[0]
    assert answer.loc[("induction", "ioi"), "count"] == 4


def test_runs(gpt2: Graph) -> None:
    (row,) = queries.query("runs", gpt2).to_dict("records")
    assert (row["run"], row["heads"], row["edges"]) == ("gpt2", 144, 858)
    assert row["pairings"] == ["OQ", "OK", "OV"]
    assert row["pairs_scored"] == 28_512
    assert len(row["table_sha256"]) == len(row["fingerprint"]) == 64
    assert queries.query("runs", gpt2, run="gpt2").equals(queries.query("runs", gpt2))
    with pytest.raises(UnknownName):
        queries.query("runs", gpt2, run="gpt3")


@pytest.mark.parametrize("name", NAMES)
def test_only_what_may_be_empty_is(gpt2: Graph, name: str) -> None:
    answer = queries.query(name, gpt2, run="gpt2", **arguments(name))
    assert answer.empty == (name in NOTHING_HERE)
    if answer.empty:
        assert answer.attrs["may_be_empty"]


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in NAMES
        # a run does not differ from itself
        if queries.get(name).graph_columns and name not in {*NOTHING_HERE, "compare_runs"}
    ],
)
def test_graph_form(gpt2: Graph, name: str) -> None:
    data = queries.node_link(name, gpt2, run="gpt2", **arguments(name))
    drawn = nx.node_link_graph(data, edges="links")
    assert data["graph"]["params"]["run"] == "gpt2"
    assert len(drawn.nodes) == len(data["nodes"])
    assert len(drawn.edges) == len(data["links"])
    assert len(drawn.nodes) > 0
    for node in data["nodes"]:
        assert "Head" in node["labels"] or "Role" in node["labels"]
        assert node["properties"]["name"]
    for link in data["links"]:
        assert link["key"].startswith(link["type"])
        assert link["type"] == "HAS_ROLE" or math.isfinite(link["properties"]["pk"])


def test_graph_form_has_what_the_table_has(gpt2: Graph) -> None:
    table = queries.query("strongest_edges", gpt2)
    data = queries.node_link("strongest_edges", gpt2)
    names = {node["id"]: node["properties"]["name"] for node in data["nodes"]}
    links = {(link["type"], names[link["source"]], names[link["target"]]) for link in data["links"]}
    assert links == set(zip(table["pairing"], table["source"], table["target"], strict=True))


@pytest.mark.parametrize("per_head", [1, 2, 3, 4, 9])
def test_through_reads_far_enough(graph: Graph, per_head: int) -> None:
    """The strongest edges of either side are all three of one head, then all three of another: the
    list needs as many of them as it ever can.
    """
    table = random_table(n_layers=3, n_heads=6)
    frame = table.frame.copy()
    outer = frame["source_head"].where(frame["source_layer"] == 0, frame["target_head"])
    frame["pk"] = (7 - outer + frame["pk"] / 16).astype("float32")
    frame = frame.sort_values("pk", ascending=False, kind="stable")
    frame["pk_rank"] = frame.groupby("pairing").cumcount() + 1
    frame["pk_normalized"] = frame["pk"] / 8
    table = AffinityTable(frame, table.meta)
    loader.load(table, graph, run="far")
    expected = varied(paths_through(named(table.edges()), "L1H2"), per_head)
    for limit in range(1, 13):
        answer = queries.query("through", graph, head="L1H2", limit=limit, per_head=per_head)
        unlabelled = answer.drop(columns=["inlet_roles", "outlet_roles", "copying", "self_overlap"])
        same(unlabelled, expected.head(limit))
        assert answer["copying"].isna().all(), "the table has no scores of heads"


@pytest.mark.parametrize("kv", ["native", "expand"])
def test_grouped_query_attention(graph: Graph, kv: str) -> None:
    table = random_table(n_layers=3, n_heads=4, n_kv_heads=2, kv=kv)
    loader.load(table, graph, run="grouped")
    edges = named(table.edges())
    pairings = ["OQ", "OK", "OV"]
    answer = queries.query("hubs", graph, run="grouped", limit=100)
    same(answer.drop(columns=["roles", "copying", "self_overlap"]), hub_table(edges, pairings))
    outlets = answer.set_index("head")["outlet"]
    scored = table.frame.drop_duplicates(
        ["pairing", "source_layer", "source_head", "target_layer", "pk"]
    )
    per_source = scored[["source_layer", "source_head"]].astype(str).agg("H".join, axis=1)
    sums = scored["z"].astype(float).groupby("L" + per_source).sum()
    pd.testing.assert_series_equal(
        outlets[sums.index], sums, check_names=False, obj="an outlet counts each scored pair once"
    )
    top = queries.query("strongest_edges", graph, per_pairing=5)
    assert set(top["pk_rank"]) == {1, 2, 3, 4, 5}
    arrows = edges[edges["pk_rank"] <= 5]
    assert len(top) == len(arrows)


def test_only_the_run_that_is_asked_about(graph: Graph, tmp_path: Path) -> None:
    """Two runs in one database: every answer is that of the run alone in it."""
    labels = tmp_path / "labels.csv"
    labels.write_text(
        "layer,head,role,circuit\n0,1,previous_token,ioi\n1,1,induction,ioi\n3,1,name_mover,ioi\n"
    )
    values = {
        **REQUIRED, "head": "L1H1", "target": "L3H1", "other": "one", "first": "L1H1",
        "second": "L2H1",
    }  # fmt: skip
    table = random_table(seed=1, series="a", step=1.0, format_2=True)
    loader.load(table, graph, run="one", labels=labels)
    alone = {
        name: queries.query(name, graph, run="one", **arguments(name, values)) for name in NAMES
    }
    table = random_table(seed=2, series="b", step=1.0, format_2=True)
    loader.load(table, graph, run="two", labels=labels)
    for name, before in alone.items():
        answer = queries.query(name, graph, run="one", **arguments(name, values))
        if name == "runs":
            answer, before = answer[answer["run"] == "one"], pd.DataFrame(before)
        pd.testing.assert_frame_equal(answer, before)
    emptied(graph)
