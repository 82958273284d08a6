r"""Norms folded into what reads the residual stream, and what writes it centred.

Both leave what the model computes as it is (TransformerLens: `fold_ln`, `center_writing_weights`;
its `further_comments.md` derives them). With P = I - 11^T / d, which takes the mean away, the norm
before attention gives y = diag(gamma) P x / sd(x) + beta (LayerNorm) or y = diag(gamma) x / rms(x)
(RMSNorm). A head reads W^T y, so of the residual stream x it reads, up to a factor and a constant,

    W_fold = P diag(gamma) W   (LayerNorm)        W_fold = diag(gamma) W   (RMSNorm)

with gamma + 1 in the place of gamma where the family says `offset = 1` (Gemma). Every later reader
takes the mean away where norms are LayerNorms; what is written along 1 is then read by nobody, and

    W_O,centred = P W_O

Matrices are heads x d_model x d_head as everywhere; O is transposed, its columns are what a head
writes.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headgraph.pk_engine.errors import ModelError
from headgraph.pk_engine.models.family import Norm

READERS = ("Q", "K", "V")


def scale_reading(matrix: NDArray[np.float32], scale: NDArray[np.float32]) -> NDArray[np.float32]:
    """diag(scale) W for each head; matrix is heads x d_model x d_head, scale d_model."""
    scaled: NDArray[np.float32] = matrix * scale[:, None]
    return scaled


def centre(matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    """P W: each column minus its mean over d_model; matrix is heads x d_model x d_head."""
    centred: NDArray[np.float32] = matrix - matrix.mean(axis=1, keepdims=True)
    return centred


def fold_norm(
    layer: dict[str, NDArray[np.float32]], norm: Norm, stored: NDArray[Any] | None
) -> dict[str, NDArray[np.float32]]:
    """A layer with its norm folded into Q, K and V.

    Args:
        layer: role -> heads x d_model x d_head.
        norm: the norm that precedes attention.
        stored: its scale as the file has it, d_model; None where it has none.
    """
    folded = dict(layer)
    for role in READERS:
        if stored is not None:
            scale = np.asarray(stored, np.float32) + np.float32(norm.offset)
            folded[role] = scale_reading(folded[role], scale)
        if norm.kind == "LayerNorm":
            folded[role] = centre(folded[role])
    return folded


def centre_writing(layer: dict[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
    """A layer whose O writes nothing along the mean of the residual stream."""
    return {**layer, "O": centre(layer["O"])}


def check_folding(family: str, norm: Norm, *, fold_ln: bool, center_writing: bool) -> None:
    """Refuse what would change the model.

    Raises:
        ModelError: no norm precedes attention, or norms do not take the mean away.
    """
    if fold_ln and (norm.follows or norm.kind == "none"):
        reason = norm.follows or "this model has no norms"
        raise ModelError(
            f"--fold-ln: in this {family} model no norm precedes attention ({reason}); leave it out"
        )
    if center_writing and norm.kind != "LayerNorm":
        what = "has no norms" if norm.kind == "none" else "has RMS norms, which keep the mean"
        raise ModelError(
            f"--center-writing: this {family} model {what}, so heads read what is written along it "
            "and centring would change the model; leave it out"
        )
