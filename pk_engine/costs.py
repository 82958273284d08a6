"""What scores cost, counted from a model's sizes before anything is read: pairs, operations, bytes.

Operations are the kernel's own count of them; bytes are those of the arrays that are held, so they
change when `stacks` and `kernel` do, and a test compares them with a process that runs.
"""

from collections.abc import Iterable, Iterator, Sequence
from math import prod
from typing import NamedTuple

from pk_engine.family import Family
from pk_engine.kernel import COLUMNS, TILE, Block, Operations, cheaper_by_projectors, operations
from pk_engine.layout import ModelShape
from pk_engine.metrics import METRICS, Metric, by_source
from pk_engine.names import ROLES
from pk_engine.pairs import layer_blocks, pairs_of
from pk_engine.stacks import AT_ONCE

FLOAT = 4
"""Bytes of the float32 that everything but the factoring is done in."""
INTERPRETER = 140 << 20
"""Python, the libraries and a table: what the bundled model takes, whose weights are nothing."""
ROW = 300
"""Bytes a scored pair takes while the rows of its pairing are made and sorted."""


class Call(NamedTuple):
    """One comparison of a stack with others: heads counted, factors of d x m."""

    n: int
    k: int
    d: int
    m: int
    blocks: list[Block]
    copied: bool  # whether the stacks are copied for it

    @property
    def operations(self) -> Operations:
        """What the kernel has to do for it."""
        return operations((self.n, self.d, self.m), (self.k, self.d, self.m), self.blocks)

    @property
    def by_projectors(self) -> bool:
        """The way that the kernel takes."""
        shapes = (self.n, self.d, self.m), (self.k, self.d, self.m)
        return cheaper_by_projectors(*shapes, self.blocks)

    @property
    def compared(self) -> int:
        """Pairs in the blocks."""
        return sum(
            len(range(*a.indices(self.n))) * len(range(*b.indices(self.k))) for a, b in self.blocks
        )


def pairs(shape: ModelShape, pairing: str, layer_order: str, *, expand: bool) -> int:
    """Pairs that are scored, when no matrix is zero."""
    source, target = (shape.n_heads if expand else shape.heads_of(role) for role in pairing)
    same_role = pairing[0] == pairing[1]
    mask = pairs_of(shape.n_layers, source, target, layer_order, same_role=same_role)
    return int(mask.sum())


def calls(
    metric: Metric, shape: ModelShape, pairings: Sequence[str], layer_order: str
) -> Iterator[Call]:
    """The comparisons that a metric takes."""
    d, m = shape.d_model, shape.d_head
    stored = "".join(ROLES if metric.factors == "composition" else _used(pairings))
    for source, targets in by_source(pairings).items():
        heads = {r: shape.n_heads if metric.per_query_head else shape.heads_of(r) for r in ROLES}
        width = sum(heads[role] for role in targets)
        blocks = layer_blocks(shape.n_layers, heads[source], width, layer_order)
        n, k = shape.n_layers * heads[source], shape.n_layers * width
        columns = metric.work == "columns"
        side_by_side = targets in stored
        yield Call(n, k, *((m, d) if columns else (d, m)), blocks, columns or not side_by_side)


def kernel_operations(made: Iterable[Call]) -> Operations:
    """Operations of these comparisons, each counted in the way that the kernel takes."""
    total = Operations(0, 0, 0)
    for call in made:
        forming, products, blocks = call.operations
        taken = (forming, products, 0) if call.by_projectors else (0, 0, blocks)
        total = Operations(*(a + b for a, b in zip(total, taken, strict=True)))
    return total


def read_bytes(family: Family, shape: ModelShape, width: int) -> int:
    """Bytes of the tensors that are read, each number `width` bytes wide."""
    return width * shape.n_layers * sum(prod(spec.stored_shape(shape)) for spec in family.tensors)


def stack_bytes(shape: ModelShape, pairings: Sequence[str], metrics: Iterable[str]) -> int:
    """Bytes of the bases and other factors of all heads."""
    kinds = {METRICS[name].factors for name in metrics}
    own = sum(shape.heads_of(role) for role in _used(pairings))
    heads = own * (1 + ("raw" in kinds)) + 4 * shape.n_heads * ("composition" in kinds)
    return shape.n_layers * heads * shape.d_model * shape.d_head * FLOAT


def reading_bytes(family: Family, shape: ModelShape, width: int) -> int:
    """Bytes in use while a layer is read: as mapped and copied, in float32, and being factored."""
    stored = [prod(spec.stored_shape(shape)) for spec in family.tensors]
    head = shape.d_model * shape.d_head
    matrices = sum(shape.heads_of(role) for role in ROLES) * head
    return width * (sum(stored) + max(stored)) + FLOAT * matrices + AT_ONCE * head * 5 * FLOAT


def kernel_bytes(call: Call, threads: int) -> int:
    """Bytes in use while a comparison runs: buffers of each thread, its results, copies."""
    each = (call.n + call.k) * min(TILE, call.d) * min(COLUMNS, call.d)
    if not call.by_projectors:
        each = 2 * max(len(range(*b.indices(call.k))) for _, b in call.blocks) * call.m**2
    copies = (call.n + call.k) * call.d * call.m if call.copied else 0
    results = (threads + 1) * call.n * call.k
    return FLOAT * (threads * each + results + copies)


def _used(pairings: Sequence[str]) -> list[str]:
    return [role for role in ROLES if any(role in pairing for pairing in pairings)]
