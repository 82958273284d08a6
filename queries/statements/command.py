"""`headgraph cypher`."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from headgraph.base.terminal import say
from headgraph.graphdb.options import deferred_connection_options
from headgraph.queries.statements import run as statements

if TYPE_CHECKING:
    import pandas as pd

    from headgraph.graphdb.connection.graph import Graph

Connect = Callable[..., "Graph"]


@click.command()
@click.argument("text")
@click.option("--run", metavar="RUN", help="Name of the run, the value of $run.")
@click.option(
    "-p",
    "--param",
    "params",
    multiple=True,
    metavar="NAME=VALUE",
    help="Value of $NAME; repeat for more. JSON gives numbers, lists, true, false and null; "
    "anything else is text.",
)
@click.option("--explain", is_flag=True, help="Print the plan, and do not run the statement.")
@click.option(
    "--profile",
    is_flag=True,
    help="Run the statement, and print its plan with the rows and reads of each step.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=statements.LIMIT,
    show_default=True,
    help="Most rows to return.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=statements.TIMEOUT_S,
    show_default=True,
    help="Time limit in seconds, for connecting, planning, running and fetching.",
)
@click.option(
    "--max-mb",
    type=click.FloatRange(min=0, min_open=True),
    default=statements.MAX_MB,
    show_default=True,
    help="Largest answer in megabytes.",
)
@deferred_connection_options
def cypher(
    text: str,
    run: str | None,
    params: tuple[str, ...],
    explain: bool,
    profile: bool,
    limit: int,
    timeout: float,
    max_mb: float,
    connect: Connect,
) -> "pd.DataFrame":
    """Run the Cypher statement TEXT, which may only read; TEXT - means stdin.

    Ctrl-C stops it at once. A statement is refused if its brackets are nested more than 100 deep or
    if it has more than 1,000,000 characters. Put long lists in a parameter.

    A first line `:params {...}`, as query NAME --show prints it, sets the parameters.

    Example: headgraph cypher 'MATCH (h:Head {run: "gpt2-small"}) RETURN h.name LIMIT 5'
    """
    from headgraph.graphdb.connection.limits import Deadline
    from headgraph.queries.statements.input import from_stdin, given_values, split_params

    above, text = split_params(from_stdin() if text == "-" else text)
    values = above | given_values(params, text)
    asked: dict[str, Any] = {
        **{"run": run, "explain": explain, "profile": profile},
        **{"limit": limit, "max_mb": max_mb},
    }
    statements.check(text, values, timeout=timeout, **asked)
    deadline = Deadline(timeout)
    with connect(deadline=deadline) as graph:
        frame = statements.cypher(text, graph, params=values, timeout=deadline, **asked)
    for hint in frame.attrs["hints"]:
        say(f"note: {hint}")
    if frame.attrs["truncated"]:
        say(f"only the first {limit:,} rows are shown: use --limit for more")
    return frame
