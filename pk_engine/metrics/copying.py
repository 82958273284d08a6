"""Whether a head writes what it reads, and with which sign: what PK alone cannot show.

PK compares subspaces, and a subspace has no sign: a head that writes the negative of what it reads
has the same PK as one that writes it unchanged. Both numbers here belong to a single head.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headgraph.pk_engine.linalg.scaling import scaled

HEAD_SCORES = ("copying", "self_overlap")
"""Scores of single heads in a table's metadata."""
SIGN = 0.9
"""|copying| beyond which a head counts as a copier or an eraser."""
_SAFE = 30  # binary exponents of entries; sums of their products are far from overflow
OVERLAP = 0.5
"""self_overlap beyond which a head counts as a copier or an eraser."""


def copying(values: NDArray[np.floating], outputs: NDArray[np.floating]) -> NDArray[np.float64]:
    """How far W_OV acts as a positive multiple of the identity on what the head keeps.

        copying = Re(sum of eigenvalues) / (sum of their moduli), -1 to 1

    The nonzero eigenvalues of W_OV = W_V W_O (d x d, row vectors) are those of the m x m matrix
    W_O W_V, which is the one decomposed. 1: what is read is written with its sign (copied).
    -1: the negative is written (erased). Near 0: it is rotated or mixed. The score says nothing
    about how much of the stream the head reads; see `self_overlap`.
    Source: the eigenvalue score for copying of Elhage et al. 2021, "A Mathematical Framework for
    Transformer Circuits", here without the embeddings.

    Args:
        values: W_V of each head, heads x d x m; a query head takes its key/value head's.
        outputs: W_O transposed of each head, heads x d x m.

    Returns:
        heads; NaN where all eigenvalues are 0.
    """
    return copying_of(np.matmul(scaled(outputs, _SAFE).mT, scaled(values, _SAFE)))


def copying_of(product: NDArray[np.floating]) -> NDArray[np.float64]:
    """`copying` from W_O W_V of each head, heads x m x m."""
    eigenvalues = np.linalg.eigvals(scaled(product, _SAFE))
    moduli = np.abs(eigenvalues).sum(-1, dtype=np.float64)
    real = eigenvalues.real.sum(-1, dtype=np.float64)
    return _ratio(real, moduli)


def self_overlap(
    value_bases: NDArray[np.floating],
    output_bases: NDArray[np.floating],
    rank: NDArray[np.integer],
) -> NDArray[np.float64]:
    """Share of what a head writes that lies in what it reads: PK(V, O) of the head with itself.

        self_overlap = ||U_V^T U_O||_F^2 / min(rank V, rank O), 0 to 1

    Args:
        value_bases: orthonormal columns that span W_V, heads x d x m.
        output_bases: orthonormal columns that span W_O^T, heads x d x m.
        rank: the smaller rank of each head's two matrices.

    Returns:
        heads; NaN where the rank is 0.
    """
    product = np.matmul(value_bases.mT, output_bases)
    overlap = np.square(product, dtype=np.float64).sum((-2, -1))
    return share(overlap, rank)


def share(overlap: NDArray[np.floating], rank: NDArray[np.integer]) -> NDArray[np.float64]:
    """`self_overlap` from PK(V, O) of each head with itself; NaN where the rank is 0."""
    return _ratio(overlap, rank)


def derived_role(copies: float | None, overlap: float | None) -> str | None:
    """`eraser` or `copier`, as the weights alone show it; None for every other head.

    A derived role is no role from the literature: it says what W_OV does, not what the head is for.
    """
    if copies is None or overlap is None or not overlap > OVERLAP:
        return None
    if copies < -SIGN:
        return "eraser"
    return "copier" if copies > SIGN else None


def _ratio(part: NDArray[Any], whole: NDArray[Any]) -> NDArray[np.float64]:
    ratio = np.full(len(part), np.nan)
    np.divide(part, whole, out=ratio, where=whole > 0)
    return ratio
