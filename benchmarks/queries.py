"""How fast stored queries answer, at GPT-2's size and at 1,000,000 edges: `make bench-queries`.

Needs a Neo4j that may be written to (NEO4J_URI or the local server): two runs of 5,120 heads and
1,000,000 edges are loaded and stay until `headgraph drop`. Writes docs/project/performance.md.
"""

import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.common import machine, seconds, table, write
from headgraph import graphdb, loader, queries
from headgraph.base.names import PAIRINGS
from headgraph.graphdb import Graph
from headgraph.pk_engine import AffinityTable, Selection
from headgraph.pk_engine.bundled import table_path
from headgraph.pk_engine.metrics.copying import HEAD_SCORES
from headgraph.queries.errors import UnknownName
from headgraph.queries.stored_queries.query import Query

ROUNDS, FEWEST, WARM = 20, 3, 10
PATIENCE = 3.0
"""Seconds for one query; a slow one then gets fewer rounds, and the table says how many."""
LAYERS, HEADS = 80, 64
LARGE = {"OQ": 330_000, "OK": 330_000, "OV": 330_000, "QQ": 5_000, "OO": 5_000}
RUNS = {"GPT-2 small, 858 edges": "bench-gpt2", "5,120 heads, 1,000,000 edges": "bench-large"}
VALUES = {
    "bench-gpt2": {
        "head": "L4H7",
        "source": "L0H1",
        "target": "L9H9",
        "first": "L5H1",
        "second": "L5H5",
        "writer": "previous_token",
        "reader": "induction",
        "other": "bench-gpt2-other",
    },
    "bench-large": {
        "head": "L27H36",  # of all heads the one that most paths go through
        "source": "L3H1",
        "target": "L70H9",
        "first": "L40H1",
        "second": "L40H2",
        "writer": "previous_token",
        "reader": "induction",
        "other": "bench-large-other",
    },
}


def synthetic(seed: int, names: AffinityTable, sizes: Mapping[str, int] = LARGE) -> AffinityTable:
    """The strongest of a model of 80 layers with 64 heads, hubs among them; no model has them."""
    rng = np.random.default_rng(seed)
    # the same hubs in both runs, so that their difference has all three kinds of change
    popular = np.random.default_rng(0).lognormal(0, 1, (2, LAYERS * HEADS))
    parts = [_pairing(rng, popular, pairing, size) for pairing, size in sizes.items()]
    frame = pd.concat(parts, ignore_index=True)
    scored = LAYERS * (LAYERS - 1) // 2 * HEADS * HEADS
    pairings = sorted(sizes, key=PAIRINGS.index)
    moment = names.meta.moments["OQ"]
    meta = replace(
        names.meta,
        model="bench/synthetic",
        fingerprint=f"{seed:064x}",
        n_layers=LAYERS,
        n_heads=HEADS,
        n_kv_heads=HEADS,
        pairings=pairings,
        scored=dict.fromkeys(pairings, scored),
        moments=dict.fromkeys(pairings, moment),
        decoys={},
        heads={name: rng.uniform(0, 1, (LAYERS, HEADS)).round(3).tolist() for name in HEAD_SCORES},
        selection=[Selection(top=max(sizes.values())).to_json()],
        series="bench",
        step=float(seed),
    )
    return AffinityTable(frame, meta)


def _pairing(
    rng: np.random.Generator, popular: "np.ndarray[Any, Any]", pairing: str, size: int
) -> pd.DataFrame:
    heads = LAYERS * HEADS
    weight = popular / popular.sum(axis=1, keepdims=True)
    source = rng.choice(heads, 4 * size, p=weight[0])
    target = rng.choice(heads, 4 * size, p=weight[1])
    pairs = np.unique(np.stack([source, target], 1)[source // HEADS < target // HEADS], axis=0)
    pairs = pairs[rng.permutation(len(pairs))[:size]]
    # strong with the two heads' popularity, and a part that is the pair's own
    strength = np.log(popular[0, pairs[:, 0]] * popular[1, pairs[:, 1]]) + rng.normal(0, 1, size)
    order = np.lexsort((pairs[:, 1], pairs[:, 0], -strength))
    pk = (8 + 40 / (1 + np.exp(-strength[order] / 3))).astype(np.float32)
    # float32 makes ties of what was none: places go by what is stored
    order = order[np.lexsort((pairs[order, 1], pairs[order, 0], -pk))]
    pk = np.sort(pk)[::-1]
    ends = pairs[order]
    return pd.DataFrame(
        {
            "pairing": pairing,
            "source_layer": ends[:, 0] // HEADS,
            "source_head": ends[:, 0] % HEADS,
            "target_layer": ends[:, 1] // HEADS,
            "target_head": ends[:, 1] % HEADS,
            "pk": pk,
            "pk_normalized": pk / 64,
            "z": (pk - 5.333) / 0.108,
            "pk_rank": np.arange(1, size + 1),
            "cs": rng.random(size),
        }
    )


def load_runs(graph: Graph) -> None:
    """The runs; what is there already stays."""
    gpt2 = AffinityTable.read(table_path("gpt2-small"))
    top = Selection(top_percent=3)
    meta = replace(gpt2.meta, series="bench-gpt2", step=1.0)
    checkpoint = AffinityTable(gpt2.columns, meta)
    loader.load(checkpoint, graph, run="bench-gpt2", selection=top)
    loader.load(gpt2, graph, run="bench-gpt2-other", selection=Selection(top_percent=2))
    for seed, run in enumerate(("bench-large", "bench-large-other")):
        start = time.perf_counter()
        loader.load(synthetic(seed, gpt2), graph, run=run, labels="none")
        print(f"{run}: there after {time.perf_counter() - start:.1f} s")
    for run in RUNS.values():
        known = graph.read("MATCH (r:Run {name: $run}) RETURN r.communities_seed", {"run": run})
        if known.rows[0][0] is None:  # minutes where there are a million edges
            queries.communities(graph, run=run, write=True)


def latencies(work: Callable[[], Any]) -> list[float]:
    """Seconds of each round, after some that do not count."""
    warm = [seconds(work)]
    while len(warm) < WARM and sum(warm) < 1:
        warm.append(seconds(work))
    found: list[float] = []
    while len(found) < ROUNDS and (len(found) < FEWEST or sum(found) < PATIENCE):
        found.append(seconds(work))
    return found


def arguments(query: Query, values: Mapping[str, str]) -> dict[str, str]:
    """Values for what has no default."""
    return {name: value for name, value in values.items() if name in query.params}


def ask_all(graph: Graph) -> None:
    """Each question once, so that none of those timed first pays for what all of them need."""
    for query in queries.catalogue().values():
        for run in RUNS.values():
            with suppress(UnknownName):
                queries.query(query.name, graph, run=run, **arguments(query, VALUES[run]))


def main() -> None:
    """Load, ask each query many times, and write the table."""
    rows, load = [], [os.getloadavg()[1]]
    with graphdb.connect() as graph:
        load_runs(graph)
        ask_all(graph)
        for query in queries.catalogue().values():
            cells = [f"`{query.name}`"]
            for run in RUNS.values():
                given = arguments(query, VALUES[run])
                try:
                    took = latencies(lambda: queries.query(query.name, graph, run=run, **given))  # noqa: B023
                except UnknownName:  # a circuit, of which the synthetic run has none
                    cells += ["refused", "", ""]
                    continue
                middle, high = 1000 * np.percentile(took, [50, 95])
                cells += [f"{middle:,.0f}", f"{high:,.0f}", str(len(took))]
            print(*cells, flush=True)
            rows.append(cells)
    head = ["query", *(f"{what}" for size in RUNS for what in (f"{size}: median ms", "95 %", "n"))]
    load.append(os.getloadavg()[1])
    busy = (
        f"The machine's load over five minutes was {load[0]:.1f} before and {load[1]:.1f} after; "
        "client and server account for up to 2 of it, and other programs for the rest."
    )
    write("stored queries", f"{machine('neo4j', rounds=ROUNDS)} {busy}\n\n{table(head, rows)}")


if __name__ == "__main__":
    main()
