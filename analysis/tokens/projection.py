"""Token projection: the tokens that lie most in a head's subspaces.

The published description (Yamagiwa, Takase & Shimodaira 2026, arXiv:2601.10266, Fig. 6) leaves the
details open. The formula here is this project's own; docs/studies/tokens.md shows how its choices
change the tokens.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from headgraph.analysis.errors import AnalysisError
from headgraph.analysis.tokens.space import TokenSpace, token_space
from headgraph.base.names import ROLES
from headgraph.base.spelling import argument
from headgraph.pk_engine.models.weights import ModelWeights

Head = tuple[int, int]


def tokens(
    model: str | os.PathLike[str],
    head: str | None = None,
    *,
    role: str = "Q,K,V,O",
    top: int = 10,
    unembed: bool = False,
    center: bool = True,
    order: str = "center-first",
    revision: str | None = None,
) -> pd.DataFrame:
    """The tokens whose embeddings lie most in each head's subspaces.

        score(t) = ||U^T e_t||^2,   e_t = (w_t - mean w) / ||w_t - mean w||

    with U (d x rank) an orthonormal basis of the head's role subspace and w_t the token's row of
    W_E, or of W_U with `unembed`; the mean is over the vocabulary. A score is the squared cosine of
    the angle between the token and the subspace: 0 to 1, about rank / d for random directions.

    Where users go wrong: norms, positions and earlier layers stand between an embedding and what a
    later head reads. Scores describe directions, not what the head does on a text. The embedding
    of a rare token may be little more than noise.

    Args:
        model: a bundled model's name, a folder, or a hub id; its files must hold the embedding.
        head: a query head such as `L1H2`; all heads by default.
        role: roles out of Q, K, V and O, such as `Q` or `Q,O`.
        top: number of tokens for each head and role.
        unembed: use the rows of W_U, the unembedding, instead of W_E.
        center: subtract the mean over the vocabulary.
        order: `center-first`, or `normalize-first`, which scales rows to unit length and then
            subtracts their mean, without scaling again.
        revision: branch, tag or commit of a hub id.

    Returns:
        `head`, `role`, `rank` (from 1), `token`, `token_id`, `score`. Where the model has no
        tokenizer.json a token is `[id]`. Heads that share a key/value head have the same rows.

    Raises:
        ModelError, WeightsError: the model cannot be read, or holds no embedding.
        AnalysisError: an unknown role or order, or `top` below 1.
        UnknownHead: the model has no such head.
    """
    roles = _roles(role)
    if top < 1:
        raise AnalysisError(f"{argument('top', top)}: expected a whole number of at least 1")
    space = token_space(model, unembed=unembed, center=center, order=order, revision=revision)
    heads = _heads(space.weights, head)
    rows = list(_rows(space, heads, roles, top))
    return pd.DataFrame(rows, columns=["head", "role", "rank", "token", "token_id", "score"])


def _rows(
    space: TokenSpace, heads: Sequence[Head], roles: Sequence[str], top: int
) -> Iterator[dict[str, Any]]:
    layers: dict[int, Mapping[str, Any]] = {}
    for layer, head in heads:
        if layer not in layers:
            layers = {layer: {role: space.best(layer, role, top) for role in roles}}
        for role in roles:
            for rank, (token, score) in enumerate(layers[layer][role].get(head, ()), start=1):
                yield {
                    "head": f"{space.weights.shape.by_index[layer].name}H{head}",
                    "role": role,
                    "rank": rank,
                    "token": space.texts[token],
                    "token_id": token,
                    "score": score,
                }


def _roles(text: str) -> list[str]:
    wanted = {part.strip().upper() for part in text.split(",") if part.strip()}
    if not wanted or wanted.difference(ROLES):
        raise AnalysisError(f"{argument('role', text)}: expected some of Q, K, V, O, such as Q,O")
    return [role for role in ROLES if role in wanted]


def _heads(weights: ModelWeights, name: str | None) -> list[Head]:
    shape = weights.shape
    if name is None:
        return [(layer.index, head) for layer in shape.layers for head in range(layer.n_heads)]
    return [shape.place_of(name, weights.name)]
