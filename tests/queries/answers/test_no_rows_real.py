"""Why an answer has no rows: the cause in this run, and what helps."""

import pytest

from headgraph import loader, queries
from headgraph.graphdb import Graph
from headgraph.pk_engine.table.selection import Selection
from tests.tables import random_table

ONE_EDGE = random_table(2, 2, pairings=("OQ",), seed=3)


@pytest.fixture(scope="module")
def tiny(database: Graph) -> Graph:
    database.write("MATCH (n) DETACH DELETE n")
    loader.load(random_table(3, 4), database, run="tiny")
    all_ = random_table(3, 4, pairings=("OQ", "OK", "OV", "OO", "QQ", "KK", "VV"), seed=1)
    loader.load(all_, database, run="all")
    loader.load(random_table(metrics=("pk", "cs"), seed=2), database, run="cs")
    loader.load(ONE_EDGE, database, run="thin", selection=Selection(top=1))
    return database


@pytest.mark.parametrize(
    ("name", "params", "why"),
    [
        (
            "write_alike", {},
            "run tiny has edges of OQ, OK, OV, but none of OO, which this query reads; headgraph "
            "compute MODEL --pairings all -o FILE and headgraph load FILE --run tiny --replace "
            "add them",
        ),
        ("read_alike", {}, "run tiny has edges of OQ, OK, OV, but none of QQ, KK, VV, which this"),
        (
            "pk_against_cs", {},
            "the edges of run tiny have pk but no cs; headgraph compute MODEL --metrics pk,cs -o "
            "FILE and headgraph load FILE --run tiny --replace add it",
        ),
        (
            "communities", {},
            "no head of run tiny is in a community yet; headgraph communities --run tiny --write "
            "finds them and puts them on the heads",
        ),
        ("checkpoints", {}, "run tiny is not a checkpoint of a training run; headgraph trajectory"),
        (
            "widest_path", {"source": "2.0", "target": "L0H3"},
            "edges run from earlier layers to later ones, and L2H0 is in a later layer than L0H3: "
            "try -p source=L0H3 -p target=L2H0",
        ),
        (
            "shortest_path", {"source": "L1H0", "target": "L1H1"},
            "edges run from earlier layers to later ones, and L1H0 and L1H1 are in one layer",
        ),
        (
            "shared_outlets", {"first": "0.1", "second": "L0H1"},
            "L0H1 is both heads: this query compares two",
        ),
        ("isolated_heads", {}, "that is an answer where every head has an edge"),
    ],
)  # fmt: skip
def test_the_cause_is_named(tiny: Graph, name: str, params: dict[str, str], why: str) -> None:
    answer = queries.query(name, tiny, run="tiny", **params)
    assert answer.empty
    assert answer.attrs["no_rows"].options.startswith(why)
    assert answer._repr_html_().startswith("<p>")
    drawn = queries.node_link(name, tiny, run="tiny", **params)["graph"]
    assert drawn["no_rows"] == answer.attrs["no_rows"]


@pytest.mark.parametrize(
    ("name", "params", "helps"),
    [
        (
            "write_alike", {},
            "table = compute(MODEL, pairings='all') and load(table, graph, run='tiny', "
            "replace=True) add them",
        ),
        (
            "pk_against_cs", {},
            "table = compute(MODEL, metrics='pk,cs') and load(table, graph, run='tiny', "
            "replace=True) add it",
        ),
        (
            "communities", {},
            "communities(graph, run='tiny', write=True) finds them and puts them on the heads",
        ),
        (
            "checkpoints", {},
            "trajectory(RUN, tables=FOLDER) writes tables; load them to get checkpoints",
        ),
        (
            "widest_path", {"source": "2.0", "target": "L0H3"},
            "try source='L0H3', target='L2H0'",
        ),
    ],
)  # fmt: skip
def test_what_helps_is_a_call_in_python(
    tiny: Graph, name: str, params: dict[str, str], helps: str
) -> None:
    why = queries.query(name, tiny, run="tiny", **params).attrs["no_rows"]
    assert why.endswith(helps)
    assert "headgraph " not in why
    assert "-p " not in why


def test_what_is_there_is_not_called_missing(tiny: Graph) -> None:
    for name, run in (("write_alike", "all"), ("read_alike", "all"), ("pk_against_cs", "cs")):
        answer = queries.query(name, tiny, run=run)
        assert len(answer) > 0
        assert answer.attrs["no_rows"] == ""
        assert "no_rows" not in queries.node_link(name, tiny, run=run)["graph"]


def test_ends_in_order_without_a_path_are_an_answer(tiny: Graph) -> None:
    best = ONE_EDGE.frame.loc[ONE_EDGE.frame["pk_rank"] == 1].iloc[0]
    ends = {"source": f"L0H{best['source_head']}", "target": f"L1H{1 - best['target_head']}"}
    answer = queries.query("shortest_path", tiny, run="thin", **ends)
    assert answer.empty
    assert answer.attrs["no_rows"] == (
        "that is an answer where no path of kept edges leads from the one to the other"
    )
