"""A statement from stdin, and values of its parameters: a line above it, and options."""

import json
import sys
from collections.abc import Iterable
from typing import Any

from headgraph.base.files.documents import parse_json
from headgraph.base.text import listed, quoted, short
from headgraph.queries.errors import ParameterError
from headgraph.queries.options import parse_params
from headgraph.queries.statements.run import LONGEST
from headgraph.queries.statements.tokens import parameters

PARAMS = ":params"
"""The word that begins a line of parameters, as in Neo4j Browser."""

_MOST_BYTES = 4 * LONGEST + 64 * 2**20
"""Bytes of a statement and a line of parameters, which may hold long lists."""


def from_stdin() -> str:
    """The text on stdin.

    Raises:
        ParameterError: stdin is closed, holds too much, or is not UTF-8.
    """
    if sys.stdin is None:
        raise ParameterError("stdin is closed: give the statement in place of -")
    data = sys.stdin.buffer.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise ParameterError(f"stdin has more than {_MOST_BYTES:,} bytes: expected a statement")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ParameterError(
            f"stdin is not UTF-8 text (byte {error.start:,} is {data[error.start]:#04x}): expected "
            "a statement in UTF-8"
        ) from error


def split_params(text: str) -> tuple[dict[str, Any], str]:
    """The values of a first line `:params {...}`, as `queries.show` writes it, and the rest.

    Raises:
        ParameterError: the line is not one JSON object.
    """
    first, _, rest = text.lstrip().partition("\n")
    if not first.startswith(PARAMS):
        return {}, text
    values = parse_json(
        first.removeprefix(PARAMS).strip().removesuffix(";"),
        source=f"the line {quoted(first)}",
        problem=ParameterError,
    )
    return values, rest


def given_values(texts: Iterable[str], statement: str) -> dict[str, Any]:
    """Values of parameters from `NAME=VALUE` texts, in which a VALUE of JSON is read as JSON.

    Raises:
        ParameterError: a text is not NAME=VALUE, or the statement has no parameter of its name.
    """
    values = {name: _value(text) for name, text in parse_params(texts).items()}
    there = {token.text for token in parameters(statement)}
    for name in values:
        if name not in there:
            has = listed([f"${it}" for it in sorted(there)]) if there else "no parameter"
            raise ParameterError(
                f"-p {short(name)}: the statement has no ${short(name)}; it has {has}"
            )
    return values


def _value(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return text


def _no_constant(name: str) -> Any:
    """Leave NaN and Infinity, which JSON does not have, as text."""
    raise ValueError(name)
