"""Stored queries about paths, chains, motifs: answers as networkx and brute force find them."""

from itertools import combinations, pairwise

import networkx as nx
import numpy as np
import pandas as pd
import pytest

from headgraph import queries
from headgraph.graphdb import Graph
from headgraph.queries.errors import ParameterError, UnknownName
from tests.queries.oracle import as_graph, head_key, same


@pytest.fixture(scope="module")
def network(kept: pd.DataFrame) -> "nx.MultiDiGraph[str]":
    return as_graph(kept)


def joined(kept: pd.DataFrame, length: int) -> pd.DataFrame:
    """Every chain of `length` edges, by joining the table of edges with itself."""
    edges = kept[["source", "target", "pairing", "pk", "pk_normalized", "decoy_q"]]
    edges = edges.astype({"pk": float, "pk_normalized": float})
    chains = edges.add_suffix("_0")
    for place in range(1, length):
        chains = chains.merge(
            edges.add_suffix(f"_{place}"), left_on=f"target_{place - 1}", right_on=f"source_{place}"
        )
    return chains


@pytest.mark.parametrize("length", [2, 3, 4])
@pytest.mark.parametrize("by", ["product", "weakest"])
def test_strongest_chains(gpt2: Graph, kept: pd.DataFrame, length: int, by: str) -> None:
    chains = joined(kept, length)
    places = range(length)
    links = chains[[f"pk_{i}" for i in places]].to_numpy()
    chains["product"] = chains[[f"pk_normalized_{i}" for i in places]].prod(axis=1)
    chains["weakest"] = links.min(axis=1)
    ordered = np.sort(links, axis=1)
    keys = [chains["product"]] if by == "product" else [*ordered.T[::-1]]
    top = chains.iloc[np.lexsort(keys)[::-1]].head(30)
    expected = pd.DataFrame(
        {
            "heads": top[["source_0", *(f"target_{i}" for i in places)]].to_numpy().tolist(),
            "pairings": top[[f"pairing_{i}" for i in places]].to_numpy().tolist(),
            "product": top["product"],
            "weakest": top["weakest"],
            "decoy_q": top[[f"decoy_q_{i}" for i in places]].max(axis=1),
        }
    )
    answer = queries.query("strongest_chains", gpt2, length=length, by=by, limit=30)
    same(answer, expected)


def test_a_chain_of_other_length_or_order_is_refused(gpt2: Graph) -> None:
    with pytest.raises(ParameterError, match=r"length is '5': expected a whole number from 2 to 4"):
        queries.query("strongest_chains", gpt2, length="5")
    with pytest.raises(ParameterError) as caught:
        queries.query("strongest_chains", gpt2, by="products")
    assert str(caught.value) == (
        "by is 'products': expected product or weakest (did you mean product?)"
    )


@pytest.mark.parametrize(("source", "target"), [("L0H1", "L11H10"), ("L1H11", "L9H9")])
def test_shortest_path(
    gpt2: Graph, network: "nx.MultiDiGraph[str]", source: str, target: str
) -> None:
    plain = nx.DiGraph(network)
    expected = set()
    for heads in nx.all_shortest_paths(plain, source, target):
        chains: list[list[str]] = [[]]
        for a, b in pairwise(heads):
            chains = [[*chain, pairing] for chain in chains for pairing in network[a][b]]
        for pairings in chains:
            steps = zip(heads, heads[1:], pairings, strict=False)
            data = [network[a][b][p] for a, b, p in steps]
            doubt = max(edge["decoy_q"] for edge in data)
            weakest = min(edge["pk"] for edge in data)
            expected.add((tuple(heads), tuple(pairings), weakest, doubt))
    answer = queries.query("shortest_path", gpt2, source=source, target=target, limit=1000)
    found = {
        (tuple(r.heads), tuple(r.pairings), r.weakest, r.decoy_q)
        for r in answer.itertuples(index=False)
    }
    assert found == expected
    assert len(found) == len(answer)
    assert set(answer["edges"]) == {nx.shortest_path_length(plain, source, target)}
    assert answer["weakest"].is_monotonic_decreasing
    first = queries.query("shortest_path", gpt2, source=source, target=target, limit=1)
    pd.testing.assert_frame_equal(first, answer.head(1))


def widest(network: "nx.MultiDiGraph[str]", source: str, target: str) -> tuple[float, int]:
    """Width and number of edges: edges are added from the strongest on until a path is there."""
    grown: nx.DiGraph[str] = nx.DiGraph()
    grown.add_nodes_from([source, target])
    for a, b, pk in sorted(network.edges(data="pk"), key=lambda edge: -edge[2]):
        grown.add_edge(a, b)
        if nx.has_path(grown, source, target):
            return pk, nx.shortest_path_length(grown, source, target)
    raise AssertionError("there is no path")


@pytest.mark.parametrize(
    ("source", "target"), [("L0H1", "L9H9"), ("L1H0", "L6H9"), ("L0H1", "L11H10")]
)
def test_widest_path(
    gpt2: Graph, network: "nx.MultiDiGraph[str]", source: str, target: str
) -> None:
    width, edges = widest(network, source, target)
    (row,) = queries.query("widest_path", gpt2, source=source, target=target).to_dict("records")
    assert row["width"] == width
    assert row["edges"] == edges == len(row["pairings"])
    steps = zip(row["heads"], row["heads"][1:], row["pairings"], strict=False)
    data = [network[a][b][p] for a, b, p in steps]
    assert min(edge["pk"] for edge in data) == width
    assert max(edge["decoy_q"] for edge in data) == row["decoy_q"]
    assert (row["heads"][0], row["heads"][-1]) == (source, target)
    wide = nx.MultiDiGraph()
    wide.add_edges_from(
        (a, b, p, data)
        for a, b, p, data in network.edges(keys=True, data=True)
        if data["pk"] >= width
    )
    # of as many edges, the greatest product: the best edge between each two heads
    products = [
        np.prod([max(d["normal"] for d in wide[a][b].values()) for a, b in pairwise(heads)])
        for heads in nx.all_shortest_paths(nx.DiGraph(wide), source, target)
    ]
    assert row["product"] == pytest.approx(max(products))


@pytest.mark.parametrize("name", ["shortest_path", "widest_path"])
def test_no_way_back_and_no_such_head(gpt2: Graph, name: str) -> None:
    assert queries.query(name, gpt2, source="L9H9", target="L0H1").empty
    with pytest.raises(UnknownName, match="has no head L12H0"):
        queries.query(name, gpt2, source="L0H1", target="L12H0")


def matrices(kept: pd.DataFrame) -> dict[str, "np.ndarray"]:
    """0/1 by pairing, sources in rows."""
    found = {}
    for pairing, edges in kept.groupby("pairing"):
        matrix = np.zeros((144, 144), dtype=np.int64)
        rows = edges["source_layer"] * 12 + edges["source_head"]
        matrix[rows, edges["target_layer"] * 12 + edges["target_head"]] = 1
        found[str(pairing)] = matrix
    return found


def test_motif_counts(gpt2: Graph, kept: pd.DataFrame) -> None:
    by_pairing = matrices(kept)
    expected: dict[tuple[str, ...], int] = {}
    for p, a in by_pairing.items():
        into, out = a.sum(axis=0), a.sum(axis=1)
        expected["fan_in", p, p] = int((into * (into - 1) // 2).sum())
        expected["fan_out", p, p] = int((out * (out - 1) // 2).sum())
        for q, b in by_pairing.items():
            expected["chain", p, q] = int((a @ b).sum())
            for r, c in by_pairing.items():
                expected["triangle", p, q, r] = int(((a @ b) * c).sum())
    for (p, a), (q, b) in combinations(sorted(by_pairing.items()), 2):
        double = int((a * b).sum())
        expected["double", p, q] = double
        expected["fan_in", p, q] = int((a.sum(axis=0) * b.sum(axis=0)).sum()) - double
        expected["fan_out", p, q] = int((a.sum(axis=1) * b.sum(axis=1)).sum()) - double
    answer = queries.query("motif_counts", gpt2)
    found = {
        tuple(v for v in row[:4] if isinstance(v, str)): row[4]
        for row in answer.itertuples(index=False, name=None)
    }
    assert found == {key: count for key, count in expected.items() if count}
    assert sum(found.values()) > 0


def test_triangles(gpt2: Graph, kept: pd.DataFrame) -> None:
    chains = joined(kept, 2)
    direct = kept[["source", "target", "pairing", "pk", "pk_normalized", "decoy_q"]]
    direct = direct.add_suffix("_2")
    all_ = chains.merge(
        direct.astype({"pk_2": float, "pk_normalized_2": float}),
        left_on=["source_0", "target_1"],
        right_on=["source_2", "target_2"],
    )
    all_["weakest"] = all_[["pk_0", "pk_1", "pk_2"]].min(axis=1)
    all_["product"] = all_[[f"pk_normalized_{i}" for i in range(3)]].prod(axis=1)
    all_["decoy_q"] = all_[[f"decoy_q_{i}" for i in range(3)]].max(axis=1)
    top = all_.sort_values(["weakest", "product"], ascending=False).head(40)
    names = {
        "source_0": "first",
        "target_0": "middle",
        "target_1": "last",
        "pairing_0": "first_middle",
        "pairing_1": "middle_last",
        "pairing_2": "first_last",
    }
    same(queries.query("triangles", gpt2, limit=40), top.rename(columns=names))
    counts = queries.query("motif_counts", gpt2)
    assert counts[counts["motif"] == "triangle"]["count"].sum() == len(all_)


def test_bottlenecks(gpt2: Graph, network: "nx.MultiDiGraph[str]") -> None:
    plain = nx.DiGraph(network)
    share: dict[str, float] = {}
    only: dict[str, int] = {}
    for source in plain:
        distances = nx.single_source_shortest_path_length(plain, source, cutoff=2)
        for target in (head for head, distance in distances.items() if distance == 2):
            paths = list(nx.all_shortest_paths(plain, source, target))
            for path in paths:
                share[path[1]] = share.get(path[1], 0) + 1 / len(paths)
                only[path[1]] = only.get(path[1], 0) + (len(paths) == 1)
    answer = queries.query("bottlenecks", gpt2, limit=200)
    assert dict(zip(answer["head"], answer["share"], strict=True)) == pytest.approx(share)
    assert dict(zip(answer["head"], answer["only"], strict=True)) == only
    assert answer["share"].is_monotonic_decreasing
    assert (answer["pairs"] >= answer["share"]).all()
    assert head_key(answer["head"][0]) == (4, 7)


@pytest.mark.parametrize("name", ["strongest_chains", "triangles", "motif_counts", "bottlenecks"])
def test_the_strongest_edges_alone(gpt2: Graph, kept: pd.DataFrame, name: str) -> None:
    """`strongest` gives what a run of these edges alone would."""
    few = kept[kept["pk_rank"] <= 60]
    chains = joined(few, 2)
    more = {"strongest_chains": {"length": 2}, "bottlenecks": {"limit": 200}}.get(name, {})
    answer = queries.query(name, gpt2, strongest=60, **more)
    pairs = {(a, b) for a, b in zip(few["source"], few["target"], strict=True)}
    if name == "strongest_chains":
        for length in (2, 3, 4):
            ends = [f"target_{i}" for i in range(length)]
            all_ = joined(few, length)[["source_0", *ends]].value_counts().to_dict()
            found = queries.query(name, gpt2, strongest=60, length=length, limit=10_000)["heads"]
            assert found.map(tuple).value_counts().to_dict() == all_
            assert length == 4 or len(all_) > 20
    elif name == "motif_counts":
        assert answer[answer["motif"] == "chain"]["count"].sum() == len(chains)
    elif name == "triangles":
        closed = chains.merge(few, left_on=["source_0", "target_1"], right_on=["source", "target"])
        columns = ["source_0", "target_0", "target_1"]
        found = queries.query(name, gpt2, strongest=60, limit=10_000)[["first", "middle", "last"]]
        assert found.value_counts().to_dict() == closed[columns].value_counts().to_dict()
        assert len(found) > 20
    else:
        open_ = chains[
            [
                (a, c) not in pairs
                for a, c in zip(chains["source_0"], chains["target_1"], strict=True)
            ]
        ]
        assert answer["share"].sum() == pytest.approx(
            len(open_[["source_0", "target_1"]].drop_duplicates())
        )
