"""The factors that scores are computed from, one stack per role, for the heads of some layers."""

from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from headgraph.pk_engine.linalg.array_ops import namespace
from headgraph.pk_engine.linalg.backends import Backend
from headgraph.pk_engine.models.shape import LayerShape, ModelShape


@dataclass
class Stack:
    """Factors of several roles side by side: layers x (heads of all roles) x m x d in memory.

    The kernel needs long rows, and all targets of a layer next to each other. The factors are
    stored in this order once, and every role is a view. Narrower factors and those of narrower
    residual streams end in zeros, and heads that a layer lacks are zero, which changes no inner
    product.
    """

    rows: Any
    heads: dict[str, int]  # heads per layer of each role, in order

    @classmethod
    def empty(cls, shape: ModelShape, layers: int, heads: dict[str, int], backend: Backend) -> Self:
        """An uninitialised stack for some layers."""
        size = (layers, sum(heads.values()), shape.d_head, shape.d_model)
        return cls(backend.empty(size), heads)

    def __getitem__(self, roles: str) -> Any:
        """Layers x heads x d x m of one role, or of several side by side; a view where adjacent."""
        names = "".join(self.heads)
        if roles in names:
            first = sum(self.heads[role] for role in names[: names.index(roles)])
            width = sum(self.heads[role] for role in roles)
            return self.rows[:, first : first + width].mT
        xp = namespace(self.rows)
        return xp.concat([self[role].mT for role in roles], axis=1).mT


@dataclass
class HeadStacks:
    """Bases and other factors of the heads of some layers, on one backend.

    Attributes:
        shape: the model's sizes.
        layers: the layers in this object, as places in `shape.layers`.
        backend: the library and device of the arrays.
        basis: orthonormal columns of each requested role.
        rank: role -> (layers heads) numerical ranks.
        raw: the matrices themselves; None unless requested.
        writes: X = W_O^T R_V^T of each query head (O), for composition scores; None unless
            requested.
        reads: Y of each query head: W_Q R_K^T (Q), W_K R_Q^T (K), W_V R_O^T (V).
        head_scores: layer -> `copying` and `self_overlap` of its query heads, 2 x heads.
        digests: layer -> sha256 over its raw Q, K, V, O as heads x d_model x width in float32.
    """

    shape: ModelShape
    layers: range
    backend: Backend
    basis: Stack
    rank: dict[str, NDArray[np.int64]]
    raw: Stack | None = None
    writes: Stack | None = None
    reads: Stack | None = None
    head_scores: dict[int, NDArray[np.float64]] = field(default_factory=dict)
    digests: dict[int, bytes] = field(default_factory=dict)

    def factors(self, kind: str) -> tuple[Stack, Stack]:
        """(factors of sources, factors of targets) of a kind: `basis`, `raw` or `composition`."""
        kinds = {
            "basis": (self.basis, self.basis),
            "raw": (self.raw, self.raw),
            "composition": (self.writes, self.reads),
        }
        writing, reading = kinds[kind]
        if writing is None or reading is None:
            raise ValueError(f"these stacks have no {kind} factors: request them in collect")
        return writing, reading

    def deficient(self) -> list[dict[str, Any]]:
        """Matrices of less than full rank: layer, head (as the role counts them), role, rank."""
        return [
            {"layer": layer.index, "head": int(head), "role": role, "rank": int(rank[head])}
            for role, ranks in self.rank.items()
            for layer, rank in zip(self.inside(), ranks.reshape(len(self.layers), -1), strict=True)
            for head in np.flatnonzero(rank[: layer.heads_of(role)] < layer.rank_of(role))
        ]

    def inside(self) -> tuple[LayerShape, ...]:
        """The layers in this object."""
        return self.shape.layers[self.layers.start : self.layers.stop]
