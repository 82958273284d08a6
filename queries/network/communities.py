"""Communities of heads: groups with more strong edges inside than expected by chance."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from headgraph.base.names import GRAPH_PAIRINGS, head_key, parse_pairings
from headgraph.base.seeds import check_seed
from headgraph.base.spelling import argument
from headgraph.graphdb.connection.runner import Runner
from headgraph.queries.answers.cut import cut_note
from headgraph.queries.errors import ParameterError
from headgraph.queries.network.edges import chosen, edges_of

if TYPE_CHECKING:
    import pandas as pd

_CLEAR = "MATCH (h:Head {run: $run}) REMOVE h.community"
_WRITE = """
UNWIND $rows AS row
MATCH (h:Head {run: $run, name: row[0]}) SET h.community = row[1]
"""
_SHUFFLES = 3
_RECORD = "MATCH (r:Run {name: $run}) SET r += $record"


def communities(
    graph: Runner,
    /,
    *,
    run: str | None = None,
    pairings: Sequence[str] | str = GRAPH_PAIRINGS,
    resolution: float = 1.0,
    seed: int = 0,
    write: bool = False,
) -> "pd.DataFrame":
    """Groups of heads by the Louvain method, the largest first.

    Greedy growth of the modularity
        Q = 1 / (2 m) sum_ij (A_ij - resolution k_i k_j / (2 m)) [i and j in one group]
    where A_ij is the sum of normalised Projection Kernel times share over the edges between i and
    j, whatever their direction and pairing, k_i the sum of A_ij over j, and 2 m that of all k_i.

    Where users go wrong: Louvain finds groups in any graph, random graphs too, and another seed can
    find other groups. So compare the modularity with `attrs["modularity_shuffled"]`, the mean over
    three graphs with the same edges, whose targets are shuffled within each pair of layers: near
    it, the groups mean nothing. Heads without an edge are in no group.

    Args:
        graph: an open database.
        run: name of the run; None for the only run.
        pairings: pairings whose edges count.
        resolution: above 1, groups are smaller and more numerous; below 1, fewer and larger.
        seed: random seed for the order in which heads are visited; `write` records it.
        write: write `community` on the run's heads, for the stored query `communities`.

    Returns:
        `community` (1 the largest), `size`, `heads`; `attrs["modularity"]` is Q,
        `attrs["modularity_shuffled"]` that of shuffled edges, and `attrs["cut"]` says where the
        run is cut.

    Raises:
        UnknownName: there is no such run, or it has no edge of these pairings.
        ParameterError: `resolution` is not above 0, or not finite.

    References:
        Blondel et al. (2008), Fast unfolding of communities in large networks,
        doi:10.1088/1742-5468/2008/10/P10008.
    """
    import pandas as pd

    if not 0 < resolution < math.inf:
        raise ParameterError(
            f"{argument('resolution', resolution)}: expected a finite number above 0, such as 1"
        )
    seed = check_seed(seed, ParameterError)
    wanted = parse_pairings(pairings)
    name = chosen(run, graph)
    edges = edges_of(name, graph, wanted)
    groups, modularity = _louvain(edges, resolution, seed)
    frame = pd.DataFrame(
        [(number, len(heads), heads) for number, heads in enumerate(groups, start=1)],
        columns=["community", "size", "heads"],
    )
    frame.attrs |= {
        "modularity": modularity,
        "modularity_shuffled": _shuffled(edges, resolution, seed),
        "cut": cut_note(graph, [name]),
    }
    if write:
        record = {"seed": seed, "resolution": resolution, "modularity": modularity}
        _write(name, graph, groups, {**record, "pairings": list(wanted)})
    return frame


def _shuffled(edges: "pd.DataFrame", resolution: float, seed: int) -> float:
    """Mean modularity after the targets are shuffled within each pair of layers."""
    import numpy as np

    rng = np.random.default_rng(seed)
    layers = edges.groupby(["source_layer", "target_layer"], sort=True)["target"]
    found = [
        _louvain(
            edges.assign(target=layers.transform(lambda own: rng.permutation(own.to_numpy()))),
            resolution,
            seed,
        )[1]
        for _ in range(_SHUFFLES)
    ]
    return float(np.mean(found))


def _louvain(edges: "pd.DataFrame", resolution: float, seed: int) -> tuple[list[list[str]], float]:
    """Groups of heads in layer order, and their modularity."""
    import networkx as nx

    network: nx.Graph[str] = nx.Graph()
    # heads in layer order, so that one seed always visits them in the same order
    network.add_nodes_from(sorted({*edges["source"], *edges["target"]}, key=head_key))
    for source, target, weight in zip(
        edges["source"], edges["target"], edges["weight"], strict=True
    ):
        before = network.get_edge_data(source, target, {"weight": 0.0})["weight"]
        network.add_edge(source, target, weight=before + weight)
    found = nx.community.louvain_communities(network, resolution=resolution, seed=seed)
    modularity = nx.community.modularity(network, found, resolution=resolution)
    groups = [sorted(heads, key=head_key) for heads in found]
    return sorted(groups, key=lambda heads: (-len(heads), head_key(heads[0]))), float(modularity)


def _write(run: str, graph: Runner, groups: list[list[str]], record: dict[str, Any]) -> None:
    rows = [[head, number] for number, heads in enumerate(groups, start=1) for head in heads]
    record = {f"communities_{key}": value for key, value in record.items()}
    graph.write_all(
        [
            (_CLEAR, {"run": run}),
            (_WRITE, {"run": run, "rows": rows}),
            (_RECORD, {"run": run, "record": record}),
        ]
    )
