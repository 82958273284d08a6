"""The random reference: the PK of two unrelated subspaces.

For independent, uniformly random subspaces of dimensions r and s in R^d, PK = ||U^T U'||_F^2 has

    mean      r s / d
    variance  2 r s (d - r)(d - s) / (d^2 (d - 1)(d + 2))

Source: Yamagiwa, Takase, Shimodaira, arXiv:2601.10266. The reference is isotropic and real weights
are not: a large z means "not random", and not "important".
"""

import math
from typing import Any

import numpy as np


def reference_mean(r: Any, s: Any, d: Any) -> Any:
    """Mean of PK between random subspaces of dimensions r and s in R^d; arrays broadcast."""
    return r * s / d


def reference_sd(r: Any, s: Any, d: Any) -> Any:
    """Standard deviation of the same; 0 where r or s equals d, or where either is 0."""
    if isinstance(d, np.ndarray):
        d = d.astype(np.float64)  # d^4 leaves the range of int64
    below = np.maximum(d - 1, 1) if isinstance(d, np.ndarray) else max(d - 1, 1)
    variance = 2 * r * s * (d - r) * (d - s) / (d**2 * below * (d + 2))
    return variance**0.5 if not isinstance(variance, int | float) else math.sqrt(variance)
