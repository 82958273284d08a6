"""Patterns of edges in GPT-2's graph, and in graphs of backward pairs, which carry nothing.

    python -m benchmarks.decoy_patterns

Writes docs/data/decoy-patterns.csv, a row for each pattern. docs/studies/nulls.md takes its table
from it (cog), and the descriptions of stored queries what they say of backward pairs.
"""

from collections.abc import Callable
from importlib.metadata import version

import networkx as nx
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.common import DOCS, SHARED, table
from headgraph.pk_engine import Selection, compute

FILE = DOCS / "data" / "decoy-patterns.csv"
FAR = 8
Edges = dict[str, NDArray[np.float64]]
"""Of each pairing, heads x heads: PK of the edges, 0 elsewhere."""


def main() -> None:
    """Score all pairs of GPT-2 small, count patterns in three graphs, and write the data file."""
    model = compute(
        SHARED / "models" / "gpt2-attention", selection=Selection(), layer_order="all", decoys=False
    )
    meta = model.meta
    ends = [
        model.frame[f"{end}_{part}"] for end in ("source", "target") for part in ("layer", "head")
    ]
    source, target = (layer * meta.n_heads + head for layer, head in (ends[:2], ends[2:]))
    frame = model.frame.assign(source=source, target=target, apart=ends[2] - ends[0])
    graphs = {"forward": Edges(), "as_strong": Edges(), "as_many": Edges()}
    for pairing, rows in frame.groupby("pairing", sort=False):
        forward, backward = rows[rows["apart"] > 0], rows[rows["apart"] < 0]
        kept = forward.nlargest(int(np.ceil(0.03 * len(forward))), "pk")
        chosen = (
            kept,
            backward[backward["pk"] >= kept["pk"].min()],
            backward.nlargest(len(kept), "pk"),
        )
        for edges, of in zip(graphs.values(), chosen, strict=True):
            edges[str(pairing)] = np.zeros((meta.head_count, meta.head_count))
            edges[str(pairing)][of["source"], of["target"]] = of["pk"]
    layers = np.repeat(np.arange(meta.n_layers), meta.n_heads)
    apart = np.abs(layers - layers[:, None])
    counts: dict[str, Callable[[Edges], float]] = {
        "edges": lambda g: sum((m > 0).sum() for m in g.values()),
        f"edges over {FAR} layers or more": lambda g: sum(
            (m[apart >= FAR] > 0).sum() for m in g.values()
        ),
        "pairs that meet in OQ, OK and OV": lambda g: (
            np.prod([m > 0 for m in g.values()], 0)
        ).sum(),
        "triangles": _triangles,
        "modularity of the communities": _modularity,
    }
    rows = [
        {"pattern": name, **{kind: count(edges) for kind, edges in graphs.items()},
         "headgraph": version("headgraph")}
        for name, count in counts.items()
    ]  # fmt: skip
    pd.DataFrame(rows).to_csv(FILE, index=False, float_format="%.6g")


def _triangles(graph: Edges) -> int:
    """Chains of two edges whose ends share an edge too, in all pairings."""
    every = sum((edges > 0).astype(int) for edges in graph.values())
    return int(((every @ every) * every).sum())


def _modularity(graph: Edges) -> float:
    """Of the Louvain communities, as `headgraph communities` weighs them."""
    weights = np.add.reduce(list(graph.values()))
    network = nx.from_numpy_array(weights + weights.T)
    network.remove_nodes_from(list(nx.isolates(network)))
    return nx.community.modularity(network, nx.community.louvain_communities(network, seed=0))


def patterns() -> str:
    """The table of docs/studies/nulls.md, from the data file."""
    rows = pd.read_csv(FILE)
    kinds = ["forward", "as_strong", "as_many"]
    body = [
        [
            r["pattern"],
            *(f"{r[kind]:,.0f}" if r["forward"] > 1 else f"{r[kind]:.2f}" for kind in kinds),
        ]
        for r in rows.to_dict("records")
    ]
    head = ["in GPT-2 small", "top 3 %", "backward pairs as strong", "as many backward pairs"]
    return table(head, body)


if __name__ == "__main__":
    main()
