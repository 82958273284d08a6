"""Figures that need more than attention weights: embeddings (Fig. 6), a run (Fig. 7)."""

import re
from collections.abc import Mapping
from typing import Any

from headgraph.analysis.errors import AnalysisError
from headgraph.analysis.reproduction.claims import Claim, Part, claim, not_run
from headgraph.analysis.reproduction.sources import Source
from headgraph.pk_engine.errors import EngineError

TEXT = "When Mary and John went to the shops, John gave the bag to"
"""The text of Fig. 7; the end-of-text token goes before it."""
TOKENS = len(re.findall(r"\w+|[^\w\s]", TEXT)) + 1
"""Tokens of Fig. 7: GPT-2's tokenizer has one for each of these common words, and the comma."""
NO_WEIGHTS = "Needs the model itself, not a table of its scores."


def top_tokens(source: Source, paper: Mapping[str, Any]) -> Part:
    """Fig. 6: the tokens that lie most in a head's subspace."""
    title, where = "Tokens in a head's subspace", "Fig. 6"
    printed = {(one["head"], one["role"]): one["tokens"] for one in paper["tokens"]}
    names = {key: f"among the ten first of {key[0]} {key[1]}" for key in printed}
    try:
        found = {key: _tokens(source, *key) for key in printed}
    except (AnalysisError, EngineError) as error:
        claims = [not_run(names[key], ", ".join(tokens)) for key, tokens in printed.items()]
        return Part(title, where, claims, (str(error),))
    claims = []
    for key, tokens in printed.items():
        there = [token for token in tokens if token in found[key]]
        text = f"{', '.join(tokens)} {names[key]}"
        claims.append(claim(text, str(len(tokens)), len(there)))
        claims.append(
            Claim(f"our ten first of {key[0]} {key[1]}", "", ", ".join(found[key]), "", "")
        )
    return Part(title, where, claims, ("Embeddings are centred, then scaled to unit length.",))


def identity_heads(source: Source, paper: Mapping[str, Any]) -> Part:
    """Fig. 7: how much each head attends to its own position."""
    title, where = "Identity heads", "Fig. 7"
    printed = paper["identity"]
    names = {head: f"mean of the pattern's diagonal, {head}" for head in printed}
    chance = sum(1 / (q + 1) for q in range(TOKENS)) / TOKENS
    says = (
        f"Chance level: attention spread equally over the allowed positions of the {TOKENS} tokens "
        f"has a diagonal with the mean {chance:.2f}. Attending to itself says nothing of what a "
        "head does with what it reads: it may copy or erase it.",
    )
    try:
        scores = _diagonals(source)
    except (AnalysisError, EngineError) as error:
        return Part(title, where, [not_run(names[h], printed[h]) for h in printed],
                    (*says, str(error)))  # fmt: skip
    return Part(
        title,
        where,
        [claim(names[h], printed[h], scores[h], reading=True) for h in printed],
        (*says, "The paper's values are read off the colours of its figure, so nothing is judged."),
    )


def _tokens(source: Source, head: str, role: str) -> list[str]:
    from headgraph.analysis.tokens import tokens

    if not source.has_weights:
        raise AnalysisError(NO_WEIGHTS)
    rows = tokens(source.weights, head, role=role, top=10, revision=source.revision)
    return [str(token).strip() for token in rows["token"]]


def _diagonals(source: Source) -> dict[str, float]:
    if not source.has_weights:
        raise AnalysisError(NO_WEIGHTS)
    from headgraph.analysis.behaviour import behaviour
    from headgraph.base.names import head_name

    rows = behaviour(source.weights, text=TEXT)
    heads = zip(rows["layer"], rows["head"], rows["identity"], strict=True)
    return {head_name(int(layer), int(head)): float(score) for layer, head, score in heads}
