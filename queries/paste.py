"""Stored queries as text for other programs: Neo4j Browser, its links, its favourites."""

from collections.abc import Mapping
from typing import Any

from headgraph.base.documents import parse_json
from headgraph.base.text import json_text, quoted
from headgraph.queries._tokens import parameters
from headgraph.queries.errors import ParameterError
from headgraph.queries.library import get
from headgraph.queries.runner import all_values, given_values
from headgraph.queries.stored_query import Param, Query
from headgraph.queries.values import example

PARAMS = ":params"


def show(name: str, /, *, run: str | None = None, **params: Any) -> str:
    """A query's file below the line that gives its parameters their values.

    Neo4j Browser sets parameters by such a line and refuses a query without. It takes the two as
    two statements and draws no graph for several at once; `filled` is for one click.

    Args:
        name: of the query.
        run: name of the run; it is not looked up.
        params: as for `queries.run`. Where a value that has no default is not given, the run's
            too, words in angle brackets stand in its place.

    Raises:
        UnknownQuery, ParameterError: as `queries.run`.
    """
    query = get(name)
    values = all_values(query, given_values(query, params, complete=False), run)
    values |= {open_: placeholder(query.params[open_]) for open_ in left_open(query, values)}
    return f"{PARAMS} {json_text(values)};\n{query.source}"


def split_params(text: str) -> tuple[dict[str, Any], str]:
    """The values of a first line `:params {...}`, as `show` writes it, and the text below it.

    Raises:
        ParameterError: the line is not one object in JSON.
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


def left_open(query: Query, values: Mapping[str, Any]) -> list[str]:
    """Names of the parameters that must have a value and have none here."""
    return [p.name for p in query.params.values() if p.required and values.get(p.name) is None]


def placeholder(param: Param) -> str:
    """What stands for a value that somebody still has to write."""
    such_as = "" if param.name == "run" else f", such as {example(param.type)}"
    return f"<{param.text}{such_as}>"


def filled(name: str, /, *, run: str | None, **params: Any) -> str:
    """A query's title and statement with the values in place of the parameters.

    One statement without parameters: Browser runs it at one click, draws its graph, and takes its
    title for a favourite. Arguments as `show`.
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
    """Text, numbers, booleans, null and lists of them as Cypher writes them: as JSON does."""
    return json_text(value)
