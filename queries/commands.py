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
        if why := answer["graph"].get("no_rows"):
            say(f"no rows: {why}")
        return _json(answer)


@click.command()
@click.argument("text")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=1000,
    show_default=True,
    help="Most rows to return.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=30,
    show_default=True,
    help="Time limit in seconds, for connecting, planning, running and fetching.",
)
@click.option(
    "--max-mb",
    type=click.FloatRange(min=0, min_open=True),
    default=16,
    show_default=True,
    help="Largest answer in megabytes.",
)
@deferred_connection_options
def cypher(
    text: str, limit: int, timeout: float, max_mb: float, connect: Connect
) -> "pd.DataFrame":
    """Run the Cypher statement TEXT, which may only read; with TEXT -, read it from stdin.

    Ctrl-C stops it at once. A statement is refused if its brackets are nested more than 100 deep or
    if it has more than 1,000,000 characters. Put long lists in a parameter.

    A first line `:params {...}`, as query NAME --show prints it, sets the parameters.

    Example: headgraph cypher 'MATCH (h:Head {run: "gpt2-small"}) RETURN h.name LIMIT 5'
    """
    from headgraph import queries
    from headgraph.graphdb.limits import Deadline
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
        say(f"only the first {limit:,} rows are shown: use --limit for more")
    return frame


def _text(name: str, run: str | None, values: dict[str, str]) -> str:
    """The query's text; a note on stderr names the values that it still needs."""
    from headgraph import queries
    from headgraph.queries.paste import left_open

    if missing := left_open(queries.get(name), {**values, "run": run}):
        words = " and ".join(missing)
        say(f"replace <...> on line 1 by a value for {words}")
    text: str = queries.show(name, run=run, **values)
    return text.rstrip()


def _json(data: Any) -> str:
    return json_text(data, indent=2)
