"""Areas under precision-recall and ROC curves, ties and weights included.

Items with equal scores form one point of a curve, so the order of ties has no effect.

    pr_auc   trapezoids over recall, from recall 0 and precision 1 on
    ap       average precision, sum of (R_k - R_{k-1}) P_k
    roc_auc  trapezoids over the false-positive rate: the chance that a positive scores above a
             negative, a tie counting half

Trapezoids between points of a precision-recall curve are optimistic (Davis & Goadrich 2006,
doi:10.1145/1143844.1143874); the paper's tables seem to use them, so both are given.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Areas(NamedTuple):
    """One number per row of weights, or floats without weights."""

    pr_auc: Any
    ap: Any
    roc_auc: Any


def areas(
    scores: NDArray[Any], positive: NDArray[np.bool_], weights: NDArray[Any] | None = None
) -> Areas:
    """The three areas.

    Args:
        scores: n items, the higher the more likely positive.
        positive: which of them are.
        weights: resamples x n, how often each item counts; without it once.

    Returns:
        Areas of each resample; NaN where it has no positive, or no negative.
    """
    once = weights is None
    times = np.ones((1, len(scores))) if weights is None else np.asarray(weights, float)
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    found = np.cumsum(times[:, order] * positive[order], axis=1)[:, ends]
    false = np.cumsum(times[:, order] * ~positive[order], axis=1)[:, ends]
    with np.errstate(invalid="ignore", divide="ignore"):
        recall, fallout = found / found[:, -1:], false / false[:, -1:]
        precision = np.where(found + false > 0, found / (found + false), 1.0)
    rise = np.diff(recall, axis=1, prepend=0)
    before = np.concatenate([np.ones((len(times), 1)), precision[:, :-1]], axis=1)
    left = np.concatenate([np.zeros((len(times), 1)), recall[:, :-1]], axis=1)
    run = np.diff(fallout, axis=1, prepend=0)
    found_areas = Areas(
        (rise * (precision + before) / 2).sum(1),
        (rise * precision).sum(1),
        (run * (recall + left) / 2).sum(1),
    )
    return Areas(*(float(area[0]) for area in found_areas)) if once else found_areas
