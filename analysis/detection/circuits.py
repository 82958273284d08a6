"""Whether the heads of a task's circuit have higher PK with each other than random heads."""

import os
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from headgraph.analysis._tables import full_table
from headgraph.analysis.errors import AnalysisError
from headgraph.analysis.unequal import refuse_unequal
from headgraph.base.names import GRAPH_PAIRINGS
from headgraph.base.seeds import check_seed
from headgraph.base.spelling import argument
from headgraph.pk_engine.labels import labels_for
from headgraph.pk_engine.models.interface import Model
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.pk_engine.table.meta import TableMeta
from headgraph.pk_engine.table.selection import Selection

TOP = Selection(top_percent=3)


def circuits(
    model: Model | AffinityTable,
    *,
    labels: str | os.PathLike[str] | None = None,
    samples: int = 10_000,
    seed: int = 0,
    revision: str | None = None,
) -> pd.DataFrame:
    """Mean z among a circuit's heads, beside sets of heads drawn at random.

    The heads of a circuit are those labelled with it, whatever their role. A random set has as many
    heads in every layer as the circuit, so that neither its size nor its layers can explain a
    difference; it may hold labelled heads too. The test statistic is the mean z over all pairs, in
    forward order, of heads of the set:

        p = (1 + random sets with a mean at least as high) / (1 + samples)

    Where users go wrong: each circuit was found by searching for heads that matter to one task on
    some prompts. A dense circuit says that its heads could read each other, not that the task uses
    the dense pairs. p is not corrected for testing several circuits and pairings.

    Args:
        model: a model as for `compute`, or a table of all pairs of OQ, OK and OV.
        labels: None for the bundled labels, or a label file with a column `circuit`.
        samples: number of random sets.
        seed: random seed for the sets.
        revision: branch, tag or commit of a hub id.

    Returns:
        `circuit`, `pairing`, `heads`, `pairs`, `mean_z`, `random_mean`, `random_low`, `random_high`
        (of the middle 95 % of sets), `p`, `top_share` (of its pairs in the pairing's top 3 %) with
        `top_random` and `top_p` (its mean over random sets, and p of it), `samples`, `seed`.

    Raises:
        AnalysisError: no label names a circuit, or all heads of a circuit are in one layer.
    """
    if samples < 1:
        raise AnalysisError(
            f"{argument('samples', samples)}: expected a whole number of at least 1"
        )
    seed = check_seed(seed, AnalysisError)
    table = full_table(model, GRAPH_PAIRINGS, revision=revision)
    refuse_unequal(table.meta, "circuits")
    meta, rows = table.meta, labels_for(table.meta, labels)
    rows = rows[rows["circuit"] != ""]
    if rows.empty:
        raise AnalysisError(
            f"no label of {meta.model} names a circuit: give {argument('labels', 'FILE')} with the "
            "columns layer,head,role,circuit"
        )
    matrices = {pairing: _matrices(table, pairing) for pairing in GRAPH_PAIRINGS}
    found = []
    for name, part in rows.groupby("circuit"):
        members = np.unique(part["layer"] * meta.n_heads + part["head"])
        drawn = _drawn(members, meta, samples, np.random.default_rng(seed))
        found += [
            _row(str(name), pairing, members, drawn, matrices[pairing], samples, seed)
            for pairing in GRAPH_PAIRINGS
        ]
    return pd.DataFrame(found)


def _row(
    circuit: str,
    pairing: str,
    members: NDArray[Any],
    drawn: NDArray[np.bool_],
    matrices: tuple[NDArray[Any], NDArray[Any], NDArray[Any]],
    samples: int,
    seed: int,
) -> dict[str, Any]:
    z, there, top = matrices
    own = np.zeros((1, len(z)), bool)
    own[0, members] = True
    pairs = _sums(own, there)
    if not pairs[0]:
        raise AnalysisError(
            f"the circuit {circuit} has its heads in one layer, so no pair of {pairing}: expected "
            "heads of several layers"
        )
    mean = float(_sums(own, z)[0] / pairs[0])
    random = _sums(drawn, z) / _sums(drawn, there)
    low, high = np.quantile(random, [0.025, 0.975])
    share, shares = float(_sums(own, top)[0] / pairs[0]), _sums(drawn, top) / _sums(drawn, there)
    return {
        "circuit": circuit,
        "pairing": pairing,
        "heads": len(members),
        "pairs": int(pairs[0]),
        "mean_z": mean,
        "random_mean": float(random.mean()),
        "random_low": float(low),
        "random_high": float(high),
        "p": float((1 + (random >= mean).sum()) / (1 + samples)),
        "top_share": share,
        "top_random": float(shares.mean()),
        "top_p": float((1 + (shares >= share).sum()) / (1 + samples)),
        "samples": samples,
        "seed": seed,
    }


def _sums(sets: NDArray[np.bool_], matrix: NDArray[Any]) -> NDArray[np.float64]:
    """Sum over the pairs within each set: sets x heads, heads x heads."""
    member = sets.astype(float)
    return np.asarray(((member @ matrix) * member).sum(1))


def _drawn(
    members: NDArray[Any], meta: TableMeta, samples: int, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Random sets with as many heads in each layer."""
    counts = np.bincount(members // meta.n_heads, minlength=meta.n_layers)
    order = rng.random((samples, meta.n_layers, meta.n_heads)).argsort(-1).argsort(-1)
    return np.asarray((order < counts[:, None]).reshape(samples, -1))


def _matrices(
    table: AffinityTable, pairing: str
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """z, whether a pair is scored, and whether it is in the top 3 %: heads x heads."""
    meta = table.meta
    size = meta.n_layers * meta.n_heads
    edges = table.edges()
    edges = edges[edges["pairing"] == pairing]
    source = (edges["source_layer"] * meta.n_heads + edges["source_head"]).to_numpy()
    target = (edges["target_layer"] * meta.n_heads + edges["target_head"]).to_numpy()
    found = np.zeros((3, size, size))
    found[0, source, target] = edges["z"]
    found[1, source, target] = 1
    found[2, source, target] = edges["pk_rank"] <= TOP.limit(meta.scored[pairing])
    return found[0], found[1], found[2]
