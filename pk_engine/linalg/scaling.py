"""Matrices brought into a range in which sums of products neither overflow nor vanish."""

import numpy as np
from numpy.typing import NDArray


def scaled(matrices: NDArray[np.floating], safe: int) -> NDArray[np.floating]:
    """Matrices, heads x d x m, whose largest entries are neither huge nor tiny.

    Unless all are far inside it, each is multiplied by the power of two that brings its largest
    entry to between 1/2 and 1. That is exact, and changes no score that ignores the size of a
    matrix.

    Args:
        matrices: the stack; it is returned itself where it needs no change.
        safe: the largest binary exponent of a largest entry, of either sign, that may stay.
    """
    ends = matrices.max((-2, -1), initial=0), matrices.min((-2, -1), initial=0)
    exponent = np.frexp(np.maximum(ends[0], -ends[1]))[1]
    if (np.abs(exponent) <= safe).all():
        return matrices  # a copy of every layer's matrices would cost as much as reading them
    changed: NDArray[np.floating] = np.ldexp(matrices, -exponent[..., None, None])
    return changed
