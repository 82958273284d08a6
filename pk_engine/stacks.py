"""Everything the scores need of a model, one stack per role, read in one pass over its layers."""

import hashlib
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pk_engine.bases import bases
from pk_engine.family import ModelShape
from pk_engine.names import ROLES
from pk_engine.weights import Layer, ModelWeights

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""


@dataclass
class HeadStacks:
    """Bases and composition factors of all heads, layer after layer, float32.

    Stacks are views, heads x d x m, of memory that lies heads x m x d, as the kernel wants it.

    Attributes:
        shape: the model's sizes.
        fingerprint: sha256 over the layers' sha256, each over Q, K, V, O as heads x d_model x
            d_head in float32. Equal for equal weights, however a file is packed.
        basis: role -> (layers heads) x d x m orthonormal columns.
        rank: role -> (layers heads) numerical ranks.
        writes: X = W_O^T R_V^T of each query head, for composition scores; empty unless asked for.
        reads: role -> Y of each query head: W_Q R_K^T (Q), W_K R_Q^T (K), W_V R_O^T (V).
    """

    shape: ModelShape
    fingerprint: str = ""
    basis: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    rank: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    writes: NDArray[np.float32] | None = None
    reads: dict[str, NDArray[np.float32]] = field(default_factory=dict)

    def deficient(self) -> list[dict[str, Any]]:
        """Matrices of less than full rank: layer, head (as the role counts them), role, rank."""
        full = min(self.shape.d_model, self.shape.d_head)
        return [
            {
                "layer": int(i // self.shape.heads_of(role)),
                "head": int(i % self.shape.heads_of(role)),
                "role": role,
                "rank": int(self.rank[role][i]),
            }
            for role in ROLES
            if role in self.rank
            for i in np.flatnonzero(self.rank[role] < full)
        ]


def collect(
    weights: ModelWeights,
    roles: Iterable[str],
    *,
    composition: bool = False,
    progress: Progress | None = None,
    executor: Executor | None = None,
) -> HeadStacks:
    """Read every layer once and keep what the scores need.

    Args:
        weights: the model.
        roles: whose bases to keep.
        composition: also make the factors X and Y of composition scores.
        progress: called after each layer.
        executor: where layers are read and factored; the caller's thread by default.
    """
    shape, wanted = weights.shape, set(roles)
    roles = [role for role in ROLES if role in wanted]
    stacks, digest = HeadStacks(shape), hashlib.sha256()
    for role in roles:
        stacks.basis[role] = _empty(shape, shape.heads_of(role))
        stacks.rank[role] = np.zeros(shape.n_layers * shape.heads_of(role), np.int64)
    if composition:
        stacks.writes = _empty(shape, shape.n_heads)
        stacks.reads = {role: _empty(shape, shape.n_heads) for role in "QKV"}

    def read(layer: int) -> bytes:
        matrices = weights.layer(layer)
        _fill(stacks, layer, matrices, roles)
        part = hashlib.sha256()
        for role in ROLES:
            part.update(matrices[role].data)
        return part.digest()

    run = map if executor is None else executor.map
    for done, part in enumerate(run(read, range(shape.n_layers)), start=1):
        digest.update(part)
        if progress:
            progress("Reading layers", done, shape.n_layers)
    stacks.fingerprint = digest.hexdigest()
    return stacks


def _empty(shape: ModelShape, heads: int) -> NDArray[np.float32]:
    lying = np.empty((shape.n_layers * heads, shape.d_head, shape.d_model), np.float32)
    return lying.transpose(0, 2, 1)


def _fill(stacks: HeadStacks, layer: int, matrices: Layer, roles: list[str]) -> None:
    shape = stacks.shape
    wanted = ROLES if stacks.writes is not None else roles
    found = {role: bases(matrices[role]) for role in wanted}
    for role in roles:
        at = _rows(layer, shape.heads_of(role))
        stacks.basis[role][at] = found[role].basis
        stacks.rank[role][at] = found[role].rank
    if stacks.writes is None:
        return
    # from here on a row per query head: those of one group share a key/value head's matrices
    group = shape.n_heads // shape.n_kv_heads
    wide = {r: _per_query_head(matrices[r], r, group) for r in ROLES}
    factor = {r: _per_query_head(found[r].factor, r, group).astype(np.float32) for r in ROLES}
    at = _rows(layer, shape.n_heads)
    stacks.writes[at] = wide["O"] @ factor["V"].transpose(0, 2, 1)
    for role, other in (("Q", "K"), ("K", "Q"), ("V", "O")):
        stacks.reads[role][at] = wide[role] @ factor[other].transpose(0, 2, 1)


def _rows(layer: int, heads: int) -> slice:
    return slice(layer * heads, (layer + 1) * heads)


def _per_query_head(stack: NDArray[Any], role: str, group: int) -> NDArray[Any]:
    return stack.repeat(group, axis=0) if role in "KV" and group > 1 else stack
