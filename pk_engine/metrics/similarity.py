"""Similarities of raw weight matrices, computed with the kernel alone.

X and Y are d x m: W_Q, W_K, W_V, or W_O transposed. A similarity of two sets of vectors depends on
which axis counts as examples. The paper does not state its choice, so there are two:

cka           the d rows are the examples; a rotation of a head's inner basis does not change it.
cka_columns   the m head dimensions are the examples; it depends on the inner basis of the model.

Both are defined for all sixteen pairings. `simple_cs` is a composition score, defined where one
head writes and the other reads: OQ, OK and OV.

Sources: Kornblith et al. 2019, "Similarity of Neural Network Representations Revisited",
arXiv:1905.00414 (linear CKA, here without centring); Yamagiwa, Takase, Shimodaira,
arXiv:2601.10266 (its use on weights, and Simple CS).
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headgraph.base.names import GRAPH_PAIRINGS
from headgraph.pk_engine.linalg.array_ops import namespace, to_numpy
from headgraph.pk_engine.linalg.kernel import Block, kernel

SIMPLE_CS_PAIRINGS = GRAPH_PAIRINGS

Floats = NDArray[Any]


def simple_cs(
    x: Floats, y: Floats, blocks: Sequence[Block], *, executor: Executor | None = None
) -> Floats:
    """||X^T Y||_F / (||X||_F ||Y||_F): the composition score of W_O and W_X alone.

    Args:
        x: ... x d x m, n in all, the sources' W_O transposed.
        y: ... x d x m, k in all, the targets' W_Q, W_K or W_V.
        blocks: which sources meet which targets, as for `kernel`.
        executor: where the parts are computed; the caller's thread by default.

    Returns:
        n x k, 0 to 1, of the type of `x`; 0 for a matrix of zeros and outside the blocks.
    """
    squares = kernel(x, y, blocks, executor=executor)
    return over_norms(np.sqrt(squares), frobenius(x), frobenius(y))


def cka(
    x: Floats, y: Floats, blocks: Sequence[Block], *, executor: Executor | None = None
) -> Floats:
    """||X^T Y||_F^2 / (||X^T X||_F ||Y^T Y||_F) = K(X, Y) / sqrt(K(X, X) K(Y, Y)).

    Arguments as in `simple_cs`, any roles. n x k, 0 to 1; 1 for X = Y.
    """
    return over_norms(kernel(x, y, blocks, executor=executor), gram_norms(x), gram_norms(y))


def cka_columns(
    x: Floats, y: Floats, blocks: Sequence[Block], *, executor: Executor | None = None
) -> Floats:
    """<X^T X, Y^T Y>_F / (||X^T X||_F ||Y^T Y||_F).

    The numerator is ||X Y^T||_F^2: the same kernel on the transposed factors. Its projectors are
    X^T X, so no d x d matrix is formed. Arguments as in `cka`; both stacks need the same m.
    """
    x_t, y_t = x.mT, y.mT
    return over_norms(kernel(x_t, y_t, blocks, executor=executor), gram_norms(x), gram_norms(y))


def over_norms(values: Floats, x: Floats, y: Floats) -> Floats:
    """values[i, j] / (x[i] y[j]), and 0 where a norm is 0."""
    norms = x[:, None] * y[None, :]
    norms[norms == 0] = 1
    scores: Floats = (values / norms).astype(values.dtype)
    return scores


def frobenius(stack: Floats) -> Floats:
    """||X||_F of each matrix of ... x d x m, n in all, in float64."""
    return _norms(stack, lambda matrices: matrices)


def gram_norms(stack: Floats) -> Floats:
    """||X^T X||_F of each matrix of ... x d x m, n in all, in float64."""
    return _norms(stack, lambda matrices: matrices.mT @ matrices)


def _norms(stack: Any, of: Callable[[Any], Any]) -> Floats:
    xp = namespace(stack)
    # a few at a time: products of the whole stack could take as much memory as the stack
    parts = stack if stack.ndim > 3 else [stack[i : i + 16] for i in range(0, len(stack), 16)]
    norms = [to_numpy(xp.linalg.matrix_norm(of(matrices))) for matrices in parts]
    return np.concatenate(norms).astype(np.float64)
