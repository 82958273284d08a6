"""What TransformerLens did to the weights that it holds, seen from the weights."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headgraph.pk_engine.models.interface import LensModel

CENTRED = 0.01
"""|1^T W| / |W| is about 1 for a matrix that nobody centred, 1e-7 after centring, and 2e-3 where it
was rounded to bfloat16 afterwards."""


def processing(model: LensModel, blocks: Sequence[Any]) -> tuple[bool, bool]:
    """Whether norms were folded in, and whether what is written was centred.

    A bridge says whether its weights were processed, and not how.
    """
    if getattr(model, "_weights_processed", None) is False:
        return False, False
    layered = str(getattr(model.cfg, "normalization_type", None)).startswith("LN")
    folded = all(_folded(block, layered) for block in blocks)
    return folded, all(_centred(to_float32(block.attn.W_O), -1) for block in blocks)


def _folded(block: Any, layered: bool) -> bool:
    """Whether folding the norm once more would change nothing: no scale, no mean to take away."""
    norm = getattr(block, "ln1", None)
    scale = getattr(norm, "weight", None)
    # a scale that is stored less 1 is all zeros then
    same = scale is None or any((to_float32(scale) == one).all() for one in (1, 0))
    reads = (block.attn.W_Q, block.attn.W_K, block.attn.W_V)
    return (
        norm is not None
        and same
        and (not layered or all(_centred(to_float32(w), 1) for w in reads))
    )


def _centred(matrix: NDArray[np.float32], axis: int) -> bool:
    size = float(np.linalg.norm(matrix))
    return float(np.linalg.norm(matrix.sum(axis=axis))) <= CENTRED * size


def to_float32(tensor: Any) -> NDArray[np.float32]:
    """A tensor as NumPy takes it, wherever it lies; no copy of one that is float32 already."""
    matrix: NDArray[np.float32] = tensor.detach().float().cpu().numpy()
    return matrix
