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
from headgraph.pk_engine.metrics.copying import HEAD_SCORES, copying, self_overlap
from headgraph.pk_engine.metrics.stacks import HeadStacks, Stack
from headgraph.pk_engine.models.interface import Layer, Weights
from headgraph.pk_engine.models.layout import ModelShape


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
        layers: the layers to read; all by default.
        factors: factors besides bases: `raw`, `composition`. Bases are always there.
        backend: the array library and device of the stacks; NumPy by default.
        progress: called after each layer.
        executor: where layers are read and factored; the caller's thread by default.
    """
    layers = range(weights.shape.n_layers) if layers is None else layers
    stacks = allocate(weights.shape, roles, layers, factors, backend or Backend())
    buffers = Buffers()

    def read(layer: int) -> bytes:
        raw = weights.raw_layer(layer, buffers)
        matrices = weights.processed(layer, raw)
        fill(stacks, layer, matrices, buffers)
        if "V" in stacks.rank:
            stacks.head_scores[layer] = head_scores(matrices, layer, stacks.backend, stacks)
        return layer_digest(raw)

    run = map if executor is None else executor.map
    for done, (layer, digest) in enumerate(zip(layers, run(read, layers), strict=True), start=1):
        stacks.digests[layer] = digest
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
    matrices: Layer, layer: int, backend: Backend, stacks: HeadStacks | None = None
) -> NDArray[np.float64]:
    """`copying` and `self_overlap` of a layer's query heads, 2 x heads.

    Args:
        matrices: the layer's matrices, as they are scored.
        layer: its number in the model.
        backend: where and in which precision bases are computed, the same for all layers.
        stacks: stacks of this backend that may have bases of V or O; others are computed.
    """
    group = len(matrices["O"]) // len(matrices["V"])
    basis, rank = {}, {}
    for role in "VO":
        if stacks is not None and role in stacks.rank:
            at, heads = layer - stacks.layers.start, stacks.shape.heads_of(role)
            basis[role] = to_numpy(stacks.basis[role][at])
            rank[role] = stacks.rank[role][at * heads : (at + 1) * heads]
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
) -> dict[str, list[list[float | None]]]:
    """`copying` and `self_overlap` of every query head, with 6 significant digits.

    Args:
        weights: the model; layers without known scores are read.
        known: layer -> its `head_scores`.
        backend: that of the known ones.
        executor: where layers are read; the caller's thread by default.
    """

    def of_layer(layer: int) -> NDArray[np.float64]:
        if layer in known:
            return known[layer]
        return head_scores(weights.layer(layer), layer, backend)

    run = map if executor is None else executor.map
    found = list(run(of_layer, range(weights.shape.n_layers)))
    return {
        name: [[None if np.isnan(x) else float(f"{x:.6g}") for x in layer[at]] for layer in found]
        for at, name in enumerate(HEAD_SCORES)
    }


def layer_digest(raw: Layer) -> bytes:
    """sha256 over a layer's Q, K, V, O in turn, each heads x d_model x d_head in float32."""
    digest = hashlib.sha256()
    for role in ROLES:
        digest.update(raw[role].data)
    return digest.digest()


def fingerprint(weights: Weights, digests: Mapping[int, bytes]) -> str:
    """sha256 over the layers' digests: equal for equal weights in any file format.

    Layers without a digest are read.
    """
    whole = hashlib.sha256()
    for layer in range(weights.shape.n_layers):
        whole.update(digests.get(layer) or layer_digest(weights.raw_layer(layer)))
    return whole.hexdigest()


def fill(stacks: HeadStacks, number: int, matrices: Layer, buffers: Buffers | None = None) -> None:
    """Factor a layer's matrices and put the factors into the stacks.

    Args:
        stacks: stacks that have this layer.
        number: the layer.
        matrices: its matrices, as they are scored.
        buffers: memory for copies, in the place of new memory.
    """
    shape, backend, layer = stacks.shape, stacks.backend, number - stacks.layers.start
    buffers = buffers or Buffers()
    factor = {}
    for role in ROLES if stacks.writes is not None else stacks.rank:
        stored: NDArray[Any] = matrices[role]
        if stored.dtype != backend.dtype:
            stored = buffers.copy("converted", stored, backend.dtype)
        here = backend.array(stored)
        kept = stacks.basis[role].mT[layer] if role in stacks.rank else None
        found = backend.factored(here, stored, kept, buffers)
        if stacks.writes is not None:
            factor[role] = found.factor
        if role in stacks.rank:
            heads = shape.heads_of(role)
            stacks.rank[role][layer * heads : (layer + 1) * heads] = found.rank
            if stacks.raw is not None:
                stacks.raw[role][layer] = here
    if stacks.writes is not None and stacks.reads is not None:
        _fill_composition(stacks.writes, stacks.reads, layer, matrices, factor, backend)


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
    columns = product.shape[-1]
    place[..., :columns] = product
    place[..., columns:] = 0


def per_query_head(stack: NDArray[Any], role: str, group: int) -> NDArray[Any]:
    """One row for each query head, from rows for key/value heads."""
    return stack.repeat(group, axis=0) if role in "KV" and group > 1 else stack
