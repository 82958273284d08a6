"""The command `headgraph view`."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headgraph.base.terminal import say
from headgraph.base.text import quoted
from headgraph.graphdb.options import deferred_connection_options

if TYPE_CHECKING:
    from headgraph.analysis.view import Page


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
@click.option("--open", "opened", is_flag=True, help="Show the page in the browser.")
@deferred_connection_options
def view(
    what: str | None,
    output: str,
    run: str | None,
    most: int,
    labels: str | None,
    force: bool,
    opened: bool,
    connect: Callable[[], Any],
) -> str:
    """Write one HTML file in which the heads and their edges can be explored.

    TABLE is a file that compute wrote, a model or its folder; RUN is a run in the database. A name
    that is both is the table: --run says that the run is meant. Without either it is the bundled
    gpt2-small. The file needs nothing outside itself.

    Example: headgraph view gpt2-small -o view.html
    """
    import headgraph.analysis.view as pages
    from headgraph.analysis._files import page_path

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
        page = _of_run(connect, run, what, most)
    path = page.write(output, force=force)
    if opened:
        _open(path)
    return str(path)


def _of_run(connect: Callable[[], Any], run: str | None, what: str | None, most: int) -> "Page":
    from headgraph.analysis.view import view_run
    from headgraph.graphdb.errors import NotReachable

    try:
        with connect() as graph:
            page: Page = view_run(graph, run or what, most=most)
    except NotReachable as error:
        if what is None:
            raise
        raise NotReachable(
            f"{quoted(what)} is no table and no folder here, and among the runs it cannot be "
            f"looked for: {error}; if it is a model on the hub, headgraph compute {what} -o "
            "t.parquet, then "
            "headgraph view t.parquet"
        ) from error
    return page


def _open(path: Path) -> None:
    from headgraph.base.terminal import has_screen

    if has_screen():
        click.launch(path.resolve().as_uri())
    else:
        say(f"no screen here to show it on: open {path} in a browser")


def _is_file(name: str) -> bool:
    from headgraph.pk_engine.bundled import MODELS, is_table

    return name in MODELS or is_table(name)
