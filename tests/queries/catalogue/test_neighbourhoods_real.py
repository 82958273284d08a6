"""Stored queries about what heads share and where they meet, as networkx and pandas find it."""

from collections.abc import Iterator, Mapping

import networkx as nx
import pandas as pd
import pytest

from headgraph import loader, queries
from headgraph.graphdb import Graph
from headgraph.queries.errors import OlderRun
from tests.queries.catalogue.cases import Case, by_place, loaded, ordered
from tests.queries.oracle import head_key, same
from tests.shared import needs_shared
from tests.tables import random_table

PAIRINGS = ["OQ", "OK", "OV"]
HEADS = {"gpt2": ("L5H5", "L6H9"), "grouped": ("L2H0", "L3H5"), "planted": ("L3H0", "L3H1")}
WRITERS = {"gpt2": ("L2H2", "L4H11"), "grouped": ("L0H2", "L1H5"), "planted": ("L1H0", "L1H1")}
pytestmark = needs_shared


@pytest.fixture(scope="module")
def cases(
    database: Graph, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, Case]]:
    with loaded(database, tmp_path_factory.mktemp("labels")) as found:
        yield found


@pytest.fixture(params=list(HEADS))
def case(cases: Mapping[str, Case], request: pytest.FixtureRequest) -> Case:
    return cases[request.param]


@pytest.mark.parametrize("pairings", [PAIRINGS, ["OV"]])
@pytest.mark.parametrize("side", ["inlets", "outlets"])
def test_what_two_heads_share(database: Graph, case: Case, side: str, pairings: list[str]) -> None:
    one, other = (HEADS if side == "inlets" else WRITERS)[case.run]
    here, there = ("target", "source") if side == "inlets" else ("source", "target")
    edges = ordered(case.edges[case.edges["pairing"].isin(pairings)], "-pk", "pairing")
    best = {
        head: edges[edges[here] == head].groupby(there, sort=False).agg(
            pairings=("pairing", list), pk=("pk", "max")
        )
        for head in (one, other)
    }  # fmt: skip
    both = best[one].join(best[other].add_suffix("_2"), how="inner")
    column, count = ("inlet", "readers") if side == "inlets" else ("outlet", "sources")
    expected = pd.DataFrame(
        {
            column: both.index, "first_pairings": both["pairings"], "first_pk": both["pk"],
            "second_pairings": both["pairings_2"], "second_pk": both["pk_2"],
            "weaker": both[["pk", "pk_2"]].min(axis=1),
            "roles": [case.roles.get(head, []) for head in both.index],
            count: [edges.loc[edges[there] == head, here].nunique() for head in both.index],
        }
    )  # fmt: skip
    expected["sum"] = expected["first_pk"] + expected["second_pk"]
    answer = queries.query(
        f"shared_{side}", database, run=case.run, first=one, second=other, limit=500,
        pairings=pairings,
    )  # fmt: skip
    if not len(expected):
        assert answer.empty
        return
    same(answer, ordered(expected, "-weaker", "-sum", column))
    graph = nx.DiGraph(list(zip(edges["source"], edges["target"], strict=True)))
    ties = graph.predecessors if side == "inlets" else graph.successors
    assert set(answer[column]) == set(ties(one)) & set(ties(other))
    if case.run == "planted" and side == "inlets" and len(pairings) == 3:
        # L0H2 by OV to both; L2H0 by OQ to both; L0H0 by OK to the first alone
        assert list(answer["inlet"]) == ["L0H2", "L2H0"]
        assert list(answer["weaker"]) == [7.25, 4.0]


@pytest.mark.parametrize("side", ["inlets", "outlets"])
def test_wired_like(database: Graph, case: Case, side: str) -> None:
    head = (HEADS if side == "inlets" else WRITERS)[case.run][0]
    here, there = ("target", "source") if side == "inlets" else ("source", "target")
    # heads on one side, (pairing, head) on the other: networkx divides common by all neighbours
    graph = nx.Graph()
    ties = case.edges["pairing"] + " " + case.edges[there]
    graph.add_edges_from(zip(case.edges[here], ties, strict=True))
    others = [h for h in set(case.edges[here]) if h != head]
    rows = [
        {
            "other": other, "jaccard": score, "own": graph.degree(head),
            "others": graph.degree(other),
            "shared": len(list(nx.common_neighbors(graph, head, other))),
            "roles": case.roles.get(other, []),
        }
        for _, other, score in nx.jaccard_coefficient(graph, [(head, o) for o in others])
        if score > 0
    ]  # fmt: skip
    answer = queries.query("wired_like", database, run=case.run, head=head, side=side, limit=500)
    same(answer, ordered(pd.DataFrame(rows), "-jaccard", "-shared", "other"))
    if case.run == "planted" and side == "inlets":
        # L3H0 and L3H1 share L2H0 by OQ and L0H2 by OV; only L3H0 has L0H0 by OK
        assert list(answer["other"]) == ["L3H1", "L1H1", "L1H0"]
        assert list(answer["jaccard"]) == pytest.approx([2 / 3, 1 / 4, 1 / 5])


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_skipping(database: Graph, case: Case, layers: int) -> None:
    far = case.edges["target"].map(lambda h: head_key(h)[0])
    far -= case.edges["source"].map(lambda h: head_key(h)[0])
    rows = case.edges.assign(layers=far)[far >= layers]
    expected = ordered(rows, "-pk", "pk_rank", "pairing", "source", "target")
    answer = queries.query("skipping", database, run=case.run, layers=layers, limit=2000)
    same(answer, expected)
    if case.run == "planted" and layers == 3:
        assert list(answer["source"]) == ["L0H2", "L0H2", "L0H0"]


def test_mutual_best(database: Graph, case: Case) -> None:
    edges = case.edges
    best = {
        end: edges.groupby(["pairing", end])["pk"].transform("max") for end in ("source", "target")
    }
    size = {end: edges.groupby(["pairing", end])["pk"].transform("size") for end in best}
    rows = edges.assign(source_edges=size["source"], target_edges=size["target"])
    rows = rows[(edges["pk"] == best["source"]) & (edges["pk"] == best["target"])]
    expected = ordered(rows, "-pk", "pk_rank", "pairing", "source", "target")
    answer = queries.query("mutual_best", database, run=case.run, limit=2000)
    same(answer, expected)
    if case.run == "planted":
        found = list(zip(answer["pairing"], answer["source"], answer["target"], strict=True))
        assert found == [
            ("OV", "L0H2", "L3H0"), ("OK", "L0H0", "L1H0"), ("OV", "L1H0", "L2H0"),
            ("OQ", "L2H0", "L3H0"), ("OV", "L0H1", "L1H1"), ("OV", "L0H0", "L1H0"),
            ("OQ", "L0H0", "L1H0"),
        ]  # fmt: skip


def test_all_pairings(database: Graph, case: Case) -> None:
    wide = case.edges.pivot(index=["source", "target"], columns="pairing", values="pk").dropna()
    rows = wide.reset_index().rename(columns=str.lower).rename_axis(columns=None)
    rows["weakest"] = rows[["oq", "ok", "ov"]].min(axis=1)
    normal = case.edges.pivot(index=["source", "target"], columns="pairing", values="pk_normalized")
    rows["product"] = normal.dropna().prod(axis=1).to_numpy()
    doubt = case.edges.groupby(["source", "target"])["decoy_q"].max()
    rows["decoy_q"] = doubt.loc[list(zip(rows["source"], rows["target"], strict=True))].to_numpy()
    for end in ("source", "target"):
        rows[f"{end}_roles"] = [case.roles.get(head, []) for head in rows[end]]
    answer = queries.query("all_pairings", database, run=case.run, limit=500)
    same(answer, ordered(rows, "-weakest", "-product", "source", "target"))
    if case.run == "planted":
        (row,) = answer.to_dict("records")
        assert (row["source"], row["target"], row["weakest"]) == ("L0H0", "L1H0", 2.0)
        assert row["product"] == pytest.approx(7 * 3 * 2 / 8**3)


@pytest.mark.parametrize("neighbours", [3, 12, 500])
def test_ego(database: Graph, case: Case, neighbours: int) -> None:
    head = HEADS[case.run][0]
    touching = case.edges[(case.edges[["source", "target"]] == head).any(axis=1)]
    other = touching["source"].where(touching["source"] != head, touching["target"])
    near = touching.groupby(other)["pk"].max().rename_axis("other").reset_index()
    near = ordered(near, "-pk", "other").head(neighbours)
    group = {head, *near["other"]}
    rows = case.edges[case.edges["source"].isin(group) & case.edges["target"].isin(group)]
    rows = rows.assign(own=(rows[["source", "target"]] == head).any(axis=1))
    answer = queries.query("ego", database, run=case.run, head=head, neighbours=neighbours)
    same(answer, ordered(rows, "-own", "-pk", "pk_rank", "pairing", "source", "target"))
    if neighbours == 500:
        graph = nx.MultiDiGraph()
        ends = zip(case.edges["source"], case.edges["target"], case.edges["pairing"], strict=True)
        graph.add_edges_from(ends)
        assert len(answer) == nx.ego_graph(graph, head, undirected=True).number_of_edges()


@pytest.mark.parametrize(
    ("by", "key"),
    [("self_overlap", "-self_overlap"), ("copying", "-copying"), ("erasing", "copying")],
)
def test_copying(database: Graph, case: Case, by: str, key: str) -> None:
    rows = case.scores.rename_axis("head").reset_index()
    derived = {
        name: [r for r in roles if r.endswith(" (derived)")] for name, roles in case.roles.items()
    }
    rows["derived_role"] = [(derived.get(head) or [None])[0] for head in rows["head"]]
    rows["derived_role"] = rows["derived_role"].str.removesuffix(" (derived)")
    known = case.labels.groupby("name")["role"].agg(lambda roles: sorted(set(roles)))
    rows["roles"] = [known.get(head, []) for head in rows["head"]]
    for end, side in (("target", "edges_in"), ("source", "edges_out")):
        rows[side] = [(case.edges[end] == head).sum() for head in rows["head"]]
    answer = queries.query("copying", database, run=case.run, by=by, limit=500)
    same(
        answer.fillna({"derived_role": ""}), ordered(rows, key, "head").fillna({"derived_role": ""})
    )
    if case.run == "gpt2" and by == "self_overlap":
        assert list(answer["head"][:2]) == ["L4H7", "L1H11"]
        erasers = answer.loc[answer["derived_role"] == "eraser", "head"]
        assert by_place(set(erasers)) == ["L1H11", "L3H10", "L4H7", "L5H11", "L6H6"]


def test_a_run_without_scores_of_heads_is_refused_by_name(graph: Graph) -> None:
    loader.load(random_table(), graph, run="first-format")
    with pytest.raises(OlderRun) as caught:
        queries.query("copying", graph, run="first-format")
    assert str(caught.value) == (
        "query copying reads copying, which run 'first-format' lacks, because its table has no "
        "scores of heads: compute(MODEL) makes a table with it, and load(table, graph, "
        "run='first-format', replace=True) loads it"
    )
    # what shows the scores beside other things leaves them empty
    (empty,) = {
        tuple(row)
        for row in queries.query("hubs", graph)[["copying", "self_overlap"]].isna().to_numpy()
    }
    assert empty == (True, True)
    assert queries.query("overview", graph)["decoy_share"].isna().all()
    assert queries.query("strongest_edges", graph)["decoy_q"].isna().all()
