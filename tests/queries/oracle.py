"""Answers about GPT-2's graph out of pandas and networkx, for tests that compare the server's."""

import warnings

import networkx as nx
import pandas as pd


def head_key(name: str) -> tuple[int, int]:
    layer, head = name[1:].split("H")
    return int(layer), int(head)


def same(answer: pd.DataFrame, expected: pd.DataFrame) -> None:
    """Rows in the same order; scores are float32 in both."""
    expected = expected[list(answer.columns)].reset_index(drop=True)
    with warnings.catch_warnings():  # in pandas 2, None and NaN may both stand for a missing text
        warnings.filterwarnings("ignore", "Mismatched null-like values", FutureWarning)
        pd.testing.assert_frame_equal(answer, expected, check_dtype=False)


def hub_table(edges: pd.DataFrame, pairings: list[str]) -> pd.DataFrame:
    edges = edges[edges["pairing"].isin(pairings)]
    weighed = edges.assign(
        out=edges["z"].astype(float) * edges["share"], z=edges["z"].astype(float)
    )
    into = weighed.groupby("target").agg(inlet=("z", "sum"), edges_in=("z", "size"))
    out = weighed.groupby("source").agg(outlet=("out", "sum"), edges_out=("out", "size"))
    table = into.join(out, how="outer").fillna(0)
    positive = (table["inlet"] > 0) & (table["outlet"] > 0)
    table["both"] = (table["inlet"] * table["outlet"]).where(positive, 0).pow(0.5)
    table["sum"] = table["inlet"] + table["outlet"]
    table["place"] = [head_key(str(name)) for name in table.index]
    table = table.sort_values("place").sort_values(["both", "sum"], ascending=False, kind="stable")
    return table.rename_axis("head").reset_index()


def as_graph(kept: pd.DataFrame) -> "nx.MultiDiGraph[str]":
    """The edges with their scores in double precision, keyed by pairing."""
    graph: nx.MultiDiGraph[str] = nx.MultiDiGraph()
    for e in kept.itertuples():
        graph.add_edge(e.source, e.target, e.pairing, pk=float(e.pk), normal=float(e.pk_normalized),
                       decoy_q=float(e.decoy_q))  # fmt: skip
    return graph
