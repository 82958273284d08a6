"""Tokens as vectors of the residual stream, and their scores in a head's subspaces."""

import os
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headgraph.analysis.errors import AnalysisError
from headgraph.analysis.tokens.vocabulary import vocabulary
from headgraph.base.spelling import argument
from headgraph.pk_engine.linalg.bases import bases, one_thread
from headgraph.pk_engine.models.hub.download import optional_file
from headgraph.pk_engine.models.weights import ModelWeights

ORDERS = ("center-first", "normalize-first")
_ROWS = 8192  # tokens at a time, so that a large vocabulary needs no second copy

Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class TokenSpace:
    """A model's tokens as centred and scaled vectors of the residual stream.

    Attributes:
        weights: the model.
        vectors: vocabulary x d_model.
        texts: the text of each token.
    """

    weights: ModelWeights
    vectors: Vectors
    texts: list[str]

    def best(self, layer: int, role: str, top: int) -> dict[int, list[tuple[int, float]]]:
        """The highest-scoring token ids and their scores in this role's subspace, by query head.

        A head whose matrix is zero has no subspace and is left out.
        """
        with one_thread():
            found = bases(self.weights.layer(layer)[role])
            scores = _scores(self.vectors, np.asarray(found.basis))
        n_heads = self.weights.shape.by_index[layer].n_heads
        group = n_heads // len(found.rank)
        return {
            head: _highest(scores[:, head // group], top)
            for head in range(n_heads)
            if found.rank[head // group]
        }


def token_space(
    model: str | os.PathLike[str],
    *,
    unembed: bool = False,
    center: bool = True,
    order: str = "center-first",
    revision: str | None = None,
) -> TokenSpace:
    """A model's tokens, centred and scaled; arguments and errors as for `tokens`."""
    if order not in ORDERS:
        raise AnalysisError(f"{argument('order', order)}: expected {' or '.join(ORDERS)}")
    weights = ModelWeights(model, revision)
    files = weights.embedding_files()
    stored = files.unembedding() if unembed else files.embedding()
    if weights.revision is not None:  # a hub id: fetch the file into the folder of the weights
        optional_file(weights.name, weights.revision, "tokenizer.json")
    texts = vocabulary(weights.folder, len(stored))
    if texts is None:
        texts = [f"[{number}]" for number in range(len(stored))]
    return TokenSpace(weights, prepared(stored, center=center, order=order), texts)


def prepared(stored: Vectors, *, center: bool, order: str) -> Vectors:
    """Rows (vocabulary x d) centred by their mean and scaled to unit length, in this order."""
    steps = [_centred, _unit] if order == "center-first" else [_unit, _centred]
    for step in steps if center else [_unit]:
        stored = step(stored)
    return stored


def _centred(rows: Vectors) -> Vectors:
    mean: Vectors = rows.mean(axis=0, dtype=np.float64).astype(np.float32)
    return rows - mean


def _unit(rows: Vectors) -> Vectors:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    # a token at the origin has no direction, so its score is 0 in every subspace
    return np.asarray(np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0))


def _scores(vectors: Vectors, basis: Vectors) -> NDArray[np.float64]:
    """||U^T e||^2 of each token and head: vocabulary x heads, from heads x d x m."""
    heads, d, m = basis.shape
    side_by_side = basis.transpose(1, 0, 2).reshape(d, heads * m)
    scores = np.empty((len(vectors), heads))
    for first in range(0, len(vectors), _ROWS):
        part = vectors[first : first + _ROWS] @ side_by_side
        scores[first : first + _ROWS] = np.square(part).reshape(-1, heads, m).sum(axis=2)
    return scores


def _highest(scores: NDArray[np.float64], top: int) -> list[tuple[int, float]]:
    order = np.argsort(-scores, kind="stable")[:top]
    return [(int(token), float(scores[token])) for token in order]
