"""Motifs against random graphs: patterns that the degrees of the heads do not explain."""

from collections.abc import Mapping
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from headgraph.base.names import GRAPH_PAIRINGS
from headgraph.base.seeds import check_seed
from headgraph.base.spelling import argument
from headgraph.base.text import quoted
from headgraph.graphdb.connection.runner import Runner
from headgraph.queries.answers.cut import cut_note
from headgraph.queries.errors import ParameterError, UnknownName
from headgraph.queries.network.edges import RUNS, chosen, edges_of

if TYPE_CHECKING:
    import pandas as pd

Counts = dict[tuple[str, str, str, str | None], int]


def motifs(
    graph: Runner,
    /,
    *,
    run: str | None = None,
    samples: int = 100,
    swaps: int = 10,
    strongest: int = 1000,
    seed: int = 0,
) -> "pd.DataFrame":
    """Doubles and triangles of a run, compared with random graphs of the same degrees.

    Each sample begins with the run's edges and swaps targets: a -> b and c -> d of one pairing
    become a -> d and c -> b, unless the sample has one of these already or a swap changes the
    direction in which an edge crosses layers. So every head keeps the number of edges that enter it
    and that leave it, by pairing. `z` = (count - mean) / sd over the samples; `p` = (1 + samples
    with at least as many) / (1 + samples), one-sided and not corrected for the number of motifs.

    Random graphs lack what overlap alone makes: heads that overlap with a third often overlap with
    each other. GPT-2's backward pairs, which carry nothing, form as many motifs as its edges
    (docs/studies/nulls.md), so a low p is no sign of function.

    Chains and fans are not listed: their numbers follow from the degrees alone. Edges of a head to
    itself, which runs of some layer orders have, are left out.

    Args:
        graph: an open database.
        run: name of the run; None for the only run.
        samples: number of random graphs.
        swaps: swaps to try for each edge of a sample.
        strongest: edges of each pairing that count, strongest first.
        seed: random seed for the swaps.

    Returns:
        `motif` (double or triangle), `first`, `second`, `direct` (pairings as in the stored query
        `motif_counts`), `count`, `mean`, `sd`, `z` (None where sd is 0), `p`; the largest z first.

    Raises:
        UnknownName: there is no such run, or it has no edge of OQ, OK and OV between two heads.
        ParameterError: `samples`, `swaps` or `strongest` is below 1, or `seed` below 0.

    References:
        Milo et al. (2002), Network motifs, doi:10.1126/science.298.5594.824; Maslov and Sneppen
        (2002), doi:10.1126/science.1065103.
    """
    least = {"samples": (samples, 1), "swaps": (swaps, 1), "strongest": (strongest, 1)}
    for name, (value, low) in least.items():
        if value < low or value % 1:
            raise ParameterError(
                f"{argument(name, value)}: expected a whole number of at least {low}"
            )
    seed = check_seed(seed, ParameterError)
    run = chosen(run, graph)
    edges = edges_of(run, graph, GRAPH_PAIRINGS, strongest)
    edges = edges[edges["source"] != edges["target"]]
    if edges.empty:
        raise UnknownName(
            f"run {quoted(run)} has no edge of {', '.join(GRAPH_PAIRINGS)} between two heads: see "
            f"{RUNS}"
        )
    layers, ends = _numbered(edges)
    rng = np.random.default_rng(seed)
    random = [
        count_motifs({p: swapped(own, layers, swaps, rng) for p, own in ends.items()}, len(layers))
        for _ in range(samples)
    ]
    frame = _compared(count_motifs(ends, len(layers)), random)
    frame.attrs |= {"seed": seed, "cut": cut_note(graph, [run])}
    return frame


def _numbered(edges: "pd.DataFrame") -> tuple[Any, dict[str, Any]]:
    """Layer of each head, and for each pairing the edges as numbers of heads."""
    import pandas as pd

    names = pd.unique(pd.concat([edges["source"], edges["target"]]))
    number = {name: place for place, name in enumerate(names)}
    layers = np.zeros(len(names), dtype=np.int64)
    for end in ("source", "target"):
        layers[edges[end].map(number).to_numpy()] = edges[f"{end}_layer"].to_numpy()
    ends = {
        str(pairing): np.stack([own[end].map(number).to_numpy() for end in ("source", "target")], 1)
        for pairing, own in edges.groupby("pairing")
    }
    return layers, ends


def swapped(ends: Any, layers: Any, swaps: int, rng: np.random.Generator) -> Any:
    """Edges with their targets exchanged at random.

    Degrees stay, and so does the direction in which each edge crosses layers.

    Args:
        ends: edges x 2, numbers of heads; each edge once.
        layers: layer of each head.
        swaps: swaps to try for each edge.
        rng: random generator.
    """
    edges = [tuple(edge) for edge in ends.tolist()]
    there, layer = set(edges), layers.tolist()
    if len(edges) < 2:
        return ends
    for i, j in rng.integers(len(edges), size=(swaps * len(edges), 2)).tolist():
        (a, b), (c, d) = edges[i], edges[j]
        new = (a, d), (c, b)
        if new[0] in there or new[1] in there or a == d or c == b:
            continue
        if _way(layer, a, b) != _way(layer, a, d) or _way(layer, c, d) != _way(layer, c, b):
            continue
        there -= {(a, b), (c, d)}
        there |= set(new)
        edges[i], edges[j] = new
    return np.array(edges)


def _way(layer: list[int], source: int, target: int) -> int:
    """1 to a later layer, 0 within a layer, -1 to an earlier layer."""
    step = layer[target] - layer[source]
    return (step > 0) - (step < 0)


def count_motifs(ends: Mapping[str, Any], n_heads: int) -> Counts:
    """Doubles and triangles by pairing.

    Args:
        ends: for each pairing, edges x 2 numbers of heads.
        n_heads: number of heads.
    """
    from scipy.sparse import csr_array

    matrices = {
        pairing: csr_array((np.ones(len(own)), (own[:, 0], own[:, 1])), shape=(n_heads, n_heads))
        for pairing, own in sorted(ends.items())
    }
    counts: Counts = {
        ("double", p, q, None): int(a.multiply(b).sum())
        for (p, a), (q, b) in combinations(matrices.items(), 2)
    }
    for p, a in matrices.items():
        for q, b in matrices.items():
            chains = a @ b
            for r, c in matrices.items():
                counts["triangle", p, q, r] = int(chains.multiply(c).sum())
    return counts


def _compared(counts: Counts, random: list[Counts]) -> "pd.DataFrame":
    import pandas as pd

    rows = []
    for key, count in counts.items():
        sample = np.array([other[key] for other in random], dtype=float)
        mean, sd = float(sample.mean()), float(sample.std(ddof=1)) if len(sample) > 1 else 0.0
        p = (1 + int((sample >= count).sum())) / (1 + len(sample))
        rows.append((*key, count, mean, sd, (count - mean) / sd if sd else None, p))
    columns = ["motif", "first", "second", "direct", "count", "mean", "sd", "z", "p"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.sort_values(["motif", "z"], ascending=[True, False], ignore_index=True)
