"""The registry of metrics, and the scores of all pairs of a pairing.

PK(i, j) = ||U_i^T U_j||_F^2, the sum of squared cosines of the principal angles between the
subspaces of the source's role and the target's role. 0 to min(rank_i, rank_j).
Source: Yamagiwa, Takase, Shimodaira, arXiv:2601.10266.

CS(i, j) = ||W_src W_tgt||_F / (||W_src||_F ||W_tgt||_F) with full d x d matrices. With row vectors,
W_OV = W_V W_O and W_QK = W_Q W_K^T; W_src is the source's W_OV, W_tgt the target's W_QK (Q),
W_QK^T (K) or W_OV (V). 0 to 1. Source: Elhage et al. 2021, "A Mathematical Framework for
Transformer Circuits". With R from W = U R (R_O from W_O^T) the d x d products shrink to d x m
factors: the source's X = W_O^T R_V^T and the target's Y = W_Q R_K^T (Q), W_K R_Q^T (K) or
W_V R_O^T (V) give CS = sqrt K(X, Y) / (||X|| ||Y||).

Simple CS and CKA: see `pk_engine.metrics.similarity`. Procrustes and the largest cosine, which need
the singular values of each pair: see `pk_engine.metrics.singular_values`.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headgraph.base.names import GRAPH_PAIRINGS, PAIRINGS
from headgraph.base.text import listed
from headgraph.pk_engine.errors import EngineError
from headgraph.pk_engine.linalg.kernel import kernel
from headgraph.pk_engine.linalg.progress_executor import ProgressExecutor
from headgraph.pk_engine.metrics import similarity, singular_values
from headgraph.pk_engine.metrics.layer_order import layer_blocks
from headgraph.pk_engine.metrics.stacks import HeadStacks

Scores = dict[str, NDArray[np.float32]]
"""Pairing -> (layers source heads) x (layers target heads)."""


@dataclass(frozen=True)
class Metric:
    """A metric: its factors, its function, and the pairings for which it is defined.

    Attributes:
        factors: `basis` (orthonormal), `raw` (weights), or `composition` (see above).
        score: function of two stacks and blocks, with the signature of `kernel`.
        pairings: those for which it is defined.
        per_query_head: whether it has a row for each query head where heads share keys and values.
        work: what dominates its cost: the `kernel`, the kernel of the transposed factors
            (`columns`), or the `singular` values of every pair.
        one_width: whether it compares dimensions within heads, which must then be as many.
    """

    factors: str
    score: Callable[..., NDArray[Any]]
    pairings: tuple[str, ...] = PAIRINGS
    per_query_head: bool = False
    work: str = "kernel"
    one_width: bool = False


METRICS = {
    "pk": Metric("basis", kernel),
    # the composition score is the simple one with other factors
    "cs": Metric("composition", similarity.simple_cs, GRAPH_PAIRINGS, per_query_head=True),
    "simple_cs": Metric("raw", similarity.simple_cs, similarity.SIMPLE_CS_PAIRINGS),
    "cka": Metric("raw", similarity.cka),
    "cka_columns": Metric("raw", similarity.cka_columns, work="columns", one_width=True),
    "procrustes": Metric("raw", singular_values.procrustes, work="singular"),
    "procrustes_columns": Metric(
        "raw", singular_values.procrustes_columns, work="singular", one_width=True
    ),
    "max_cosine": Metric("basis", singular_values.max_cosine, work="singular"),
}


def check_metrics(metrics: Sequence[str], pairings: Sequence[str]) -> tuple[str, ...]:
    """The metrics in canonical order, `pk` among them.

    Raises:
        EngineError: a metric is unknown, or not defined for a pairing.
    """
    unknown = sorted(set(metrics) - set(METRICS))
    if unknown:
        raise EngineError(
            f"unknown metric {listed(unknown)}: expected some of {', '.join(METRICS)}"
        )
    for name in metrics:
        outside = [pairing for pairing in pairings if pairing not in METRICS[name].pairings]
        if outside:
            raise EngineError(
                f"{name} is defined for {', '.join(METRICS[name].pairings)}, not for "
                f"{', '.join(outside)}: leave {name} or those pairings out"
            )
    return tuple(name for name in METRICS if name == "pk" or name in metrics)


def score(
    metric: Metric,
    sources: HeadStacks,
    targets: HeadStacks,
    pairings: Sequence[str],
    layer_order: str,
    executor: Executor | None = None,
    *,
    apart: str = "",
) -> Scores:
    """Scores of one metric for every pair in `layer_order` of each pairing.

    Sources of the roles in `apart` are compared with targets of every other layer. Rows and columns
    are heads of the pairing's roles: key/value heads where the role is K or V, except for a metric
    that is `per_query_head`.
    """
    writing, reading = sources.factors(metric.factors)[0], targets.factors(metric.factors)[1]
    scores: Scores = {}
    for source, roles in by_source(pairings).items():
        x, y = writing[source], reading[roles]
        width = y.shape[1]
        order = "apart" if source in apart else layer_order
        blocks = layer_blocks(sources.layers, targets.layers, writing.heads[source], width, order)
        values = metric.score(x, y, blocks, executor=executor).reshape(-1, len(y), width)
        if isinstance(executor, ProgressExecutor):
            executor.finish_comparison()
        ends = np.cumsum([reading.heads[role] for role in roles])
        for role, end in zip(roles, ends, strict=True):
            part = values[:, :, end - reading.heads[role] : end]
            scores[source + role] = part.reshape(len(values), -1)
    return scores


def by_source(pairings: Sequence[str]) -> dict[str, str]:
    """Source role -> target roles; one call of a metric compares a source with all its targets."""
    found: dict[str, str] = {}
    for pairing in pairings:
        found[pairing[0]] = found.get(pairing[0], "") + pairing[1]
    return found
