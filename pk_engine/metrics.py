"""Scores of all pairs of a pairing, each from the one kernel.

PK(i, j) = ||U_i^T U_j||_F^2, the sum of squared cosines of the principal angles between what the
source's role spans and what the target's role spans. 0 to min(rank_i, rank_j).
Source: Yamagiwa, Takase, Shimodaira, arXiv:2601.10266.

CS(i, j) = ||W_in W_out||_F / (||W_in||_F ||W_out||_F) with full d x d matrices: the source's W_OV;
the target's W_QK (Q), W_QK^T (K), W_OV (V). 0 to 1. Source: Elhage et al. 2021, "A Mathematical
Framework for Transformer Circuits". With R from W = U R the d x d products shrink to d x m factors:
X = W_O^T R_V^T and Y = W_Q R_K^T, W_K R_Q^T or W_V R_O^T give CS = sqrt K(X, Y) / (||X|| ||Y||).
"""

from collections.abc import Sequence
from concurrent.futures import Executor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pk_engine.errors import EngineError
from pk_engine.kernel import Block, kernel
from pk_engine.stacks import HeadStacks, Stack

METRICS = ("pk", "cs")
CS_PAIRINGS = ("OQ", "OK", "OV")
GROUP = 5
"""Target layers per block: few enough to skip sources that are not earlier, enough to be a large
matrix product."""

Scores = dict[str, NDArray[np.float32]]
"""Pairing -> (layers source heads) x (layers target heads)."""


def check_metrics(metrics: Sequence[str], pairings: Sequence[str]) -> tuple[str, ...]:
    """The metrics in canonical order, `pk` among them.

    Raises:
        EngineError: an unknown metric, or one that does not exist for a pairing.
    """
    unknown = sorted(set(metrics) - set(METRICS))
    if unknown:
        raise EngineError(f"unknown metric {', '.join(unknown)}: wanted some of pk, cs")
    outside = [pairing for pairing in pairings if pairing not in CS_PAIRINGS]
    if "cs" in metrics and outside:
        raise EngineError(
            f"the composition score is defined for {', '.join(CS_PAIRINGS)}, not for "
            f"{', '.join(outside)}: leave cs or those pairings out"
        )
    return tuple(metric for metric in METRICS if metric == "pk" or metric in metrics)


def pk(
    stacks: HeadStacks,
    pairings: Sequence[str],
    layer_order: str,
    executor: Executor | None = None,
) -> Scores:
    """Projection Kernel of every pair in `layer_order`; see this module's docstring."""
    scores: Scores = {}
    for source, targets in _by_source(pairings).items():
        scores |= _compare(stacks.basis, source, stacks.basis, targets, layer_order, executor)
    return scores


def cs(
    stacks: HeadStacks,
    pairings: Sequence[str],
    layer_order: str,
    executor: Executor | None = None,
) -> Scores:
    """Composition Score of every pair, a row and a column per query head."""
    if stacks.writes is None or stacks.reads is None:
        raise ValueError("these stacks have no composition factors: collect(..., composition=True)")
    targets = "".join(pairing[1] for pairing in pairings)
    scores = _compare(stacks.writes, "O", stacks.reads, targets, layer_order, executor)
    x = _norms(stacks.writes["O"])
    for pairing, values in scores.items():
        norms = x[:, None] * _norms(stacks.reads[pairing[1]])[None, :]
        # a head of zeros composes with nothing; its pairs are left out later
        norms[norms == 0] = 1
        scores[pairing] = np.sqrt(values) / norms
    return scores


def _by_source(pairings: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for pairing in pairings:
        found[pairing[0]] = found.get(pairing[0], "") + pairing[1]
    return found


def _compare(
    x: Stack, source: str, y: Stack, targets: str, layer_order: str, executor: Executor | None
) -> Scores:
    """One kernel call for all targets, whose heads lie side by side in each layer."""
    sources, reading = x[source], y[targets]
    layers, width = reading.shape[:2]
    blocks = layer_blocks(layers, x.heads[source], width, layer_order)
    values = kernel(sources, reading, blocks, executor=executor).reshape(-1, layers, width)
    ends = np.cumsum([y.heads[role] for role in targets])
    return {
        source + role: values[:, :, end - y.heads[role] : end].reshape(len(values), -1)
        for role, end in zip(targets, ends, strict=True)
    }


def layer_blocks(layers: int, sources: int, targets: int, order: str) -> list[Block]:
    """Which heads meet which, for `sources` and `targets` heads per layer.

    `forward` may fill a few pairs within a block that are not forward; `pairs_of` leaves them out.
    """
    if order == "all":
        return [(slice(0, layers * sources), slice(0, layers * targets))]
    step = 1 if order == "within" else GROUP
    groups = [(a, min(a + step, layers)) for a in range(order == "forward", layers, step)]
    return [
        (
            slice(a * sources if order == "within" else 0, (b - (order == "forward")) * sources),
            slice(a * targets, b * targets),
        )
        for a, b in groups
    ]


def pairs_of(layers: int, sources: int, targets: int, order: str) -> NDArray[np.bool_]:
    """Mask of the pairs that a layer order scores, (layers sources) x (layers targets)."""
    a = np.repeat(np.arange(layers), sources)[:, None]
    b = np.repeat(np.arange(layers), targets)[None, :]
    orders: dict[str, Any] = {"forward": a < b, "within": a == b, "all": a >= 0}
    return orders[order] & (b >= 0)  # type: ignore[no-any-return]


def _norms(stack: NDArray[np.float32]) -> NDArray[np.float32]:
    squares: NDArray[np.float32] = np.einsum("lhdm,lhdm->lh", stack, stack)
    return np.sqrt(squares).ravel()
