"""`headgraph query`."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from headgraph.base.spelling import Message
from headgraph.base.terminal import say
from headgraph.base.text import json_text
from headgraph.graphdb.options import deferred_connection_options
from headgraph.queries.options import chosen_format, query_options, values_of
from headgraph.queries.stored_queries.library import listing

if TYPE_CHECKING:
    from headgraph.graphdb.connection.graph import Graph

Connect = Callable[..., "Graph"]


@click.command()
@click.argument("name", required=False)
@query_options
@click.option(
    "--series", metavar="SERIES", help="Ask every checkpoint of a training run, in order of step."
)
@click.option(
    "--graph", "as_graph", is_flag=True, help="Print nodes and links as JSON instead of a table."
)
@click.option(
    "--show", is_flag=True, help="Print the query's Cypher with a :params line, and do not run it."
)
@deferred_connection_options
def query(
    name: str | None,
    run: str | None,
    params: tuple[str, ...],
    series: str | None,
    as_graph: bool,
    show: bool,
    connect: Connect,
) -> Any:
    """Ask the stored query NAME; without NAME, list all stored queries.

    headgraph query NAME --help explains a query.

    Example: headgraph query neighbours --run gpt2-small -p head=L4H7
    """
    from headgraph import queries

    if name is None:
        if run or params or series or as_graph or show:
            raise click.UsageError(
                "--run, --series, -p, --graph and --show require a query: "
                "headgraph query NAME --run RUN"
            )
        return listing(in_full=chosen_format() in ("json", "jsonl"))
    if show and as_graph:
        raise click.UsageError("--show and --graph exclude each other: give one of them")
    if as_graph and (format_ := chosen_format()) not in ("table", "json"):
        raise click.UsageError(f"--graph prints one JSON document: leave out --format {format_}")
    if series and (run or show or as_graph):
        raise click.UsageError("--series excludes --run, --show and --graph: leave them out")
    values = values_of(name, params, complete=not show)
    if show:
        return _text(name, run, values)
    with connect() as graph:
        if series:
            return queries.over_series(name, graph, series=series, **values)
        if not as_graph:
            return queries.query(name, graph, run=run, **values)
        answer = queries.node_link(name, graph, run=run, **values)
        about = answer["graph"]
        for name, start in (("no_rows", "no rows: "), ("limited", ""), ("cut", "")):
            if note := about.get(name):
                say(f"{start}{Message(note).marked}")
                about[name] = Message(note).options
        return json_text(answer, indent=2)


def _text(name: str, run: str | None, values: dict[str, str]) -> str:
    """The query's text; a note on stderr names the values that are missing."""
    from headgraph import queries
    from headgraph.queries.stored_queries.text import left_open

    if missing := left_open(queries.get(name), {**values, "run": run}):
        words = " and ".join(missing)
        say(f"replace <...> on line 1 by a value for {words}")
    text: str = queries.show(name, run=run, **values)
    return text.rstrip()
