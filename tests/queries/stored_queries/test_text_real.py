"""Texts filled into a statement are the same texts to the server, whatever they hold."""

import pytest

from headgraph.graphdb import Graph
from headgraph.queries.stored_queries.text import literal

TEXTS = [
    'a "name"',
    "it's",
    "back\\slash",
    "\\",
    # the server reads \\uXXXX before it looks for quotes
    "\\u0022}) DETACH DELETE n //",
    "\\\\u0022",
    '\\"',
    "\n\r\t\b\f\x01\x1f",
    "\u00fc \u2028 \U0001f600",
    "// no comment /* nor this */",
    "$run",
]


@pytest.mark.parametrize("text", TEXTS)
def test_a_filled_in_text_is_read_as_it_was(database: Graph, text: str) -> None:
    answer = database.read(f"RETURN {literal(text)} AS text, {literal([text, 1])} AS both")
    assert answer.rows == ((text, [text, 1]),)
