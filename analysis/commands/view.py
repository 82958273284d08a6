"""The command `headgraph view`."""

from collections.abc import Callable
from typing import Any

import click

from graphdb.options import deferred_connection_options


@click.command()
@click.argument("what", metavar="[RUN|TABLE]", required=False)
@click.option(
    "-o", "--output", metavar="FILE", required=True, help="Page to write, ending in .html."
)
@click.option("--run", metavar="RUN", help="A run in the database, whatever tables are called.")
@click.option(
    "--most",
    metavar="N",
    type=int,
    default=3000,
    show_default=True,
    help="Edges on the page, at most; the strongest of each pairing.",
)
@click.option("--labels", metavar="FILE|none", help="Head roles of a table; default: those known.")
@click.option("--force", is_flag=True, help="Replace the output file if it exists.")
@deferred_connection_options
def view(
    what: str | None,
    output: str,
    run: str | None,
    most: int,
    labels: str | None,
    force: bool,
    connect: Callable[[], Any],
) -> str:
    """Write one HTML file in which the heads and their edges can be explored.

    TABLE is a file that compute wrote, a model or its folder; RUN is a run in the database. A name
    that is both is the table: --run says that the run is meant. Without either it is the bundled
    gpt2-small. The file needs nothing outside itself.

    Example: headgraph view gpt2-small -o view.html
    """
    import analysis.view as pages
    from analysis._files import page_path

    page_path(output, force=force)  # before the work, not after it
    if what is not None and run is not None:
        raise click.UsageError("give a table, or --run RUN, not both")
    if run is None and (what is None or _is_file(what)):
        page = pages.view(what or "gpt2-small", labels=labels, most=most)
    else:
        if labels is not None:
            raise click.UsageError(
                "--labels belongs to a table: headgraph load --labels gives a run its roles"
            )
        with connect() as graph:
            page = pages.view_run(graph, run or what, most=most)
    return str(page.write(output, force=force))


def _is_file(name: str) -> bool:
    from pk_engine.bundled import MODELS, is_table

    return name in MODELS or is_table(name)
