"""`headgraph query` and `headgraph cypher`."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from headgraph.base.terminal import say
from headgraph.base.text import json_text
from headgraph.graphdb.options import deferred_connection_options
from headgraph.queries._listing import listing
from headgraph.queries._options import chosen_format, query_options, values_of

if TYPE_CHECKING:
    import pandas as pd

    from headgraph.graphdb.graph import Graph

Connect = Callable[..., "Graph"]


@click.command()
@click.argument("name", required=False)
@query_options
@click.option("--series", metavar="SERIES", help="Ask all checkpoints of a training run, by step.")
@click.option("--graph", "as_graph", is_flag=True, help="Nodes and links as JSON, not a table.")
@click.option("--show", is_flag=True, help="Print its text with a :params line.")
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
    """Ask a stored question; without NAME, list the questions there are.

    Example: headgraph query neighbours --run gpt2-small -p head=L4H7
    """
    from headgraph import queries

    if name is None:
        if run or params or series or as_graph or show:
            raise click.UsageError(
                "--run, --series, -p, --graph and --show belong to a query: "
                "headgraph query NAME --run RUN"
            )
        return listing(in_full=chosen_format() in ("json", "jsonl"))
    if show and as_graph:
        raise click.UsageError("--show prints a text and --graph an answer: give one of them")
    if as_graph and (format_ := chosen_format()) not in ("table", "json"):
        raise click.UsageError(f"--graph is one JSON document: leave out --format {format_}")
    if series and (run or show or as_graph):
        raise click.UsageError("--series asks many runs: leave out --run, --show and --graph")
    values = values_of(name, params, complete=not show)
    if show:
        return _text(name, run, values)
    with connect() as graph:
        if series:
            return queries.over_series(name, graph, series=series, **values)
        if not as_graph:
            return queries.query(name, graph, run=run, **values)
        answer = queries.node_link(name, graph, run=run, **values)
        if why := answer["graph"].get("no_rows"):
            say(f"no rows: {why}")
        return _json(answer)


@click.command()
@click.argument("text")
@click.option("--limit", type=click.IntRange(min=1), default=1000, show_default=True, help="Rows.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=30,
    show_default=True,
    help="Seconds that all of it may take: connecting, planning, running, fetching.",
)
@click.option(
    "--max-mb",
    type=click.FloatRange(min=0, min_open=True),
    default=16,
    show_default=True,
    help="Megabytes that the answer may have.",
)
@deferred_connection_options
def cypher(
    text: str, limit: int, timeout: float, max_mb: float, connect: Connect
) -> "pd.DataFrame":
    """Ask in Cypher; only plain reads of the graph run. With TEXT - it is read from stdin.

    Ctrl-C ends it at once. A statement with brackets within more than 100 others, or of more than
    1,000,000 characters, is not sent: long lists belong in a parameter.

    A first line `:params {...}`, as query NAME --show prints it, gives its parameters values.

    Example: headgraph cypher 'MATCH (h:Head {run: "gpt2-small"}) RETURN h.name LIMIT 5'
    """
    from headgraph import queries
    from headgraph.graphdb.deadline import Deadline
    from headgraph.queries import _cypher
    from headgraph.queries._stdin import statement
    from headgraph.queries.paste import split_params

    params, text = split_params(statement() if text == "-" else text)
    _cypher.check(text, params, timeout=timeout, max_mb=max_mb)
    deadline = Deadline(timeout)
    with connect(deadline=deadline) as graph:
        frame: pd.DataFrame = queries.cypher(
            text, graph, params=params, limit=limit, timeout=deadline, max_mb=max_mb
        )
    for hint in frame.attrs["hints"]:
        say(f"note: {hint}")
    if frame.attrs["truncated"]:
        say(f"only the first {limit:,} rows: --limit gives more")
    return frame


def _text(name: str, run: str | None, values: dict[str, str]) -> str:
    """The query's text; what is still to be written in it is said beside it."""
    from headgraph import queries
    from headgraph.queries.paste import left_open

    if missing := left_open(queries.get(name), {**values, "run": run}):
        words = " and ".join(missing)
        say(f"write a value for {words} in the place of <...> on line 1")
    text: str = queries.show(name, run=run, **values)
    return text.rstrip()


def _json(data: Any) -> str:
    return json_text(data, indent=2)
