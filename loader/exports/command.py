"""The command `headgraph export`."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from headgraph.base.spelling import Message
from headgraph.base.terminal import say
from headgraph.graphdb.options import deferred_connection_options
from headgraph.loader.exports.formats import FORMATS
from headgraph.pk_engine.options import selection_options

if TYPE_CHECKING:
    from headgraph.loader.report import ExportReport
    from headgraph.pk_engine.table.selection import Selection

_ENDINGS = [kind.ending for kind in FORMATS.values() if kind.ending]


@click.command()
@click.argument("what", metavar="[RUN|TABLE]", required=False)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    required=True,
    help=f"Output; the ending sets the format: {', '.join(_ENDINGS)}, or none for a folder (CSV).",
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(list(FORMATS)),
    help="Output format, whatever the ending.",
)
@click.option(
    "--run", metavar="RUN", help="Run in the database, even if a table has the same name."
)
@click.option(
    "--all-runs",
    is_flag=True,
    help="Export every run in the database to the folder FILE, as json by default.",
)
@click.option("--name", metavar="NAME", help="Name of a table's run.  [default: the model's name]")
@selection_options
@click.option(
    "--labels", metavar="FILE|none", help="Head roles of a table.  [default: the bundled labels]"
)
@click.option("--force", is_flag=True, help="Replace existing output.")
@deferred_connection_options
def export(
    what: str | None,
    output: str,
    format_: str | None,
    run: str | None,
    all_runs: bool,
    name: str | None,
    selection: "Selection | None",
    labels: str | None,
    force: bool,
    connect: Callable[[], Any],
) -> str:
    """Write a graph to files for other tools, from a run in the database or from a table.

    TABLE is a file that compute wrote, or gpt2-small. A name that is both means the table. A table
    and the run loaded from it give the same graph. The selection options and --labels apply to a
    table, as for load. headgraph import --help names the formats that it reads.

    Example: headgraph export gpt2-small --top-percent 3 -o gpt2.graphml
    """
    from pathlib import Path

    from headgraph.loader.exports._export import export as write
    from headgraph.loader.exports._export import output_paths
    from headgraph.loader.exports.formats import format_of
    from headgraph.pk_engine.bundled import is_table, table_path

    if all_runs:
        given = (what, run, name, selection, labels)
        return _of_all_runs(given, output, format_, force, connect)
    if (what is None) == (run is None):
        raise click.UsageError(
            "expected a table or a run: headgraph export RUN -o FILE, or --run RUN"
        )
    output_paths(Path(output), format_of(Path(output), format_), force=force)
    options: dict[str, Any] = {"format": format_, "force": force}
    if what is not None and is_table(what):
        options |= {"selection": selection, "labels": labels, "name": name}
        return _with_notes(write(table_path(what), output, **options))
    if selection is not None or labels is not None or name is not None:
        raise click.UsageError(
            "the selection options, --labels and --name require a table: a run keeps the edges, "
            "roles and name it was loaded with"
        )
    written = partial(write, run or what, output, **options)
    return _with_notes(_of_run(what, connect, lambda graph: written(graph=graph)))


def _of_all_runs(
    others: tuple[Any, ...],
    output: str,
    format_: str | None,
    force: bool,
    connect: Callable[[], Any],
) -> str:
    from headgraph.loader.exports._export_all import export_all

    if any(other is not None for other in others):
        raise click.UsageError(
            "--all-runs writes every run as it is: leave out RUN or TABLE, --run, --name, --labels "
            "and the selection options"
        )
    with connect() as graph:
        reports = export_all(output, graph, format=format_ or "json", force=force)
    return "\n".join(map(str, reports))


def _of_run(
    what: str | None, connect: Callable[[], Any], write: Callable[[Any], Any]
) -> "ExportReport":
    """The report of `write`; its errors also say that the word `what` is not a table."""
    from headgraph.graphdb.errors import NotReachable
    from headgraph.loader.errors import UnknownRun

    address = ""
    try:
        with connect() as graph:
            address = graph.settings.uri
            report: ExportReport = write(graph)
    except UnknownRun as error:
        if what is None:
            raise
        raise UnknownRun(f"{_no_table(what)}; at {address} {error.message.marked}") from error
    except NotReachable as error:
        if what is None:
            raise
        # without the advice to make a table, because the user meant a run if a database is set up
        what_is_wrong, _, _ = _no_table(what).partition(": ")
        raise NotReachable(
            f"{what_is_wrong}; runs were not searched: {error.message.marked}"
        ) from error
    return report


def _no_table(what: str) -> str:
    from pathlib import Path

    from headgraph.pk_engine.bundled import TABLES
    from headgraph.pk_engine.table._diagnosis import what_is_wrong

    return f"{what_is_wrong(Path(what))}; bundled is {' and '.join(TABLES)}"


def _with_notes(report: "ExportReport") -> str:
    for note in report.notes:
        say(f"note: {Message(note).marked}")
    return str(report)
