"""What a head attends to: scores of one attention pattern against its tokens.

A pattern A is position x position, rows summing to 1 over the positions up to the row's own. Each
score is the attention that goes where a behaviour would send it, averaged over the positions at
which the behaviour is possible:

    previous_token    mean over q >= 1 of A[q, q - 1]
    duplicate_token   mean over q whose token stood before, of the sum of A[q, k] over k < q with
                      the same token
    induction         mean over the same q, of the sum of A[q, k + 1] over these k, k + 1 < q: the
                      tokens that followed this one before
    identity          mean over all q of A[q, q], the pattern's diagonal

The chance level of a score is that of uniform attention: A[q, k] = 1 / (q + 1) for k <= q. It
depends on the tokens, and is high on short texts: identity has the mean of 1 / (q + 1).

Sources: Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits", and Olsson et al.
2022, arXiv:2209.11895 (previous-token and induction heads); Wang et al. 2023, arXiv:2211.00593
(duplicate tokens); Yamagiwa, Takase, Shimodaira 2026, arXiv:2601.10266, Fig. 7 (identity).
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from headgraph.graphdb.schema import BEHAVIOURS

__all__ = ["BEHAVIOURS", "CHANCES", "Attended", "attended", "uniform"]

CHANCES = {name: f"{name}_chance" for name in BEHAVIOURS}
"""Behaviour -> column with the score of uniform attention."""


class Attended(NamedTuple):
    """One behaviour over one prompt.

    Attributes:
        total: attention where the behaviour sends it, summed over positions; one per head.
        positions: at how many the behaviour is possible.
    """

    total: NDArray[np.float64]
    positions: int


def attended(pattern: NDArray[Any], tokens: NDArray[np.int64]) -> dict[str, Attended]:
    """Every behaviour over one prompt.

    Args:
        pattern: heads x positions x positions.
        tokens: of each position.
    """
    n = len(tokens)
    earlier = np.tril(np.ones((n, n), bool), -1)
    same = (tokens[:, None] == tokens[None, :]) & earlier
    after = np.zeros_like(same)
    after[:, 1:] = same[:, :-1]
    again = same.any(1)
    where = {
        "previous_token": (np.eye(n, k=-1, dtype=bool), np.arange(n) > 0),
        "duplicate_token": (same, again),
        "induction": (after & earlier, again),
        "identity": (np.eye(n, dtype=bool), np.ones(n, bool)),
    }
    wide = pattern.astype(np.float64)
    return {
        name: Attended((wide * mask)[:, rows].sum((1, 2)), int(rows.sum()))
        for name, (mask, rows) in where.items()
    }


def uniform(n: int) -> NDArray[np.float64]:
    """The pattern of one head that attends equally to all positions up to its own: 1 x n x n."""
    return np.asarray(np.tril(np.ones((1, n, n))) / np.arange(1, n + 1)[:, None])
