"""What an answer says about cut runs, from rows made by hand and from a real graph."""

import json
import math
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from headgraph import loader, queries
from headgraph.graphdb import Graph, RecordingGraph
from headgraph.graphdb.results.result import Result
from headgraph.pk_engine.bundled import table_path
from headgraph.pk_engine.scoring._compute import compute
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.pk_engine.table.selection import Selection
from headgraph.queries.answers.cut import cut_note, limit_note
from tests.commands import headgraph
from tests.queries.conftest import TOP, emptied
from tests.tables import random_table

COLUMNS = (
    "pairs",
    "pairs_scored",
    "scored",
    "pairings",
    "kept",
    "pk",
    "z",
    "decoys",
    "near",
    "name",
)


def run(
    name: str,
    kept: dict[str, tuple[int, float, float]],
    scored: dict[str, int],
    decoys: dict[str, float] | None = None,
    near: dict[str, float] | None = None,
) -> Any:
    """A row of the look-up: what a run keeps, as pairs, least PK and least z, by pairing."""
    shares, close = ([(of or {}).get(pairing) for pairing in kept] for of in (decoys, near))
    pairs, pk, z = ([own[i] for own in kept.values()] for i in range(3))
    total = sum(scored.values())
    return (sum(pairs), total, json.dumps(scored), list(kept), pairs, pk, z, shares, close, name)


def older(name: str, pairs: int, scored: int) -> Any:
    return (pairs, scored, json.dumps({"OQ": scored}), None, None, None, None, None, None, name)


def note(*rows: Any) -> str:
    return cut_note(RecordingGraph(answers={"kept_pairs": Result(COLUMNS, rows)}))


def test_a_whole_run_needs_no_words() -> None:
    assert note() == ""
    assert note(run("all", {"OQ": (10, 0.5, -3.0)}, {"OQ": 10})) == ""
    assert note(older("all", 10, 10)) == ""


def test_one_cut_run_says_where_each_pairing_is_cut() -> None:
    kept = {"OQ": (3, 12.2699, 20.119), "OV": (100, 0.1, -2.5), "OK": (999, 2.0, -0.001)}
    scored = {"OQ": 100, "OK": 1000, "OV": 100, "KQ": 50, "QV": 0}
    assert note(run("one", kept, scored)) == (
        "run one holds KQ none; OQ 3 %, from PK 12.2, z 20.1; OK 99.9 %, 2.00, -0.01; OV 100 %"
    )


def test_of_a_run_of_an_older_headgraph_it_says_what_is_known() -> None:
    assert note(older("old", 3, 100)) == (
        "run old holds 3 % of pairs (an older headgraph loaded it and did not write "
        "where it is cut)"
    )
    row = list(run("second", {"OQ": (3, 12.5, 0.0)}, {"OQ": 300}))
    row[COLUMNS.index("z")] = None  # the version that had no kept_z_min
    assert note(tuple(row)) == ("run second holds 1 % of pairs: OQ from PK 12.5")


CHANGED = {
    "scored": (
        "x",
        "",
        "[]",
        "[" * 9**5,
        '{"OQ": "x"}',
        '{"OQ": -1}',
        '{"OQ": 1e999}',
        '{"": 1}',
        7,
    ),
    "pairings": (["OQ", "OK"], "OQ"),
    "kept": ([3, 3], 3),
    "pk": ([], None, 12.5),
    "z": ([1.0, 2.0], 1.0),
    "near": ([1.0, 2.0], 1.0),
}


@pytest.mark.parametrize("column", CHANGED)
def test_of_a_run_changed_by_hand_it_says_what_is_known(column: str) -> None:
    for value in CHANGED[column]:
        row = list(run("odd", {"OQ": (3, 12.5, 0.0)}, {"OQ": 300}))
        row[COLUMNS.index(column)] = value
        assert note(tuple(row)).startswith("run odd holds 1 % of pairs (an older")


def test_a_run_changed_to_huge_scores_still_has_a_note() -> None:
    huge = run("odd", {"OQ": (3, 1e308, -1e308)}, {"OQ": 300})
    assert "1 % of pairs: OQ from PK 1e+308, z -1e+308" in note(huge)


def test_it_says_how_many_edges_may_mean_nothing() -> None:
    """A run of random weights has about as many decoys as edges."""
    kept = {"OQ": (3, 12.25, 20.0), "OK": (3, 12.25, 20.0), "QQ": (3, 12.25, 20.0)}
    scored = dict.fromkeys(kept, 100)
    ends = "from PK 12.2, z 20.0"
    assert note(run("one", kept, scored, {"OQ": 0.184, "OK": 1.02})) == (
        f"run one holds 3 % of pairs: QQ {ends}; OQ {ends}, about 18 % may mean nothing "
        "(decoys); OK 12.2, 20.0, all"
    )
    none = note(run("one", kept, scored, {"OQ": 1 / 3, "OK": 2 / 3}))
    assert f"OQ {ends}, at most 33 % may mean nothing (no decoy is as strong); OK {ends}" in none
    assert none.endswith("about 67 % may mean nothing (decoys)")
    near = {"OQ": 0.51, "OK": 1.02}
    assert note(run("one", kept, scored, {"OQ": 0.184, "OK": 0.1}, near)) == (
        f"run one holds 3 % of pairs: QQ {ends}; OQ {ends}, about 18 % may mean nothing "
        "(decoys; neighbouring layers 51 %); OK 12.2, 20.0, 10 % (all)"
    )
    whole = run("all", {"OQ": (10, 0.5, -3.0)}, {"OQ": 10}, {"OQ": 0.9})
    assert note(whole) == ""


def test_many_runs_are_short() -> None:
    rows = [run(name, {"OQ": (n, 1.0, 2.0)}, {"OQ": 1000}) for n, name in enumerate("abcde", 5)]
    whole = run("whole", {"OQ": (9, 1.0, 2.0)}, {"OQ": 9})
    assert note(*rows, whole) == (
        "5 of the 6 runs hold some of the scored pairs only (a 0.5 %, b 0.6 %, c 0.7 %, and 2 "
        "more): query('overview', graph, run=NAME) says where a run is cut"
    )
    assert note(rows[0], rows[1], whole) == (
        "run a holds 0.5 % of pairs: OQ from PK 1.00, z 2.00; run b holds 0.6 % of pairs: "
        "OQ from PK 1.00, z 2.00"
    )


def test_a_limit_says_how_many_there_are() -> None:
    query = queries.get("neighbours")
    result = Result(("direction", "edges"), (*[("in", 29)] * 20, *[("out", 3)] * 3))
    assert limit_note(query, {"head": "L4H7"}, result) == (
        "shows 20 of 29 edges that enter L4H7: limit=29 shows all"
    )
    result = Result(("direction", "edges"), (*[("in", 3)] * 3, *[("out", 3)] * 3))
    assert limit_note(query, {"head": "L4H7"}, result) == ""


@pytest.fixture(scope="module")
def expected() -> str:
    """From the table, without the database and without the code that writes the Run."""
    table = AffinityTable.read(table_path("gpt2-small"))
    parts = []
    for pairing in ("OQ", "OK", "OV"):
        scored = table.meta.scored[pairing]
        rows = table.frame[table.frame["pairing"] == pairing].nlargest(
            math.ceil(0.03 * scored), "pk"
        )
        low = [f"{math.floor(10 * float(rows[name].min())) / 10:.1f}" for name in ("pk", "z")]
        decoys = f"{100 * (1 + rows['decoys'].max()) / len(rows):.0f}"
        # of the pairs kept between neighbouring layers, so many backward ones are as strong
        near = f"{100 * {'OQ': 20 / 93, 'OK': 11 / 42, 'OV': 72 / 125}[pairing]:.0f}"
        said = f"{low[0]}, {low[1]}, {decoys} % ({near} %)"
        if pairing == "OQ":
            said = (
                f"from PK {low[0]}, z {low[1]}, about {decoys} % may mean nothing "
                f"(decoys; neighbouring layers {near} %)"
            )
        parts.append(f"{pairing} {said}")
    return "; ".join(parts)


def test_every_answer_about_gpt2_says_where_it_is_cut(
    gpt2: Graph, expected: str, kept: pd.DataFrame
) -> None:
    said = f"run gpt2 holds 3 % of pairs: {expected}"
    assert len(said) < 180, "hardly more than a line of a wide terminal"
    assert queries.query("hubs", gpt2).attrs["cut"] == said
    assert queries.node_link("hubs", gpt2)["graph"]["cut"] == said
    assert queries.cypher("MATCH (h:Head) RETURN h.name LIMIT 1", gpt2).attrs["cut"] == said
    assert queries.communities(gpt2).attrs["cut"] == said
    assert queries.motifs(gpt2, samples=2).attrs["cut"] == said
    assert said in queries.query("hubs", gpt2)._repr_html_().replace("&gt;", ">")
    assert queries.query("runs", gpt2).attrs["cut"] == "", "a list of runs reads no edges"
    for command in (["query", "hubs"], ["cypher", "RETURN 1 AS x"], ["query", "hubs", "--graph"]):
        done = headgraph(*command)
        assert done.returncode == 0
        assert done.stderr.splitlines()[-1] == said
    head = kept[kept["target"] == "L4H7"], kept[kept["source"] == "L4H7"]
    counts = [len(edges) for edges in head]
    answer = queries.query("neighbours", gpt2, head="L4H7", limit=2)
    assert answer.attrs["limited"] == (
        f"shows 2 of {counts[0]} edges that enter L4H7 and 2 of {counts[1]} edges that leave L4H7: "
        f"limit={max(counts)} shows all"
    )
    whole = queries.query("neighbours", gpt2, head="L4H7", limit=max(counts))
    assert len(whole) == sum(counts)
    assert whole.attrs["limited"] == ""


def test_a_whole_run_and_no_run_at_all(database: Graph) -> None:
    emptied(database)
    assert queries.cypher("RETURN 1 AS x", database).attrs["cut"] == ""
    loader.load(random_table(2, 3), database, run="whole")
    assert queries.query("hubs", database).attrs["cut"] == ""
    loader.load("gpt2-small", database, run="gpt2", selection=TOP)
    assert queries.cypher("RETURN 1 AS x", database).attrs["cut"].startswith("run gpt2 holds 3 %")
    emptied(database)


def test_overview_has_no_share_of_decoys_where_every_pair_is_kept(database: Graph) -> None:
    """All forward pairs have about as many backward ones, whatever the weights."""
    emptied(database)
    few = compute("induction-2l", selection=Selection())
    frame = few.frame[(few.frame["pairing"] != "OV") | (few.frame["pk_rank"] <= 3)]
    meta = replace(few.meta, selection=[{"min_pk": 0.0}])
    table = AffinityTable(frame.reset_index(drop=True), meta)
    loader.load(table, database, run="mixed")
    answer = queries.query("overview", database).set_index("pairing")
    assert answer.loc[["OQ", "OK"], ["decoy_share", "decoy_neighbours"]].isna().all(axis=None)
    assert answer.loc["OV", "decoy_share"] > 0
    assert answer["decoy_scored"].tolist() == [64, 64, 64]
    emptied(database)
