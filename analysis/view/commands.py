"""The command `headgraph view`."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headgraph.analysis.options import labels_option
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
@click.option(
    "--run", metavar="RUN", help="Run in the database, even if a table has the same name."
)
@click.option(
    "--most",
    metavar="N",
    type=int,
    default=3000,
    show_default=True,
    help="Most edges on the page; the strongest of each pairing are kept.",
)
@labels_option(words="Head roles of a table.")
@click.option("--force", is_flag=True, help="Replace an existing output file.")
@click.option("--open", "opened", is_flag=True, help="Open the page in the browser.")
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
    """Write one HTML file to explore the heads and their edges.

    TABLE is a file that compute wrote, a model or its folder. RUN is a run in the database. A name
    that is both means the table; use --run for the run. Without either, the page shows the bundled
    gpt2-small. The file is self-contained.

    Example: headgraph view gpt2-small -o view.html
    """
    import headgraph.analysis.view as pages
    from headgraph.analysis._files import page_path

    page_path(output, force=force)  # before the work, not after it
    if what is not None and run is not None:
        raise click.UsageError("a table and --run exclude each other: give one of them")
    if run is None and (what is None or _is_file(what)):
        page = pages.view(what or "gpt2-small", labels=labels, most=most)
    else:
        if labels is not None:
            raise click.UsageError(
                "--labels requires a table: headgraph load --labels gives a run its roles"
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
            f"{quoted(what)} is neither a table nor a folder, and the runs cannot be searched for "
            f"it: {error.message.marked}; for a model on the hub, run headgraph compute {what} -o "
            "t.parquet, then headgraph view t.parquet"
        ) from error
    return page


def _open(path: Path) -> None:
    from headgraph.base.terminal import has_screen

    if has_screen():
        click.launch(path.resolve().as_uri())
    else:
        say(f"no screen found: open {path} in a browser")


def _is_file(name: str) -> bool:
    from headgraph.pk_engine.bundled import MODELS, is_table

    return name in MODELS or is_table(name)
