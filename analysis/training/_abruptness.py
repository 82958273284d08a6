"""How abrupt a change over training was, in measures with known values for a line and a step.

The measure is this project's own. It is read off the curve, without fitting a model.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headgraph.analysis.errors import TrainingError

STEEPEST = 0.1
"""Length of the steepest stretch, as a share of all training steps."""


@dataclass(frozen=True)
class Abruptness:
    """How abrupt a curve is; see `abruptness`.

    Attributes:
        change: last value minus first.
        share: part of the change within the steepest tenth of all steps; 0.1 for a line, 1 for a
            step function, above 1 if the curve falls back later.
        width: steps between 10 % and 90 % of the change, over all steps; 0.8 for a line, at most
            the distance of two checkpoints for a step function.
        start, middle, end: steps at which 10 %, 50 % and 90 % of the change are first reached.
    """

    change: float
    share: float
    width: float
    start: float
    middle: float
    end: float


def abruptness(
    steps: Sequence[float], values: Sequence[float], *, steepest: float = STEEPEST
) -> Abruptness:
    """Measure how suddenly a curve went from its first to its last value.

    The curve is taken to be straight between two checkpoints. With c = values[-1] - values[0] and
    p(t) = (value(t) - values[0]) / c,

        share = max over t of p(t + steepest * T) - p(t), T = steps[-1] - steps[0]
        width = (first t with p >= 0.9 - first t with p >= 0.1) / T

    Where users go wrong: both depend on T, so compare only runs of one length. Neither can be finer
    than the distance of two checkpoints.

    Args:
        steps: steps of the checkpoints, increasing.
        values: values at these steps.
        steepest: length of the steepest stretch, as a share of all steps.

    Raises:
        TrainingError: fewer than two checkpoints, steps that do not rise, a value that is not
            finite, or a curve that ends where it began.
    """
    t, v = np.asarray(steps, float), np.asarray(values, float)
    _check(t, v, steepest)
    progress = (v - v[0]) / (v[-1] - v[0])
    total = t[-1] - t[0]
    window = steepest * total
    # on a piecewise straight curve, the largest rise begins or ends at a checkpoint
    starts = np.clip(np.concatenate([t, t - window]), t[0], t[-1] - window)
    rises = np.interp(starts + window, t, progress) - np.interp(starts, t, progress)
    start, middle, end = (_first(t, progress, level) for level in (0.1, 0.5, 0.9))
    return Abruptness(
        change=float(v[-1] - v[0]),
        share=float(rises.max()),
        width=float((end - start) / total),
        start=start,
        middle=middle,
        end=end,
    )


def change_of(values: Sequence[float]) -> list[float]:
    """Each value as a share of the whole change: 0 at the first, 1 at the last."""
    v = np.asarray(values, float)
    return [float(share) for share in (v - v[0]) / (v[-1] - v[0])]


def _first(steps: NDArray[np.float64], progress: NDArray[np.float64], level: float) -> float:
    """The step at which the curve first reaches a level; it always does, since it ends at 1."""
    place = int(np.argmax(progress >= level))
    before, after = progress[place - 1], progress[place]
    share = (level - before) / (after - before)
    return float(steps[place - 1] + share * (steps[place] - steps[place - 1]))


def _check(steps: NDArray[np.float64], values: NDArray[np.float64], steepest: float) -> None:
    if len(steps) < 2 or len(steps) != len(values):
        raise TrainingError(
            f"{len(steps)} steps and {len(values)} values: expected as many of both, two or more"
        )
    if not (np.diff(steps) > 0).all():
        raise TrainingError("the steps do not rise: expected each later than the one before")
    if not np.isfinite(values).all():
        place = int(np.argmin(np.isfinite(values)))
        raise TrainingError(
            f"the value at step {steps[place]:g} is {values[place]}: expected finite values"
        )
    if values[0] == values[-1]:
        raise TrainingError(
            f"the curve ends at {values[-1]:g}, where it began: there is no change to measure"
        )
    if not 0 < steepest < 1:
        raise TrainingError(f"steepest={steepest:g}: expected more than 0 and less than 1")
