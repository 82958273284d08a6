"""Everything the scores need of a model, one stack per role, read in one pass over its layers."""

import hashlib
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from pk_engine.bases import bases
from pk_engine.family import ModelShape
from pk_engine.names import ROLES
from pk_engine.weights import Layer, ModelWeights

AT_ONCE = 4
"""Heads factored at a time: their float64 copies stay small and are used again."""

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""


@dataclass
class Stack:
    """Factors of several roles side by side: layers x (heads of all roles) x m x d in memory.

    The kernel wants long rows, and all targets of a layer next to each other; so they are laid down
    that way once, and every role is a view.
    """

    lying: NDArray[np.float32]
    heads: dict[str, int]  # heads per layer of each role, in order

    @classmethod
    def empty(cls, shape: ModelShape, heads: dict[str, int]) -> Self:
        """Memory for all layers, not yet touched."""
        size = (shape.n_layers, sum(heads.values()), shape.d_head, shape.d_model)
        return cls(np.empty(size, np.float32), heads)

    def __getitem__(self, roles: str) -> NDArray[np.float32]:
        """Layers x heads x d x m of one role, or of several side by side; a view where adjacent."""
        names = "".join(self.heads)
        if roles in names:
            first = sum(self.heads[role] for role in names[: names.index(roles)])
            width = sum(self.heads[role] for role in roles)
            return self.lying[:, first : first + width].swapaxes(-1, -2)
        return np.concatenate([self[role].swapaxes(-1, -2) for role in roles], axis=1).swapaxes(
            -1, -2
        )


@dataclass
class HeadStacks:
    """Bases and composition factors of all heads, float32.

    Attributes:
        shape: the model's sizes.
        basis: orthonormal columns of each role asked for.
        rank: role -> (layers heads) numerical ranks.
        raw: the matrices themselves; None unless asked.
        writes: X = W_O^T R_V^T of each query head (O), for composition scores; None unless asked.
        reads: Y of each query head: W_Q R_K^T (Q), W_K R_Q^T (K), W_V R_O^T (V).
        fingerprint: sha256 over the layers' sha256, each over Q, K, V, O as heads x d_model x
            d_head in float32. Equal for equal weights, however a file is packed.
    """

    shape: ModelShape
    basis: Stack
    rank: dict[str, NDArray[np.int64]]
    raw: Stack | None = None
    writes: Stack | None = None
    reads: Stack | None = None
    fingerprint: str = ""

    def factors(self, kind: str) -> tuple[Stack, Stack]:
        """What sources and targets are compared by: `basis`, `raw` or `composition`."""
        kinds = {
            "basis": (self.basis, self.basis),
            "raw": (self.raw, self.raw),
            "composition": (self.writes, self.reads),
        }
        writing, reading = kinds[kind]
        if writing is None or reading is None:
            raise ValueError(f"these stacks have no {kind} factors: ask collect for them")
        return writing, reading

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
    factors: Iterable[str] = ("basis",),
    progress: Progress | None = None,
    executor: Executor | None = None,
) -> HeadStacks:
    """Read every layer once and keep what the scores need.

    Args:
        weights: the model.
        roles: whose bases to keep.
        factors: what scores will ask for besides bases, which ranks need: `raw`, `composition`.
        progress: called after each layer.
        executor: where layers are read and factored; the caller's thread by default.
    """
    shape = weights.shape
    stacks = allocate(shape, roles, factors)
    digest = hashlib.sha256()

    def read(layer: int) -> bytes:
        raw = weights.raw_layer(layer)
        fill(stacks, layer, weights.processed(layer, raw))
        part = hashlib.sha256()
        for role in ROLES:
            part.update(raw[role].data)
        return part.digest()

    run = map if executor is None else executor.map
    for done, part in enumerate(run(read, range(shape.n_layers)), start=1):
        digest.update(part)
        if progress:
            progress("Reading layers", done, shape.n_layers)
    stacks.fingerprint = digest.hexdigest()
    return stacks


def allocate(shape: ModelShape, roles: Iterable[str], factors: Iterable[str]) -> HeadStacks:
    """Stacks for all layers, not yet filled; arguments as for `collect`."""
    wanted, factors = set(roles), set(factors)
    used = [role for role in ROLES if role in wanted]
    stacks = HeadStacks(
        shape,
        Stack.empty(shape, {role: shape.heads_of(role) for role in used}),
        {role: np.zeros(shape.n_layers * shape.heads_of(role), np.int64) for role in used},
    )
    if "raw" in factors:
        stacks.raw = Stack.empty(shape, stacks.basis.heads)
    if "composition" in factors:
        stacks.writes = Stack.empty(shape, {"O": shape.n_heads})
        stacks.reads = Stack.empty(shape, dict.fromkeys("QKV", shape.n_heads))
    return stacks


def fill(stacks: HeadStacks, layer: int, matrices: Layer) -> None:
    """Factor one layer's matrices and lay them down; layers may come in any order."""
    shape = stacks.shape
    factor = {}
    for role in ROLES if stacks.writes is not None else stacks.rank:
        heads, factors = shape.heads_of(role), []
        for first in range(0, heads, AT_ONCE):
            part = slice(first, first + AT_ONCE)
            found = bases(matrices[role][part])
            factors.append(found.factor)
            if role in stacks.rank:
                stacks.basis[role][layer, part] = found.basis
                rows = slice(layer * heads + first, layer * heads + first + len(found.rank))
                stacks.rank[role][rows] = found.rank
                if stacks.raw is not None:
                    stacks.raw[role][layer, part] = matrices[role][part]
        factor[role] = np.concatenate(factors)
    if stacks.writes is not None and stacks.reads is not None:
        _fill_composition(stacks.writes, stacks.reads, layer, matrices, factor)


def _fill_composition(
    writes: Stack, reads: Stack, layer: int, matrices: Layer, factor: dict[str, NDArray[Any]]
) -> None:
    # a row per query head: those of one group share a key/value head's matrices
    group = len(matrices["Q"]) // len(matrices["K"])
    wide = {r: _per_query_head(matrices[r], r, group) for r in ROLES}
    r_t = {
        r: _per_query_head(factor[r], r, group).astype(np.float32).transpose(0, 2, 1) for r in ROLES
    }
    writes["O"][layer] = wide["O"] @ r_t["V"]
    for role, other in (("Q", "K"), ("K", "Q"), ("V", "O")):
        reads[role][layer] = wide[role] @ r_t[other]


def _per_query_head(stack: NDArray[Any], role: str, group: int) -> NDArray[Any]:
    return stack.repeat(group, axis=0) if role in "KV" and group > 1 else stack
