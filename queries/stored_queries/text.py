"""A stored query as text, for Neo4j Browser, its links and its favourites."""

from collections.abc import Mapping
from typing import Any

from headgraph.base.text import json_text
from headgraph.queries.statements.input import PARAMS
from headgraph.queries.statements.tokens import parameters
from headgraph.queries.stored_queries.library import get
from headgraph.queries.stored_queries.query import Param, Query
from headgraph.queries.stored_queries.values import all_values, example, given_values


def show(name: str, /, *, run: str | None = None, **params: Any) -> str:
    """A query's file below a line that gives its parameters values.

    Neo4j Browser needs this line to run the query. It runs line and query as two statements, and
    draws no graph for several statements at once: use `filled` for a text to run with one click.

    Args:
        name: name of the query.
        run: name of the run; it is not looked up.
        params: as for `queries.query`. Words in angle brackets replace a missing value that has no
            default, such as the run.

    Raises:
        UnknownQuery, ParameterError: as `queries.query`.
    """
    query = get(name)
    values = all_values(query, given_values(query, params, complete=False), run)
    values |= {open_: placeholder(query.params[open_]) for open_ in left_open(query, values)}
    return f"{PARAMS} {json_text(values)};\n{query.source}"


def left_open(query: Query, values: Mapping[str, Any]) -> list[str]:
    """Names of the required parameters without a value."""
    return [p.name for p in query.params.values() if p.required and values.get(p.name) is None]


def placeholder(param: Param) -> str:
    """Words in angle brackets for a value that the user must supply."""
    such_as = "" if param.name == "run" else f", such as {example(param.type)}"
    return f"<{param.text}{such_as}>"


def filled(name: str, /, *, run: str | None, **params: Any) -> str:
    """A query's title and statement with the values in place of the parameters.

    The text is one statement without parameters: Browser runs it with one click, draws its graph,
    and shows its title as a favourite's name.

    Args:
        name: name of the query.
        run: name of the run; it is not looked up.
        params: as for `queries.query`.

    Raises:
        UnknownQuery, ParameterError, MissingParameter: as `queries.query`.
    """
    query = get(name)
    values = all_values(query, given_values(query, params), run)
    return f"// {query.title}\n{_fill(query, values)}"


def _fill(query: Query, values: Mapping[str, Any]) -> str:
    text = query.cypher
    for token in reversed(parameters(text)):
        text = text[: token.start] + literal(values[token.text]) + text[token.end :]
    return text


def literal(value: Any) -> str:
    """Strings, numbers, booleans, null and lists of them in Cypher, which writes them like JSON."""
    return json_text(value)
