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

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headgraph.base.spelling import argument
from headgraph.pk_engine.errors import EngineError
from headgraph.pk_engine.metrics.layer_order import layer_groups
from headgraph.pk_engine.metrics.registry import METRICS, score
from headgraph.pk_engine.nulls.comparison import Comparisons, NullInputs, compare
from headgraph.pk_engine.scoring.layers import collect
from headgraph.pk_engine.scoring.rows import block_columns
from headgraph.pk_engine.table.columns import Columns


def backward(inputs: NullInputs) -> Comparisons:
    """Compare every pair with the pairs from a later to an earlier layer."""
    for pairing in inputs.table.meta.pairings:
        if pairing[0] == pairing[1]:
            raise EngineError(
                f"the null backward needs a direction, and {pairing} has none: choose "
                f"{argument('null', 'within')}, or leave that pairing out"
            )
    return _compared(inputs, "backward", lambda before: before < 0)


def within(inputs: NullInputs) -> Comparisons:
    """Compare every pair with the pairs of different heads of one layer."""
    return _compared(inputs, "within", lambda before: before == 0)


def _compared(
    inputs: NullInputs, name: str, kept: Callable[[NDArray[Any]], NDArray[np.bool_]]
) -> Comparisons:
    pools: dict[str, list[NDArray[Any]]] = {p: [] for p in inputs.table.meta.pairings}
    for pairing, columns in _every_pair(inputs):
        before = columns["target_layer"] - columns["source_layer"]
        pools[pairing].append(columns["pk"][kept(before) & columns["different"]])
    compared = {}
    for pairing, parts in pools.items():
        values = np.concatenate(parts)
        if not len(values):
            raise EngineError(
                f"{inputs.table.meta.model} has too few heads or layers for the null {name}: it "
                f"has no pair of {pairing}. Choose another null, such as "
                f"{argument('null', 'covariance')}"
            )
        compared[pairing] = compare(inputs.rows(pairing)["pk"].to_numpy(), values)
    return compared


def _every_pair(inputs: NullInputs) -> Iterator[tuple[str, Columns]]:
    """(pairing, columns) of every pair of heads in any layers, group of layers after group."""
    weights, pairings = inputs.weights, inputs.table.meta.pairings
    shape = weights.shape
    sharing = np.array([layer.group_size for layer in shape.layers])
    ends = inputs.roles
    groups = layer_groups(shape, ends[0], ends[1], "all", bytes_per_value=4, memory=inputs.memory)
    for done, group in enumerate(groups):
        inputs.report("Comparing all layers", done, len(groups))
        if group.sources == group.targets:
            roles = "".join(ends)
            sources = targets = collect(
                weights, roles, layers=group.sources, executor=inputs.threads
            )
        else:
            sources, targets = (
                collect(weights, roles, layers=layers, executor=inputs.threads)
                for roles, layers in zip(ends, (group.sources, group.targets), strict=True)
            )
        found = score(METRICS["pk"], sources, targets, pairings, "all", inputs.threads)
        for pairing in pairings:
            columns = block_columns(
                sources, targets, pairing, {"pk": found[pairing]}, "native", "all"
            )
            unit = []
            for end, role in zip(("source", "target"), pairing, strict=True):
                heads = shape.heads_of(role)
                place, head = np.divmod(columns[end], heads)
                columns[f"{end}_layer"] = place
                own = 1 if role in "KV" else sharing[place]
                unit.append(place * shape.n_kv_heads + head // own)
            columns["different"] = unit[0] != unit[1]
            # here every head has a matrix of its own, so heads of one group count as different
            if pairing[0] == pairing[1]:
                columns["different"] = columns["source"] != columns["target"]
            yield pairing, columns
