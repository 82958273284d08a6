"""Heads rotated at random within the span that their layer's weights use.

For a layer and a role, E (d x k) holds the eigenvectors of the sum over heads of W_h W_h^T (raw
weights) with the largest eigenvalues, as many as hold `ENERGY` of their sum. A rotation is

    R = E Q E^T + (I - E E^T),     Q uniform among the orthogonal k x k matrices (Haar)

and rotates all heads of that layer and role together, U_h -> R U_h. The span of E stays, the part
of a head outside it stays, and so does PK between heads of that layer in that role. Each layer and
role has its own rotation.

Assumes that no direction within the span of a layer and role is special to another layer. What
two heads share because their layers write and read the same part of R^d is then expected; what
they share within that part is not. The part outside the span is not rotated and stays in the null,
which is conservative.

Sampling: `samples` rotations of every layer and role. A pair is compared with the values of all
pairs between its two layers: n = samples x heads x heads, which share heads and rotations. Q is the
orthogonal factor of a matrix of normals, with the signs of Mezzadri (2007, Notices of the AMS
54:592-604).

Cost: d^3 for each layer and role; for each sample k^3 for each layer and role, 2 d k m for each
head, and the kernel of the whole table.
"""

from concurrent.futures import Executor
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headgraph.base.names import ROLES
from headgraph.base.progress import Progress
from headgraph.pk_engine.metrics.layer_order import Group
from headgraph.pk_engine.metrics.registry import METRICS, score
from headgraph.pk_engine.metrics.stacks import HeadStacks, Stack
from headgraph.pk_engine.models.interface import Weights
from headgraph.pk_engine.nulls.comparison import Comparisons, NullInputs, compare_by_cell
from headgraph.pk_engine.nulls.groups import GroupValues, by_group
from headgraph.pk_engine.scoring.group import Factors
from headgraph.pk_engine.scoring.spec import Spec

SAMPLES = 20
ENERGY = 0.95
ROTATING = "Rotating heads"

Spans = dict[tuple[str, int], NDArray[np.float32]]
"""(role, place of the layer in `shape.layers`) -> E, d x k."""
Pools = dict[int, NDArray[Any]]
"""Two layers, as one number -> values of PK."""


def rotations(inputs: NullInputs) -> Comparisons:
    """Compare every pair with all pairs between its two layers, their heads rotated."""
    pools: dict[str, Pools] = {pairing: {} for pairing in inputs.table.meta.pairings}
    part = partial(_values, inputs.seed, inputs.samples or SAMPLES)
    # the rotated heads lie beside the others
    for values in by_group(inputs, ROTATING, part, layer_order="forward", copies=2):
        for name, pool in pools.items():
            pool |= values[name]  # each pair of layers is in one group
    compared, layers = {}, inputs.weights.shape.n_layers
    for pairing, frame in inputs.table.frame.groupby("pairing", sort=False):
        cells = (frame["source_layer"] * layers + frame["target_layer"]).to_numpy()
        pk = frame["pk"].to_numpy()
        compared[str(pairing)] = compare_by_cell(pk, cells, pools[str(pairing)])
    return compared


def _values(
    seed: int,
    samples: int,
    spec: Spec,
    group: Group,
    *,
    factors: Factors,
    threads: Executor | None,
    progress: Progress,
) -> GroupValues[dict[str, Pools]]:
    """Pairing -> PK between the rotated heads of each two layers of a group."""
    sources, targets = factors.of(spec, group, threads, progress)
    source_spans = _spans(spec.weights, sources, threads)
    target_spans = source_spans if targets is sources else _spans(spec.weights, targets, threads)
    pools: dict[str, dict[int, list[NDArray[Any]]]] = {pairing: {} for pairing in spec.pairings}
    for sample in range(samples):
        progress(ROTATING, sample, samples)
        turned = rotated(sources, source_spans, seed, sample, threads)
        facing = turned
        if targets is not sources:
            facing = rotated(targets, target_spans, seed, sample, threads)
        _pool(pools, turned, facing, spec, threads)
    joined = {
        pairing: {cell: np.concatenate(parts) for cell, parts in pool.items()}
        for pairing, pool in pools.items()
    }
    return GroupValues(joined, sources.digests | targets.digests)


def _spans(weights: Weights, stacks: HeadStacks, threads: Executor | None) -> Spans:
    def of_layer(place: int) -> Spans:
        raw = weights.layer(weights.shape.layers[place].index)
        return {(role, place): span(raw[role]) for role in stacks.basis.heads}

    run = map if threads is None else threads.map
    found: Spans = {}
    for part in run(of_layer, stacks.layers):
        found |= part
    return found


def span(heads: NDArray[np.float32], energy: float = ENERGY) -> NDArray[np.float32]:
    """E, d x k, of one layer and role.

    Args:
        heads: heads x d x m raw weights.
        energy: share of the squared Frobenius norm that the span holds at least.
    """
    wide = heads.transpose(1, 0, 2).reshape(heads.shape[1], -1).astype(np.float64)
    values, vectors = np.linalg.eigh(wide @ wide.T)
    held = np.cumsum(values[::-1])
    k = int(np.searchsorted(held, energy * held[-1])) + 1
    return np.asarray(vectors[:, ::-1][:, :k], dtype=np.float32)


def haar(k: int, stream: list[int]) -> NDArray[np.float32]:
    """A uniformly random orthogonal k x k matrix."""
    normal = np.random.default_rng(stream).standard_normal((k, k), dtype=np.float32)
    q, r = np.linalg.qr(normal)
    return np.asarray(q * np.where(np.diag(r) < 0, -1, 1), dtype=np.float32)


def rotated(
    stacks: HeadStacks, spans: Spans, seed: int, sample: int, threads: Executor | None = None
) -> HeadStacks:
    """The same heads; every layer and role has its rotation of this sample."""
    turned = Stack.empty(stacks.shape, len(stacks.layers), stacks.basis.heads, stacks.backend)

    def turn(at: tuple[str, int]) -> None:
        role, layer = at
        row = layer - stacks.layers.start
        e = spans[at]
        basis = stacks.basis[role][row]  # heads x d x m
        inside = e.T @ basis  # heads x k x m
        q = haar(e.shape[1], [seed, sample, ROLES.index(role), layer])
        turned[role][row] = basis + e @ (q @ inside - inside)

    run = map if threads is None else threads.map
    places = [(role, layer) for role in stacks.basis.heads for layer in stacks.layers]
    list(run(turn, places))
    return HeadStacks(stacks.shape, stacks.layers, stacks.backend, turned, stacks.rank)


def _pool(
    pools: dict[str, dict[int, list[NDArray[Any]]]],
    sources: HeadStacks,
    targets: HeadStacks,
    spec: Spec,
    threads: Executor | None,
) -> None:
    """Add one sample's values to the pool of their pair of layers."""
    shape = sources.shape
    found = score(METRICS["pk"], sources, targets, spec.pairings, spec.layer_order, threads)
    for pairing in spec.pairings:
        wide, high = (shape.heads_of(role) for role in pairing)
        there = [
            stacks.rank[role].reshape(len(stacks.layers), -1) > 0
            for stacks, role in zip((sources, targets), pairing, strict=True)
        ]
        cells = found[pairing].reshape(len(sources.layers), wide, len(targets.layers), high)
        for i, source in enumerate(sources.layers):
            for j, target in enumerate(targets.layers):
                if source < target:
                    values = cells[i, there[0][i]][:, j][:, there[1][j]].ravel()
                    ends = shape.layers[source].index, shape.layers[target].index
                    pool = pools[pairing].setdefault(ends[0] * shape.n_layers + ends[1], [])
                    pool.append(values)
