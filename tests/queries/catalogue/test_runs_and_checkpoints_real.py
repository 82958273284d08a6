"""Stored queries about several runs, checkpoints, and pairings beyond OQ, OK and OV."""

from dataclasses import replace

import pandas as pd
import pytest

from headgraph import loader, queries
from headgraph.base.names import PAIRINGS
from headgraph.graphdb import Graph
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.pk_engine.table.selection import Selection
from headgraph.queries.errors import UnknownName
from tests.queries.conftest import emptied, named
from tests.queries.oracle import hub_table, same
from tests.tables import random_table

KEYS = ["pairing", "source", "target"]
TOP = Selection(top=60)
STEPS = {"early": 100.0, "late": 2000.0, "middle": 900.0}


def checkpoint(seed: int, step: float) -> AffinityTable:
    return random_table(seed=seed, series="training", step=step).select(TOP)


@pytest.fixture(scope="module")
def tables() -> dict[str, AffinityTable]:
    return {name: checkpoint(seed, step) for seed, (name, step) in enumerate(STEPS.items())}


@pytest.fixture(scope="module")
def several(database: Graph, tables: dict[str, AffinityTable]) -> Graph:
    """Three checkpoints of one series, a run of all sixteen pairings, and a run of neither."""
    emptied(database)
    for name, table in tables.items():
        loader.load(table, database, run=name)
    loader.load(random_table(seed=7, pairings=PAIRINGS), database, run="all-pairings")
    yield database
    emptied(database)


def edges_of(table: AffinityTable) -> pd.DataFrame:
    return named(table.edges()).astype({"pk": float, "z": float})


def test_checkpoints(several: Graph, tables: dict[str, AffinityTable]) -> None:
    rows = []
    for name in sorted(STEPS, key=STEPS.__getitem__):
        edges = edges_of(tables[name])
        best = edges.loc[edges["z"].idxmax()]
        rows.append(
            {
                "step": STEPS[name],
                "checkpoint": name,
                "edges": len(edges),
                "mean_z": edges["z"].mean(),
                **{key: best[key] for key in (*KEYS, "z")},
            }
        )
    for asked in STEPS:
        same(queries.query("checkpoints", several, run=asked), pd.DataFrame(rows))
    assert queries.query("checkpoints", several, run="all-pairings").empty


def test_head_by_checkpoint(several: Graph, tables: dict[str, AffinityTable]) -> None:
    answer = queries.query("head_by_checkpoint", several, run="middle", head="L1H2")
    assert list(answer["checkpoint"]) == ["early", "middle", "late"]
    for row in answer.to_dict("records"):
        edges = edges_of(tables[row["checkpoint"]])
        hubs = hub_table(edges, ["OQ", "OK", "OV"]).set_index("head").loc["L1H2"]
        for name in ("inlet", "outlet", "edges_in", "edges_out"):
            assert row[name] == pytest.approx(hubs[name])
        own = edges[(edges["source"] == "L1H2") | (edges["target"] == "L1H2")]
        assert row["strongest"] == own["z"].max()


def test_edge_by_checkpoint(several: Graph, tables: dict[str, AffinityTable]) -> None:
    source, target = edges_of(tables["late"]).iloc[0][["source", "target"]]
    expected = pd.concat(
        edges_of(table).assign(step=STEPS[name], checkpoint=name) for name, table in tables.items()
    )
    expected = expected[(expected["source"] == source) & (expected["target"] == target)]
    answer = queries.query("edge_by_checkpoint", several, run="early", source=source, target=target)
    same(answer, expected.sort_values(["pairing", "step"]))
    assert len(answer)


@pytest.mark.parametrize("name", ["read_alike", "write_alike"])
def test_heads_that_read_or_write_alike(several: Graph, name: str) -> None:
    edges = edges_of(random_table(seed=7, pairings=PAIRINGS))
    pairings = ["QQ", "KK", "VV"] if name == "read_alike" else ["OO"]
    top = edges[edges["pairing"].isin(pairings) & (edges["pk_rank"] <= 9)]
    order = pd.Categorical(top["pairing"], pairings)
    expected = top.assign(order=order, first=top["source"], second=top["target"])
    limit = {"per_pairing": 9} if name == "read_alike" else {"limit": 9}
    answer = queries.query(name, several, run="all-pairings", **limit)
    assert len(answer) == 9 * len(pairings)
    answer = answer.drop(columns=["roles_first", "roles_second"], errors="ignore")
    same(answer, expected.sort_values(["order", "pk_rank"]))
    assert queries.query(name, several, run="early").empty


def test_a_question_asked_of_every_checkpoint(several: Graph) -> None:
    answer = queries.over_series("hubs", several, series="training", limit=3)
    parts = [
        queries.query("hubs", several, run=name, limit=3).assign(step=STEPS[name], checkpoint=name)
        for name in ("early", "middle", "late")
    ]
    expected = pd.concat(parts, ignore_index=True)
    assert list(answer.columns[:2]) == ["step", "checkpoint"]
    pd.testing.assert_frame_equal(answer, expected[list(answer.columns)])
    with pytest.raises(UnknownName) as caught:
        queries.over_series("hubs", several, series="trainign")
    assert str(caught.value) == (
        "no run belongs to a series 'trainign' (did you mean training?): the database has training"
    )


def test_the_same_step_twice_is_told_apart(several: Graph) -> None:
    table = checkpoint(5, 100.0)
    again = AffinityTable(table.columns, replace(table.meta, fingerprint="f" * 64))
    loader.load(again, several, run="early-again")
    try:
        answer = queries.over_series("overview", several, series="training")
        assert list(dict.fromkeys(answer["checkpoint"])) == [
            "early",
            "early-again",
            "middle",
            "late",
        ]
    finally:
        loader.drop(several, "early-again")
