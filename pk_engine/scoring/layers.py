"""A pass over a model's layers, which are read, hashed, factored and put into stacks."""

import hashlib
from collections.abc import Iterable, Mapping
from concurrent.futures import Executor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headgraph.base.names import ROLES
from headgraph.base.progress import Progress
from headgraph.pk_engine.linalg.array_ops import to_numpy
from headgraph.pk_engine.linalg.backends import Backend
from headgraph.pk_engine.linalg.buffers import Buffers
from headgraph.pk_engine.linalg.scaling import scaled
from headgraph.pk_engine.metrics.copying import HEAD_SCORES, copying, self_overlap
from headgraph.pk_engine.metrics.stacks import HeadStacks, Stack
from headgraph.pk_engine.models.interface import Layer, Weights
from headgraph.pk_engine.models.shape import ModelShape
from headgraph.pk_engine.scoring.device import Products, fill_whole, fills_whole

_SAFE = 4
"""Binary exponents of entries of which scores of raw weights multiply up to eight in float32."""


def collect(
    weights: Weights,
    roles: Iterable[str],
    *,
    layers: range | None = None,
    factors: Iterable[str] = ("basis",),
    backend: Backend | None = None,
    progress: Progress | None = None,
    executor: Executor | None = None,
) -> HeadStacks:
    """Read each layer once and return the factors that the scores need.

    Args:
        weights: the model.
        roles: roles whose bases are needed.
        layers: the layers to read, as places in `shape.layers`; all by default.
        factors: factors besides bases: `raw`, `composition`. Bases are always there.
        backend: the array library and device of the stacks; NumPy by default.
        progress: called after each layer.
        executor: where layers are read and factored; the caller's thread by default.
    """
    layers = range(len(weights.shape.layers)) if layers is None else layers
    backend = backend or Backend()
    stacks = allocate(weights.shape, roles, layers, factors, backend)
    buffers = backend.buffers()
    backend.wait()

    def read(place: int) -> bytes:
        layer = weights.shape.layers[place].index
        raw = weights.raw_layer(layer, buffers)
        matrices = weights.processed(layer, raw)
        with backend.beside():
            own = fill(stacks, place, matrices, buffers)
        if "V" in stacks.rank:
            stacks.head_scores[layer] = (
                head_scores(matrices, place, backend, stacks)
                if own is None
                else own.head_scores(matrices)
            )
        return layer_digest(raw)

    run = map if executor is None else executor.map
    for done, (place, digest) in enumerate(zip(layers, run(read, layers), strict=True), start=1):
        stacks.digests[weights.shape.layers[place].index] = digest
        if progress:
            progress("Reading layers", done, len(layers))
    return stacks


def allocate(
    shape: ModelShape,
    roles: Iterable[str],
    layers: range,
    factors: Iterable[str],
    backend: Backend,
) -> HeadStacks:
    """Uninitialised stacks for these layers; arguments as for `collect`."""
    wanted, factors = set(roles), set(factors)
    heads = {role: shape.heads_of(role) for role in ROLES if role in wanted}

    def memory(heads: dict[str, int]) -> Stack:
        return Stack.empty(shape, len(layers), heads, backend)

    ranks = {role: np.zeros(len(layers) * count, np.int64) for role, count in heads.items()}
    stacks = HeadStacks(shape, layers, backend, memory(heads), ranks)
    if "raw" in factors:
        stacks.raw = memory(heads)
    if "composition" in factors:
        stacks.writes = memory({"O": shape.n_heads})
        stacks.reads = memory(dict.fromkeys("QKV", shape.n_heads))
    return stacks


def head_scores(
    matrices: Layer, place: int, backend: Backend, stacks: HeadStacks | None = None
) -> NDArray[np.float64]:
    """`copying` and `self_overlap` of a layer's query heads, 2 x heads.

    Args:
        matrices: the layer's matrices, as they are scored.
        place: its place in `shape.layers`.
        backend: where and in which precision bases are computed, the same for all layers.
        stacks: stacks of this backend that may have bases of V or O; others are computed.
    """
    group = len(matrices["O"]) // len(matrices["V"])
    basis, rank = {}, {}
    for role in "VO":
        if stacks is not None and role in stacks.rank:
            at, heads = place - stacks.layers.start, len(matrices[role])
            d = matrices[role].shape[1]
            basis[role] = to_numpy(stacks.basis[role][at])[:heads, :d]
            rank[role] = stacks.rank[role].reshape(len(stacks.layers), -1)[at, :heads]
        else:
            stored = matrices[role].astype(backend.dtype, copy=False)
            found = backend.factored(backend.array(stored), stored, None)
            basis[role], rank[role] = to_numpy(found.basis), found.rank
    values, value_basis, value_rank = (
        per_query_head(it, "V", group) for it in (matrices["V"], basis["V"], rank["V"])
    )
    return np.stack(
        [
            copying(values, matrices["O"]),
            self_overlap(value_basis, basis["O"], np.minimum(value_rank, rank["O"])),
        ]
    )


def all_head_scores(
    weights: Weights,
    known: Mapping[int, NDArray[np.float64]],
    backend: Backend,
    executor: Executor | None = None,
    layers: range | None = None,
) -> dict[int, NDArray[np.float64]]:
    """Layer -> its `head_scores`.

    Args:
        weights: the model; layers without known scores are read.
        known: layer -> its `head_scores`.
        backend: that of the known ones.
        executor: where layers are read; the caller's thread by default.
        layers: places in `shape.layers` of the layers that must be there; all by default.
    """
    shape = weights.shape
    layers = range(len(shape.layers)) if layers is None else layers
    unknown = [place for place in layers if shape.layers[place].index not in known]

    def of_layer(place: int) -> NDArray[np.float64]:
        return head_scores(weights.layer(shape.layers[place].index), place, backend)

    run = map if executor is None else executor.map
    read = [shape.layers[place].index for place in unknown]
    return {**known, **dict(zip(read, run(of_layer, unknown), strict=True))}


def rounded(
    scores: Mapping[int, NDArray[np.float64]], shape: ModelShape
) -> dict[str, list[list[float | None]]]:
    """`copying` and `self_overlap` of every query head, with 6 significant digits.

    Heads that a layer lacks have None.

    Args:
        scores: layer -> its `head_scores`.
        shape: the model's sizes.
    """
    found = np.full((shape.n_layers, len(HEAD_SCORES), shape.n_heads), np.nan)
    for layer in shape.layers:
        if layer.index in scores:
            found[layer.index, :, : layer.n_heads] = scores[layer.index]
    return {
        name: [[None if np.isnan(x) else float(f"{x:.6g}") for x in layer[at]] for layer in found]
        for at, name in enumerate(HEAD_SCORES)
    }


def layer_digest(raw: Layer) -> bytes:
    """sha256 over a layer's Q, K, V, O in turn, each heads x d_model x width in float32."""
    digest = hashlib.sha256()
    for role in ROLES:
        digest.update(raw[role].data)
    return digest.digest()


def fingerprint(weights: Weights, digests: Mapping[int, bytes]) -> str:
    """sha256 over the layers' digests: equal for equal weights in any file format.

    Layers without a digest are read.
    """
    whole = hashlib.sha256()
    for layer in weights.shape.layers:
        at = layer.index
        whole.update(digests.get(at) or layer_digest(weights.raw_layer(at)))
    return whole.hexdigest()


def fill(
    stacks: HeadStacks, number: int, matrices: Layer, buffers: Buffers | None = None
) -> Products | None:
    """Factor a layer's matrices and put the factors into the stacks.

    Args:
        stacks: stacks that have this layer.
        number: the layer's place in `shape.layers`.
        matrices: its matrices, as they are scored.
        buffers: memory for copies, in the place of new memory.

    Returns:
        What head scores need, if a GPU has it at hand.
    """
    backend, layer = stacks.backend, number - stacks.layers.start
    if stacks.raw is not None or stacks.writes is not None:
        # these scores ignore the size of a matrix, but products of huge or tiny ones overflow
        matrices = {role: scaled(stack, _SAFE) for role, stack in matrices.items()}
    if backend.factors_here and fills_whole(stacks, matrices):
        return fill_whole(stacks, layer, matrices)
    buffers = buffers or Buffers()
    factor = {}
    for role in ROLES if stacks.writes is not None else stacks.rank:
        stored: NDArray[Any] = matrices[role]
        if stored.dtype != backend.dtype:
            stored = buffers.copy("converted", stored, backend.dtype)
        here = backend.array(stored)
        kept = None
        if role in stacks.rank:
            kept = _place(stacks.basis[role].mT[layer], here)
        found = backend.factored(here, stored, kept, buffers)
        if stacks.writes is not None:
            factor[role] = found.factor
        if role in stacks.rank:
            stacks.rank[role].reshape(len(stacks.layers), -1)[layer, : len(here)] = found.rank
            if stacks.raw is not None:
                _place(stacks.raw[role].mT[layer], here)[...] = here.mT
    if stacks.writes is not None and stacks.reads is not None:
        _fill_composition(stacks.writes, stacks.reads, layer, matrices, factor, backend)
    return None


def _fill_composition(
    writes: Stack,
    reads: Stack,
    layer: int,
    matrices: Layer,
    factor: dict[str, Any],
    backend: Backend,
) -> None:
    # one row for each query head: heads of a group share the matrices of a key/value head
    group = len(matrices["Q"]) // len(matrices["K"])
    wide = {r: backend.array(per_query_head(matrices[r], r, group)) for r in ROLES}
    r_t = {r: backend.array(per_query_head(to_numpy(factor[r]), r, group)).mT for r in ROLES}
    _put(writes["O"][layer], wide["O"] @ r_t["V"])
    for role, other in (("Q", "K"), ("K", "Q"), ("V", "O")):
        _put(reads[role][layer], wide[role] @ r_t[other])


def _put(place: Any, product: Any) -> None:
    """Store a factor; where d_head exceeds d_model it has d_model columns, and the others are 0."""
    _place(place.mT, product)[...] = product.mT


def _place(rows: Any, matrices: Any) -> Any:
    """The part of a layer's heads x m x d that heads x d x m fill; the rest is set to 0."""
    heads, d, width = matrices.shape
    rows[heads:] = 0
    rows[:heads, width:] = 0
    rows[:heads, :width, d:] = 0
    return rows[:heads, :width, :d]


def per_query_head(stack: NDArray[Any], role: str, group: int) -> NDArray[Any]:
    """One row for each query head, from rows for key/value heads."""
    return stack.repeat(group, axis=0) if role in "KV" and group > 1 else stack
