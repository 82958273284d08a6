"""Stored queries about heads, layers, roles and whole runs: answers as pandas finds them."""

import json

import numpy as np
import pandas as pd
import pytest

from headgraph import queries
from headgraph.graphdb import Graph
from headgraph.pk_engine.bundled import table_path
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.queries.errors import UnknownName
from tests.queries.oracle import head_key, hub_table, same

GRAPH_PAIRINGS = ["OQ", "OK", "OV"]
HEADS = [f"L{layer}H{head}" for layer in range(12) for head in range(12)]


def test_overview(gpt2: Graph, kept: pd.DataFrame) -> None:
    wide = kept.astype({"pk": float, "z": float})
    expected = wide.groupby("pairing").agg(
        edges=("pk", "size"),
        pairs=("share", "sum"),
        sources=("source", "nunique"),
        targets=("target", "nunique"),
        pk_min=("pk", "min"),
        pk_median=("pk", "median"),
        pk_max=("pk", "max"),
        z_median=("z", "median"),
        z_max=("z", "max"),
    )
    expected["share_kept"] = 858 / 28_512
    expected["chance"] = 64 * 64 / 768
    # the strongest 3 % have so many decoys, as the backward pairs of an independent computation say
    expected["decoy_share"] = pd.Series({"OQ": 52 / 286, "OK": 73 / 286, "OV": 138 / 286})
    # of them between neighbouring layers: 19, 9 and 71; the table interpolates 10 for OK
    expected["decoy_neighbours"] = pd.Series({"OQ": 20 / 93, "OK": 11 / 42, "OV": 72 / 125})
    expected["decoy_further"] = pd.Series({"OQ": 33 / 193, "OK": 63 / 244, "OV": 67 / 161})
    expected["decoy_scored"] = 66 * 144
    answer = queries.query("overview", gpt2)
    assert list(answer["pairing"]) == ["OK", "OQ", "OV"]
    same(answer, expected.loc[answer["pairing"]].reset_index())


def test_layer_flow(gpt2: Graph, kept: pd.DataFrame) -> None:
    edges = kept[kept["pairing"] == "OK"].astype({"pk": float, "z": float})
    edges = edges.assign(strength=edges["z"] * edges["share"])
    expected = edges.groupby(["source_layer", "target_layer"], as_index=False).agg(
        edges=("pk", "size"),
        strength=("strength", "sum"),
        mean_pk=("pk", "mean"),
        strongest=("pk", "max"),
        sources=("source", "nunique"),
        targets=("target", "nunique"),
    )
    same(queries.query("layer_flow", gpt2, pairings=["OK"]), expected)
    everything = queries.query("layer_flow", gpt2)
    assert everything["edges"].sum() == 858
    assert (everything["source_layer"] < everything["target_layer"]).all()


@pytest.mark.parametrize(
    ("name", "score", "edges", "end"),
    [("hubs_in", "inlet", "edges_in", "target"), ("hubs_out", "outlet", "edges_out", "source")],
)
def test_hubs_of_one_side(
    gpt2: Graph,
    kept: pd.DataFrame,
    roles: dict[str, list[str]],
    name: str,
    score: str,
    edges: str,
    end: str,
) -> None:
    table = hub_table(kept, GRAPH_PAIRINGS)
    table = table[table[edges] > 0]
    table = table.sort_values("place").sort_values(score, ascending=False, kind="stable").head(25)
    table["strongest"] = table["head"].map(kept.astype({"pk": float}).groupby(end)["pk"].max())
    table["roles"] = [roles.get(head, []) for head in table["head"]]
    same(queries.query(name, gpt2, limit=25), table)
    top = kept[kept[end].isin(table["head"])].sort_values("pk", ascending=False).groupby(end)
    keys = ["pairing", "source", "target"]
    five = set(top.head(5)[keys].itertuples(index=False, name=None))
    drawn = queries.node_link(name, gpt2, limit=25)
    names = {node["id"]: node["properties"]["name"] for node in drawn["nodes"]}
    ends = [(link["type"], names[link["source"]], names[link["target"]]) for link in drawn["links"]]
    assert set(ends) == five


def by_layer(kept: pd.DataFrame) -> pd.DataFrame:
    """Hubs compared within their layer, all heads of GPT-2 and also those without an edge."""
    table = hub_table(kept, GRAPH_PAIRINGS).set_index("head").reindex(HEADS).fillna(0)
    table = table.drop(columns=["both", "sum", "place"]).reset_index()
    table["layer"] = [head_key(head)[0] for head in table["head"]]
    table["sources"], table["targets"] = table["layer"] * 12, (11 - table["layer"]) * 12
    with np.errstate(invalid="ignore"):
        table["inlet_each"] = (table["inlet"] / table["sources"]).fillna(0)
        table["outlet_each"] = (table["outlet"] / table["targets"]).fillna(0)
    for side in ("inlet", "outlet"):
        mean = table.groupby("layer")[f"{side}_each"].transform("mean")
        # as if each head had the average of all heads besides its own
        every = table[f"{side}_each"].sum() / 144
        table[f"{side}_ratio"] = (table[f"{side}_each"] + every) / (mean.where(mean > 0) + every)
    table["both"] = np.sqrt(table["inlet_ratio"] * table["outlet_ratio"])
    table["both"] = table["both"].where((table["inlet_each"] > 0) & (table["outlet_each"] > 0))
    table["sum"] = table["inlet_each"] + table["outlet_each"]
    return table


def test_hubs_by_layer(gpt2: Graph, kept: pd.DataFrame, roles: dict[str, list[str]]) -> None:
    table = by_layer(kept)
    table["roles"] = [roles.get(head, []) for head in table["head"]]
    joined = table["head"].isin({*kept["source"], *kept["target"]})
    table = table[joined].sort_values(["both", "sum"], ascending=False, kind="stable").head(50)
    answer = queries.query("hubs_by_layer", gpt2, limit=50)
    same(answer, table)
    assert list(answer["head"][:3]) == ["L4H7", "L4H11", "L3H10"]
    # the only head of its layer with an edge that enters: 12 heads make 12 the ratio of means
    alone = answer.set_index("head").loc["L1H11"]
    assert (alone["edges_in"], alone["edges_out"]) == (1, 31)
    assert (kept.loc[kept["target"].str.startswith("L1H"), "target"] == "L1H11").all()
    assert 1 < alone["inlet_ratio"] < 2


def test_hubs_compared_within_their_layer_do_not_grow_with_depth(
    gpt2: Graph, kept: pd.DataFrame
) -> None:
    """The chains that a layer allows, l (11 - l), say nothing about a score; for `hubs` they do."""
    found = queries.query("hubs_by_layer", gpt2, limit=144).set_index("head")
    inner = [head for head in HEADS if 0 < head_key(head)[0] < 11]
    # a head without an edge has no row, and still counts in the mean of its layer
    every = by_layer(kept).set_index("head")
    rows = found.reindex(inner)[["inlet_ratio", "outlet_ratio", "both"]].astype(float)
    rows = rows.fillna(every.loc[inner, rows.columns])
    chains = [head_key(head)[0] * (11 - head_key(head)[0]) for head in inner]
    for side in ("inlet_ratio", "outlet_ratio"):
        layers = rows[side].groupby([head_key(head)[0] for head in inner]).mean()
        assert layers.to_numpy() == pytest.approx(1.0)
        assert np.corrcoef(rows[side], chains)[0, 1] == pytest.approx(0.0, abs=1e-9)
    hubs = queries.query("hubs", gpt2, limit=144).set_index("head").reindex(inner)["both"].fillna(0)
    assert np.corrcoef(hubs, chains)[0, 1] > 0.35
    # heads that only read or only write have no `both` and come last
    two_sided = ((every["inlet"] > 0) & (every["outlet"] > 0)).loc[inner].to_numpy()
    assert (rows["both"].notna().to_numpy() == two_sided).all()
    assert 60 < two_sided.sum() < len(inner)
    assert found["both"].isna().is_monotonic_increasing
    depth = np.array(chains)[two_sided]
    assert abs(np.corrcoef(rows["both"][two_sided], depth)[0, 1]) < 0.2
    assert np.corrcoef(hubs[two_sided], depth)[0, 1] > 0.25
    assert found["both"].isna().to_list() == sorted(found["both"].isna()), "they come last"


def test_head_profile(
    gpt2: Graph, kept: pd.DataFrame, roles: dict[str, list[str]], scores: pd.DataFrame
) -> None:
    rows = []
    for direction, here, there in (("in", "target", "source"), ("out", "source", "target")):
        for pairing, part in kept[kept[here] == "L8H10"].groupby("pairing"):
            part = part.sort_values("pk", ascending=False)
            weight = 1.0 if direction == "in" else part["share"]
            distance = part["target_layer"] - part["source_layer"]
            rows.append(
                {
                    "direction": direction,
                    "pairing": pairing,
                    "edges": len(part),
                    "strength": float((part["z"].astype(float) * weight).sum()),
                    "strongest": float(part["pk"].iloc[0]),
                    "best_rank": part["pk_rank"].min(),
                    "nearest": distance.min(),
                    "farthest": distance.max(),
                    "heads": list(part[there][:3]),
                    "roles": roles["L8H10"],
                    **scores.loc["L8H10"],
                }
            )
    expected = pd.DataFrame(rows).sort_values(["direction", "strength"], ascending=[True, False])
    assert len(expected) == 5
    same(queries.query("head_profile", gpt2, head="L8H10", neighbours=3), expected)


def test_isolated_heads(gpt2: Graph, kept: pd.DataFrame, roles: dict[str, list[str]]) -> None:
    joined = {*kept["source"], *kept["target"]}
    alone = [head for head in HEADS if head not in joined]
    answer = queries.query("isolated_heads", gpt2)
    assert list(answer["head"]) == alone
    assert list(answer["roles"]) == [roles.get(head, []) for head in alone]
    assert set(answer["others"]) == {0}
    keys = kept[kept["pairing"] == "OK"]
    in_keys = queries.query("isolated_heads", gpt2, pairings="OK").set_index("head")
    assert list(in_keys.index) == [h for h in HEADS if h not in {*keys["source"], *keys["target"]}]
    assert in_keys.loc["L11H8", "others"] == ((kept["target"] == "L11H8").sum())


@pytest.mark.parametrize("score", ["pk", "z"])
def test_distribution(gpt2: Graph, kept: pd.DataFrame, score: str) -> None:
    values = kept[score].astype(float)
    edges = np.linspace(values.min(), values.max(), 8)
    expected = {
        (pairing, place + 1): count
        for pairing, part in values.groupby(kept["pairing"])
        for place, count in enumerate(np.histogram(part, edges)[0])
        if count
    }
    answer = queries.query("distribution", gpt2, score=score, bins=7)
    found = {(row.pairing, row.bin): row.edges for row in answer.itertuples()}
    assert found == expected
    place = np.clip(np.searchsorted(edges, values, side="right"), 1, 7)
    worst = kept.groupby([kept["pairing"], place])["decoy_q"].max()
    keys = pd.MultiIndex.from_frame(answer[["pairing", "bin"]])
    assert np.allclose(answer["decoy_q"], worst.reindex(keys))
    assert np.allclose(answer["above"], edges[answer["bin"] - 1])
    assert np.allclose(answer["below"], edges[answer["bin"]])


def test_provenance(gpt2: Graph) -> None:
    facts = queries.query("provenance", gpt2).set_index("fact")["value"]
    meta = AffinityTable.read(table_path("gpt2-small")).meta
    assert facts["fingerprint"] == meta.fingerprint
    assert facts["pairings"] == ", ".join(meta.pairings)
    assert json.loads(facts["moments"]) == meta.moments
    assert (facts["edges"], facts["selection"]) == ("858", "top 3 % per pairing")
    assert facts["fold_ln"] == str(meta.fold_ln).lower()


def circuit(labels: pd.DataFrame, name: str) -> dict[str, set[str]]:
    part: dict[str, set[str]] = labels[labels["circuit"] == name].groupby("role")["name"].agg(set)
    return dict(part)


def test_circuit_motifs(gpt2: Graph, kept: pd.DataFrame, labels: pd.DataFrame) -> None:
    ioi = circuit(labels, "ioi")
    flow = kept.groupby(["pairing", "source_layer", "target_layer"]).size()
    rows = []
    for s, sources in ioi.items():
        for t, targets in ioi.items():
            pairs = sum(head_key(a)[0] < head_key(b)[0] for a in sources for b in targets)
            ends = kept[kept["source"].isin(sources) & kept["target"].isin(targets)]
            for pairing, part in ends.groupby("pairing"):
                rows.append(
                    {
                        "source_role": s,
                        "pairing": pairing,
                        "target_role": t,
                        "edges": len(part),
                        "pairs": pairs,
                        "density": len(part) / pairs,
                        # what depth alone gives: pairs of layers differ in their edges
                        "expected": sum(
                            flow.get((pairing, head_key(a)[0], head_key(b)[0]), 0) / 144
                            for a in sources
                            for b in targets
                        ),
                        "mean_z": part["z"].astype(float).mean(),
                        "strongest": float(part["pk"].max()),
                        "sources": sorted(set(part["source"]), key=head_key),
                        "targets": sorted(set(part["target"]), key=head_key),
                    }
                )
    expected = pd.DataFrame(rows).sort_values(
        ["edges", "density", "source_role", "target_role", "pairing"],
        ascending=[False, False, True, True, True],
    )
    answer = queries.query("circuit_motifs", gpt2)
    same(answer, expected)
    first = answer.iloc[0]
    assert (first["source_role"], first["pairing"], first["target_role"]) == (
        "s_inhibition",
        "OQ",
        "backup_name_mover",
    )


def test_circuit_gaps(gpt2: Graph, kept: pd.DataFrame, labels: pd.DataFrame) -> None:
    ioi = circuit(labels, "ioi")
    members = set().union(*ioi.values())
    inside = kept[kept["source"].isin(members) & kept["target"].isin(members)]
    joined = {*inside["source"], *inside["target"]}
    expected = [
        (role, head, len(missing), len(heads))
        for role, heads in sorted(ioi.items())
        if (missing := heads - joined)
        for head in sorted(missing, key=head_key)
    ]
    answer = queries.query("circuit_gaps", gpt2)
    columns = ["role", "head", "role_missing", "role_heads"]
    assert list(answer[columns].itertuples(index=False, name=None)) == expected
    row = answer.set_index("head").loc["L8H6"]
    own = kept[(kept["source"] == "L8H6") | (kept["target"] == "L8H6")]
    best = own.loc[own["pk"].idxmax()]
    assert row["elsewhere"] == len(own)
    assert row["strongest"] == float(best["pk"])
    assert row["nearest"] in (best["source"], best["target"])
    # with no edge at all every head is missing; with the first twenty some more are than with all
    some = queries.query("circuit_gaps", gpt2, rank=20)
    assert len(answer) < len(some) < sum(len(heads) for heads in ioi.values())


def test_a_circuit_that_there_is_not(gpt2: Graph) -> None:
    with pytest.raises(UnknownName) as caught:
        queries.query("circuit_gaps", gpt2, circuit="iio")
    assert str(caught.value).startswith(
        "no head of run 'gpt2' is in the circuit 'iio' (did you mean ioi?): it has acronyms, "
    )


def test_induction_motifs(gpt2: Graph, kept: pd.DataFrame, roles: dict[str, list[str]]) -> None:
    keys = kept[kept["pairing"] == "OK"].sort_values("pk", ascending=False)
    keys = keys.assign(
        place=keys.groupby("target").cumcount() + 1,
        keys_in=keys.groupby("target")["pk"].transform("size"),
        writer_head=keys["source"],
        reader_head=keys["target"],
    )
    writes = keys["source"].map(lambda head: "previous_token" in roles.get(head, []))
    reads = keys["target"].map(lambda head: "induction" in roles.get(head, []))
    expected = keys[writes & reads]
    answer = queries.query("induction_motifs", gpt2)
    same(answer, expected)
    # every induction head of the circuit is read for its key by a previous-token head first of all
    assert set(answer[answer["place"] == 1]["reader_head"]) >= {"L5H5", "L6H9"}


def test_pk_against_cs(gpt2: Graph, kept: pd.DataFrame) -> None:
    places = kept.groupby("pairing")[["pk", "cs"]].rank(ascending=False, method="first").astype(int)
    table = kept.assign(pk_place=places["pk"], cs_place=places["cs"])
    table["apart"] = table["cs_place"] - table["pk_place"]
    table["far"] = table["apart"].abs()
    expected = table.sort_values(["far", "pairing", "pk_place"], ascending=[False, True, True])
    answer = queries.query("pk_against_cs", gpt2, limit=100)
    same(answer, expected.head(100))
    first = answer.iloc[0]
    assert (first["source"], first["target"], first["apart"]) == ("L9H11", "L11H8", 275)
