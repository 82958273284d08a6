"""Costs of a job, counted from a model's sizes before anything is read: operations and bytes.

The kernel counts its operations. Bytes are those of the arrays in memory, so they depend on
`stacks`, `kernel` and `rows`. A test compares them with a running process.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from math import prod
from typing import NamedTuple

import numpy as np

from headgraph.base.names import ROLES
from headgraph.pk_engine.linalg.array_ops import NumPyOps, Ops, TorchOps
from headgraph.pk_engine.linalg.backends import usable_cpus
from headgraph.pk_engine.linalg.bases import AT_ONCE
from headgraph.pk_engine.linalg.kernel import Block, cheaper_by_projectors, operations
from headgraph.pk_engine.metrics.layer_order import Group, layer_blocks
from headgraph.pk_engine.metrics.registry import METRICS, by_source
from headgraph.pk_engine.models.families.family import Family
from headgraph.pk_engine.models.shape import ModelShape
from headgraph.pk_engine.scoring.spec import Spec

INTERPRETER = {"numpy": 95_000_000, "torch": 750_000_000}
"""Bytes of Python, the libraries and a table, measured with the bundled model, whose weights are
negligible."""
ROW = 200
"""Bytes for a scored pair while the rows of its pairing are made."""


class Operations(NamedTuple):
    """Floating-point operations of forming projectors, their products, and block products."""

    forming: int = 0
    products: int = 0
    blocks: int = 0


class Call(NamedTuple):
    """One comparison of a stack with others: heads counted, factors of d x m."""

    n: int
    k: int
    d: int
    m: int
    blocks: list[Block]
    layer: int  # targets that lie in one layer
    copied: bool  # whether the stacks are copied for it

    @property
    def by_projectors(self) -> bool:
        """Whether the kernel uses projectors, and not blocks."""
        shapes = (self.n, self.d, self.m), (self.k, self.d, self.m)
        return cheaper_by_projectors(*shapes, self.blocks)

    @property
    def operations(self) -> Operations:
        """Operations of the kernel for this comparison."""
        shapes = (self.n, self.d, self.m), (self.k, self.d, self.m)
        forming, products, blocks = operations(*shapes, self.blocks)
        return Operations(forming, products) if self.by_projectors else Operations(blocks=blocks)

    @property
    def compared(self) -> int:
        """Pairs in the blocks."""
        return sum(
            len(range(*a.indices(self.n))) * len(range(*b.indices(self.k))) for a, b in self.blocks
        )


class Amounts(NamedTuple):
    """The work of some groups of layers, by kind.

    Attributes:
        forming, products, blocks: floating-point operations, as in `Operations`.
        singular: m^3, summed over the matrices whose singular values are taken.
        reading: numbers of the weights that are read and hashed, and those that are factored.
    """

    forming: float = 0
    products: float = 0
    blocks: float = 0
    singular: float = 0
    reading: float = 0

    def plus(self, other: "Amounts") -> "Amounts":
        """The sum, kind by kind."""
        return Amounts(*(mine + its for mine, its in zip(self, other, strict=True)))


def group_amounts(spec: Spec, group: Group, held: range | None = None) -> Amounts:
    """The work of one group.

    Args:
        spec: the options.
        group: the layers.
        held: target layers whose factors are in memory already.
    """
    kinds = {"singular": list[Call](), "kernel": list[Call]()}
    for name in spec.metrics:
        kind = "singular" if METRICS[name].work == "singular" else "kernel"
        kinds[kind] += _calls(spec, name, group)
    compared = sum(call.compared * call.m**3 for call in kinds["singular"])
    read = sum(_values(spec, roles, layers) for roles, layers in _passes(spec, group, held))
    return Amounts(*total(kinds["kernel"]), compared, read)


def amounts_of(spec: Spec) -> Callable[[Group, range | None], Amounts]:
    """`group_amounts` of a spec, counted once for groups that lie alike."""
    counted: dict[tuple[int, int, int, bool], Amounts] = {}

    def of(group: Group, held: range | None) -> Amounts:
        key = *_alike(group), held == group.targets
        if key not in counted:
            counted[key] = group_amounts(spec, group, held)
        return counted[key]

    return of


def _alike(group: Group) -> tuple[int, int, int]:
    """The same for groups of equal work: sizes, and how far sources are before targets."""
    sources, targets = group.sources, group.targets
    return len(sources), len(targets), sources.start - targets.start


def total_amounts(spec: Spec) -> Amounts:
    """The work of all groups in turn, on one machine."""
    counts, held, of = Counter[Amounts](), None, amounts_of(spec)
    for group in spec.groups():
        counts[of(group, held)] += 1
        held = kept(group)
    each = [[number * kind for kind in amounts] for amounts, number in counts.items()]
    return Amounts(*map(sum, zip(*each, strict=True)))


def _values(spec: Spec, roles: str, layers: int) -> int:
    """Numbers that are read in a pass, of all roles, and those that are factored."""
    shape = spec.weights.shape
    heads = sum(shape.heads_of(role) for role in (*ROLES, *roles))
    return layers * heads * shape.d_model * shape.d_head


def calls(spec: Spec, *work: str) -> list[Call]:
    """The comparisons of the metrics with one of these kinds of work (`Metric.work`)."""
    names = [name for name in spec.metrics if METRICS[name].work in work]
    return [call for name in names for group in spec.groups() for call in _calls(spec, name, group)]


def total(made: Iterable[Call]) -> Operations:
    """Operations of these comparisons together."""
    counts = [call.operations for call in made]
    return Operations(*map(sum, zip(*counts, strict=True))) if counts else Operations()


def layers_read(spec: Spec) -> list[tuple[str, int]]:
    """(roles that are factored, number of layers) of each pass over the files."""
    found, held = list[tuple[str, int]](), None
    for group in spec.groups():
        found += _passes(spec, group, held)
        held = kept(group)
    return found


def kept(group: Group) -> range | None:
    """The target layers whose factors a group leaves in memory for the next."""
    return None if group.sources == group.targets else group.targets


def _passes(spec: Spec, group: Group, held: range | None) -> list[tuple[str, int]]:
    """The passes of a group, after one whose targets are still in memory."""
    if group.sources == group.targets:
        return [(_roles(spec, 0, 1), len(group.sources))]
    targets = [(_roles(spec, 1), len(group.targets))] if held != group.targets else []
    return [*targets, (_roles(spec, 0), len(group.sources))]


def layer_bytes(family: Family, shape: ModelShape, width: int) -> int:
    """Bytes of a layer's tensors as stored, on average; `width` is the bytes of a number."""
    return width * sum(map(prod, _stored(family, shape))) // len(shape.layers)


def _stored(family: Family, shape: ModelShape) -> list[tuple[int, ...]]:
    """The shapes of all tensors to read."""
    layers = shape.layers
    return [size for layer in layers for size in family.stored(layer).values()]


def factor_bytes(spec: Spec) -> int:
    """Bytes of the bases and other factors in memory at once, on the backend's device."""
    shape, kinds = spec.weights.shape, {METRICS[name].factors for name in spec.metrics}

    def of(roles: str, layers: int) -> int:
        own = sum(shape.heads_of(role) for role in roles) * (1 + ("raw" in kinds))
        return layers * (own + 4 * shape.n_heads * ("composition" in kinds))

    both, source, target = _roles(spec, 0, 1), _roles(spec, 0), _roles(spec, 1)
    sizes = {(len(it.sources), len(it.targets), it.sources == it.targets) for it in spec.groups()}
    heads = max(
        of(both, read) if same else of(source, read) + of(target, made)
        for read, made, same in sizes
    )
    return heads * shape.d_model * shape.d_head * _width(spec)


def peak_memory(spec: Spec, family: Family, width: int, threads: int | None = None) -> int:
    """Peak bytes of the whole process, without the memory of another device.

    Args:
        spec: the options.
        family: the family file.
        width: bytes of a stored number.
        threads: threads that read and compare; by default those of this machine.
    """
    groups = {_alike(group): group for group in spec.groups()}.values()
    made = [c for group in groups for name in spec.metrics for c in _calls(spec, name, group)]
    fixed = INTERPRETER[spec.backend.name]
    reading = (threads or spec.backend.threads) * _reading_bytes(spec, family, width)
    scores = len(spec.metrics) * _width(spec) * max(call.n * call.k for call in made)
    compared = max(max(_compared(call, spec, threads) for call in made), _rows_bytes(spec)) + scores
    if spec.backend.device != "cpu":
        return fixed + max(reading, scores + _rows_bytes(spec))
    return fixed + factor_bytes(spec) + max(reading, compared)


def ops_of(spec: Spec) -> Ops:
    """The operations of the job's backend."""
    numpy = spec.backend.name == "numpy"
    return NumPyOps() if numpy else TorchOps(spec.backend.device.partition(":")[0])


def _calls(spec: Spec, name: str, group: Group) -> Iterator[Call]:
    metric, shape = METRICS[name], spec.weights.shape
    d, m = shape.d_model, shape.d_head
    stored = _roles(spec, 0, 1) if group.sources == group.targets else _roles(spec, 1)
    stored = "QKV" if metric.factors == "composition" else stored
    heads = {r: shape.n_heads if metric.per_query_head else shape.heads_of(r) for r in ROLES}
    for source, targets in by_source(spec.pairings).items():
        width = sum(heads[role] for role in targets)
        order = "apart" if source in spec.apart(name) else spec.layer_order
        blocks = layer_blocks(group.sources, group.targets, heads[source], width, order)
        n, k = len(group.sources) * heads[source], len(group.targets) * width
        columns = metric.work == "columns"
        sizes = (m, d) if columns else (d, m)
        yield Call(n, k, *sizes, blocks, width, columns or targets not in stored)


def _roles(spec: Spec, *ends: int) -> str:
    """Roles of the sources (0), of the targets (1), or of both, in canonical order."""
    used = {pairing[end] for pairing in spec.pairings for end in ends}
    return "".join(role for role in ROLES if role in used)


def _width(spec: Spec) -> int:
    return np.dtype(spec.backend.dtype).itemsize


def _reading_bytes(spec: Spec, family: Family, width: int) -> int:
    """Bytes in use while a layer is read: one tensor mapped and copied, the layer in float32, and
    the matrices being factored.
    """
    shape = spec.weights.shape
    stored = [prod(size) for size in _stored(family, shape)]
    head = shape.d_model * shape.d_head
    matrices = sum(shape.heads_of(role) for role in ROLES) * head
    return 2 * width * max(stored) + 4 * matrices + AT_ONCE * head * 20


def _compared(call: Call, spec: Spec, threads: int | None) -> int:
    """Bytes in use while a comparison runs: buffers of each thread, its results, copies."""
    height, width = (min(size, call.d) for size in ops_of(spec).tile)
    each = (call.n + call.layer) * height * width
    if not call.by_projectors and call.blocks:
        each = 2 * max(len(range(*b.indices(call.k))) for _, b in call.blocks) * call.m**2
    copies = (call.n + call.k) * call.d * call.m if call.copied else 0
    threads = threads or usable_cpus()
    return _width(spec) * (threads * each + (threads + 1) * call.n * call.k + copies)


def _rows_bytes(spec: Spec) -> int:
    """Bytes of the rows of a pairing in the largest group, and of the rows kept from others."""
    heads = [spec.weights.shape.n_heads] * 2
    largest = max(len(g.sources) * len(g.targets) for g in spec.groups()) * heads[0] * heads[1]
    kept = sum(spec.selection.limit(spec.pair_bound(pairing)) for pairing in spec.pairings)
    return ROW * min(largest, max(map(spec.pair_bound, spec.pairings))) + 3 * 40 * kept
