"""Observed pairs as the null: pairs through which nothing can flow.

backward: pairs whose source is in a later layer than the target. Nothing that a later head writes
is read by an earlier one, so training has no reason to join them.
within: pairs of different heads of one layer, which cannot read each other either.

Both assume that forward pairs without a connection overlap as much as these pairs. That is wrong
for `backward` where two heads share directions in one layer order only, and for `within` where
heads of one layer divide its work. Heads may also share directions without reading one another,
such as through a common source. The values are real heads with all that makes them alike, so these
nulls are the strictest here. A head's own O and Q (K, V) are in neither. Two heads compared in the
same role (QQ, KK, VV, OO) have no direction, so `backward` refuses them. Ranks are ignored: a pair
of less than full rank is compared with pairs of full rank, which is conservative.

There is no null of all pairs: the forward pairs would be half of its values, and no pair could then
have q below about 0.4.

Sampling: none; `seed` and `samples` have no effect. There are as many values as forward pairs
(`backward`), or fewer (`within`). They share heads, so they are not independent.

Cost: PK of all pairs of layers, twice the work of the table.
"""

from concurrent.futures import Executor
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headgraph.base.progress import Progress
from headgraph.base.spelling import argument
from headgraph.pk_engine.errors import EngineError
from headgraph.pk_engine.linalg.progress_executor import ProgressExecutor
from headgraph.pk_engine.metrics.layer_order import Group
from headgraph.pk_engine.metrics.registry import METRICS, by_source, score
from headgraph.pk_engine.metrics.stacks import HeadStacks
from headgraph.pk_engine.nulls.comparison import Comparisons, NullInputs, compare
from headgraph.pk_engine.nulls.groups import GroupValues, by_group
from headgraph.pk_engine.scoring.group import Factors
from headgraph.pk_engine.scoring.rows import block_columns
from headgraph.pk_engine.scoring.spec import Spec
from headgraph.pk_engine.table.columns import Columns

COMPARING = "Comparing all layers"


def backward(inputs: NullInputs) -> Comparisons:
    """Compare every pair with the pairs from a later to an earlier layer."""
    for pairing in inputs.table.meta.pairings:
        if pairing[0] == pairing[1]:
            raise EngineError(
                f"the null backward needs a direction, and {pairing} has none: choose "
                f"{argument('null', 'within')}, or leave that pairing out"
            )
    return _compared(inputs, "backward")


def within(inputs: NullInputs) -> Comparisons:
    """Compare every pair with the pairs of different heads of one layer."""
    return _compared(inputs, "within")


def _compared(inputs: NullInputs, name: str) -> Comparisons:
    pools: dict[str, list[NDArray[Any]]] = {p: [] for p in inputs.table.meta.pairings}
    part = partial(_values, name)
    for values in by_group(inputs, COMPARING, part, layer_order="all"):
        for pairing, pool in pools.items():
            pool.append(values[pairing])
    compared = {}
    for pairing, parts in pools.items():
        joined = np.concatenate(parts)
        if not len(joined):
            raise EngineError(
                f"{inputs.table.meta.model} has too few heads or layers for the null {name}: it "
                f"has no pair of {pairing}. Choose another null, such as "
                f"{argument('null', 'covariance')}"
            )
        compared[pairing] = compare(inputs.rows(pairing)["pk"].to_numpy(), joined)
    return compared


def _values(
    name: str,
    spec: Spec,
    group: Group,
    *,
    factors: Factors,
    threads: Executor | None,
    progress: Progress,
) -> GroupValues[dict[str, NDArray[Any]]]:
    """Pairing -> PK of a group's pairs that belong to the null."""
    progress(COMPARING, 0, 1)
    sources, targets = factors.of(spec, group, threads, progress)
    executor = ProgressExecutor(threads, progress, len(by_source(spec.pairings)))
    found = score(METRICS["pk"], sources, targets, spec.pairings, spec.layer_order, executor)
    values = {}
    for pairing in spec.pairings:
        columns = _every_pair(spec, sources, targets, pairing, found[pairing])
        before = columns["target_layer"] - columns["source_layer"]
        kept = before < 0 if name == "backward" else before == 0
        values[pairing] = columns["pk"][kept & columns["different"]]
    return GroupValues(values, sources.digests | targets.digests)


def _every_pair(
    spec: Spec, sources: HeadStacks, targets: HeadStacks, pairing: str, pk: NDArray[np.float32]
) -> Columns:
    """Columns of every pair of heads of a group, in any layers."""
    shape = spec.weights.shape
    sharing = np.array([layer.group_size for layer in shape.layers])
    columns = block_columns(sources, targets, pairing, {"pk": pk}, spec.kv, spec.layer_order)
    unit = []
    for end, role in zip(("source", "target"), pairing, strict=True):
        place, head = np.divmod(columns[end], shape.heads_of(role))
        columns[f"{end}_layer"] = place
        own = 1 if role in "KV" else sharing[place]
        unit.append(place * shape.n_kv_heads + head // own)
    columns["different"] = unit[0] != unit[1]
    # here every head has a matrix of its own, so heads of one group count as different
    if pairing[0] == pairing[1]:
        columns["different"] = columns["source"] != columns["target"]
    return columns
