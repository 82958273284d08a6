"""Tokens in the boxes of a wiring diagram, a line for each role of the head."""

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache

from headgraph.analysis.errors import FigureError
from headgraph.analysis.figures import style
from headgraph.analysis.figures.roles import Head
from headgraph.analysis.tokens.space import TokenSpace, token_space
from headgraph.analysis.wiring._layout import Line
from headgraph.analysis.wiring._marks import WORDS
from headgraph.base.names import ROLES
from headgraph.base.spelling import argument
from headgraph.pk_engine.scoring.layers import fingerprint
from headgraph.pk_engine.table.meta import TableMeta

LINE, WIDEST = 6.6, 74.0
"""Distance of lines of tokens, and the largest width of one, in points."""
MOST = 10
"""Tokens to choose from; a line shows as many of them as fit."""


def head_words(
    lines: Sequence[Line], meta: TableMeta, model: str | os.PathLike[str]
) -> dict[Head, tuple[str, ...]]:
    """Head -> a line of tokens for each of its roles with a line, such as `Q he she they`.

    A head has role O with a line that leaves it, and Q, K or V with a line that enters it there.

    Args:
        lines: the lines of the diagram.
        meta: metadata of their table.
        model: the model of the table.

    Raises:
        FigureError: the table was made from other weights.
        WeightsError: the model's files hold no embedding.
    """
    space = token_space(model)
    if fingerprint(space.weights, {}) != meta.fingerprint:
        raise FigureError(
            f"{argument('tokens', os.fspath(model))}: the table of {meta.model} was made from "
            "other weights; expected the model that it was made from"
        )
    wanted: dict[Head, set[str]] = defaultdict(set)
    for line in lines:
        wanted[line.source].add("O")
        wanted[line.target].add(line.pairing[1])
    return _texts(space, wanted)


def _texts(space: TokenSpace, wanted: Mapping[Head, set[str]]) -> dict[Head, tuple[str, ...]]:
    @cache
    def best(layer: int, role: str) -> dict[int, list[tuple[int, float]]]:
        return space.best(layer, role, MOST)

    return {
        (layer, head): tuple(
            _fitting(role, [_shown(space.texts[token], token) for token, _ in found])
            for role in ROLES
            if role in roles and (found := best(layer, role).get(head))
        )
        for (layer, head), roles in wanted.items()
    }


def _fitting(role: str, words: Sequence[str]) -> str:
    """The role and as many of the first words, each once, as one line has room for."""
    text = role
    for word in dict.fromkeys(words):
        longer = f"{text} {word}"
        if style.text_width(longer, WORDS) > WIDEST:
            break
        text = longer
    return text


def _shown(token: str, number: int) -> str:
    """A token as a word: visible, in letters that the font has, and no formula."""
    text = token.strip().replace("\n", "\\n") or "␣" * min(len(token), 3)
    words = style.legible(text)
    return words if text and style.verbatim(words) == text else f"[{number}]"
