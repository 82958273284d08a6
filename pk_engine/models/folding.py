r"""Folding of norms into Q, K and V, and centring of O.

Neither changes what the model computes. TransformerLens has both, as `fold_ln` and
`center_writing_weights`, and derives them in its `further_comments.md`.

P = I - 11^T / d subtracts the mean. The norm before attention gives y = diag(gamma) P x / sd(x) +
beta (LayerNorm) or y = diag(gamma) x / rms(x) (RMSNorm). A head reads W^T y. Up to a factor and a
constant, it reads W_fold^T x of the residual stream x:

    W_fold = P diag(gamma) W   (LayerNorm)        W_fold = diag(gamma) W   (RMSNorm)

with gamma + 1 in place of gamma where the family file has `offset = 1` (Gemma). Where all norms are
LayerNorms, every later reader subtracts the mean. What is written along 1 is then never read, so

    W_O,centred = P W_O

Matrices are heads x d_model x d_head. O is transposed: its columns span what a head writes.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headgraph.base.spelling import argument
from headgraph.pk_engine.errors import ModelError

READERS = ("Q", "K", "V")
KINDS = ("LayerNorm", "RMSNorm", "none")


@dataclass(frozen=True)
class Norm:
    """The norm whose output a layer's Q, K and V read.

    Attributes:
        kind: LayerNorm (subtracts the mean), RMSNorm, or none.
        name: tensor with its scale; None where it has none.
        offset: added to the stored scale; 1 for Gemma.
        follows: the reason, where no norm stands before attention.
        first: the first layer that has the norm; the layers before read the residual stream itself.
    """

    kind: str
    name: str | None = None
    offset: float = 0
    follows: str | None = None
    first: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"norm kind {self.kind!r}: expected one of {', '.join(KINDS)}")


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
    """A layer with P W_O in place of W_O; role -> heads x d_model x d_head."""
    return {**layer, "O": centre(layer["O"])}


def check_folding(family: str, norm: Norm, *, fold_ln: bool, center_writing: bool) -> None:
    """Refuse folding or centring that would change the model.

    Raises:
        ModelError: no norm precedes attention, or the norms do not subtract the mean.
    """
    if fold_ln and (norm.follows or norm.kind == "none"):
        reason = norm.follows or "this model has no norms"
        raise ModelError(
            f"{argument('fold_ln', True)}: in this {family} model no norm precedes attention "
            f"that Q, K and V share ({reason}); leave it out"
        )
    if center_writing and norm.kind != "LayerNorm":
        what = "has no norms" if norm.kind == "none" else "has RMS norms, which keep the mean"
        raise ModelError(
            f"{argument('center_writing', True)}: this {family} model {what}, so heads read what "
            "is written along it and centring would change the model; leave it out"
        )
