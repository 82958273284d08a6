"""The random reference: the PK of two unrelated subspaces.

For independent, uniformly random subspaces of dimensions r and s in R^d, PK = ||U^T U'||_F^2 has

    mean      r s / d
    variance  2 r s (d - r)(d - s) / (d^2 (d - 1)(d + 2))

Source: Yamagiwa, Takase, Shimodaira, arXiv:2601.10266. The reference is isotropic and real weights
are not: a large z means "not random", and not "important".
"""

import math
from typing import Any


def reference_mean(r: Any, s: Any, d: int) -> Any:
    """Mean of PK between random subspaces of dimensions r and s in R^d; arrays broadcast."""
    return r * s / d


def reference_sd(r: Any, s: Any, d: int) -> Any:
    """Standard deviation of the same; 0 where r or s equals d, or where either is 0."""
    variance = 2 * r * s * (d - r) * (d - s) / (d**2 * max(d - 1, 1) * (d + 2))
    return variance**0.5 if not isinstance(variance, int | float) else math.sqrt(variance)
