"""A statement that another program writes into stdin."""

import sys

from headgraph.queries._cypher import LONGEST
from headgraph.queries.errors import ParameterError

_MOST_BYTES = 4 * LONGEST + 64 * 2**20
"""Of a statement and a first line of parameters, which may hold long lists."""


def statement() -> str:
    """The text on stdin.

    Raises:
        ParameterError: there is no stdin, too much of it, or it is not UTF-8.
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
