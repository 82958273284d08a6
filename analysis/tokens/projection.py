"""Token projection: the tokens that lie most in what a head reads or writes.

The published description (Yamagiwa, Takase & Shimodaira 2026, arXiv:2601.10266, Fig. 6) leaves the
details open. The formula here is this project's own; studies/tokens.md shows what its choices
change.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from headgraph.analysis.errors import AnalysisError
from headgraph.analysis.tokens.space import TokenSpace, token_space
from headgraph.base.names import ROLES, check_head, head_name, parse_head
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
    """The tokens whose embeddings lie most in each head's subspace.

        score(t) = ||U^T e_t||^2,   e_t = (w_t - mean w) / ||w_t - mean w||

    with U (d x rank) an orthonormal basis of the head's role subspace and w_t the token's row of
    W_E, or of W_U with `unembed`; the mean is over the vocabulary. A score is the squared cosine of
    the angle between the token and the subspace: 0 to 1, on average about rank / d for directions
    that know nothing of the head.

    Where users go wrong: norms, positions and earlier layers stand between an embedding and what a
    later head reads, so this describes directions, not what the head does on a text; and in a
    trained model the embedding of a rare token may be little more than noise.

    Args:
        model: a bundled model's name, a folder, or a hub id; its files must hold the embedding.
        head: a name such as `L1H2`, counting query heads; all heads by default.
        role: of Q, K, V and O, such as `Q` or `Q,O`.
        top: tokens for each head and role.
        unembed: take the rows of W_U, which the logits are read by.
        center: take the mean over the vocabulary away.
        order: `center-first`, or `normalize-first`, which takes the mean of the rows of unit length
            away from them and does not scale again.
        revision: branch, tag or commit of a hub id.

    Returns:
        `head`, `role`, `rank` (from 1), `token`, `token_id`, `score`. Where the model has no
        tokenizer.json a token is `[id]`. Heads that share a key/value head have the same rows.

    Raises:
        ModelError, WeightsError: the model cannot be read, or holds no embedding.
        AnalysisError: no such head, role or order, or `top` below 1.
    """
    roles = _roles(role)
    if top < 1:
        raise AnalysisError(f"--top {top}: expected a whole number of at least 1")
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
                    "head": head_name(layer, head),
                    "role": role,
                    "rank": rank,
                    "token": space.texts[token],
                    "token_id": token,
                    "score": score,
                }


def _roles(text: str) -> list[str]:
    wanted = {part.strip().upper() for part in text.split(",") if part.strip()}
    if not wanted or wanted.difference(ROLES):
        raise AnalysisError(f"--role {text}: expected some of Q, K, V, O, such as Q,O")
    return [role for role in ROLES if role in wanted]


def _heads(weights: ModelWeights, name: str | None) -> list[Head]:
    shape = weights.shape
    if name is None:
        return [(layer, head) for layer in range(shape.n_layers) for head in range(shape.n_heads)]
    layer, head = parse_head(name)
    check_head(layer, head, (shape.n_layers, shape.n_heads), weights.name)
    return [(layer, head)]
