"""The command `headgraph import`."""

from collections.abc import Callable
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from headgraph.base.progress import bar_on_terminal
from headgraph.base.spelling import Message
from headgraph.base.terminal import said_if_interrupted, say
from headgraph.graphdb.options import deferred_connection_options

if TYPE_CHECKING:
    from collections.abc import Iterator

_CUT_OFF = (
    "an unfinished run may be left: the next import or load under its name removes it; or take its "
    "id from headgraph runs, and drop that id"
)


@click.command("import")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("--run", metavar="NAME", help="Name of the run.  [default: the name in the file]")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["graphml", "json", "cypher"]),
    help="Format of the files, whatever their endings.",
)
@click.option("--replace", is_flag=True, help="Replace the runs of these names.")
@click.option("--dry-run", is_flag=True, help="Print what would happen, and change nothing.")
@deferred_connection_options
def import_(
    files: tuple[str, ...],
    run: str | None,
    format_: str | None,
    replace: bool,
    dry_run: bool,
    connect: Callable[[], Any],
) -> str:
    """Bring back runs that export wrote, with their roles, communities and behaviour.

    FILE is in GraphML, node-link JSON or Cypher, or a folder of such files. Nothing in a file is
    executed. All files are checked before the first run is written.

    Example: headgraph import backup
    """
    from headgraph.loader.imports._import import import_runs
    from headgraph.loader.imports.reading import files_of

    files_of(files, format_)  # refuse them before the database is looked for
    left = said_if_interrupted("" if dry_run else _CUT_OFF)
    with connect() as graph, _bar() as progress, left:
        reports = import_runs(
            files,
            graph,
            run=run,
            format=format_,
            replace=replace,
            dry_run=dry_run,
            progress=progress,
            say=_note,
        )
    for report in reports:
        for note in report.notes:
            _note(note)
    return "\n".join(map(str, reports))


def _note(text: str) -> None:
    say(f"note: {Message(text).marked}")


@contextmanager
def _bar() -> "Iterator[Callable[[int, int], None] | None]":
    """A progress bar if stderr is a terminal, else nothing."""
    with bar_on_terminal() as show:
        yield show and partial(show, "edges")
