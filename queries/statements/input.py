"""A statement from stdin, and the line of parameters above a statement."""

import sys
from typing import Any

from headgraph.base.documents import parse_json
from headgraph.base.text import quoted
from headgraph.queries.errors import ParameterError
from headgraph.queries.statements.run import LONGEST

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
