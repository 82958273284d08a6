"""The catalogue as a page of the reference, in Markdown."""

import json
from collections.abc import Iterable
from pathlib import Path

from headgraph.queries.stored_queries.library import catalogue
from headgraph.queries.stored_queries.query import Query

EXAMPLES = Path(__file__).parents[1] / "examples"
"""For each query, a command and its output; `make examples` writes these files."""


def docs() -> str:
    """Markdown on every stored query: description, parameters, columns, example, statement."""
    queries = catalogue().values()
    contents = [f"- [`{query.name}`](#{query.name}): {query.title}" for query in queries]
    return "\n".join([*contents, "", *(_section(query) for query in queries)])


def _section(query: Query) -> str:
    lines = [f"## `{query.name}`", "", f"**{query.title}.** {query.description}", ""]
    lines += _table(("parameter", "type", "default", ""), _params(query))
    lines += _table(("column", "type", ""), _columns(query))
    if (example := EXAMPLES / f"{query.name}.txt").is_file():
        lines += ["```text", example.read_text("utf-8").rstrip(), "```", ""]
    if query.graph_columns:
        lines += ["`--graph` and Neo4j Browser draw it.", ""]
    if query.may_be_empty:
        lines += [f"No rows are a valid answer {query.may_be_empty}.", ""]
    lines += ["```cypher", query.cypher.rstrip(), "```", ""]
    return "\n".join(lines)


def _params(query: Query) -> Iterable[tuple[str, ...]]:
    for param in query.params.values():
        default = "" if param.required else f"`{json.dumps(param.default)}`"
        if param.name == "run" and param.required:
            default = "the only run"
        yield f"`{param.name}`", param.type, default, param.text


def _columns(query: Query) -> Iterable[tuple[str, ...]]:
    for column in query.columns:
        yield f"`{column.name}`", column.type, column.text


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    cells = [head, tuple("---" for _ in head), *rows]
    return [*(f"| {' | '.join(_escaped(row))} |" for row in cells), ""]


def _escaped(row: tuple[str, ...]) -> Iterable[str]:
    return (cell.replace("|", "\\|") for cell in row)
