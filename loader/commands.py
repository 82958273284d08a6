"""The commands `load`, `runs`, `annotate` and `drop`."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from headgraph.base.progress import bar_on_terminal, bar_or_lines
from headgraph.base.spelling import Message
from headgraph.base.terminal import is_sure, said_if_interrupted, say
from headgraph.graphdb import schema
from headgraph.graphdb.options import connection_options, deferred_connection_options
from headgraph.pk_engine.options import selection_options

if TYPE_CHECKING:
    import pandas as pd

    from headgraph.graphdb.connection.address import Settings
    from headgraph.loader.attempts import Attempt
    from headgraph.loader.report import DropReport, LoadReport
    from headgraph.pk_engine.table.selection import Selection


_CUT_OFF = (
    "an unfinished run may be left: the next load under its name removes it; or take its id from "
    "headgraph runs, and drop that id"
)


@click.command()
@click.argument("file", metavar="FILE")
@click.option("--run", metavar="NAME", help="Name of the run.  [default: the model's name]")
@click.option(
    "--series",
    is_flag=True,
    help="FILE is a folder with the tables of a training run; load each as the run of its step.",
)
@selection_options
@click.option(
    "--labels",
    metavar="FILE|none",
    help="CSV file of head roles, or none.  [default: the roles of the run, or the bundled labels]",
)
@click.option("--replace", is_flag=True, help="Replace the run of this name.")
@click.option("--dry-run", is_flag=True, help="Print what would happen, and change nothing.")
@click.option(
    "--offline",
    is_flag=True,
    help="Use Neo4j's importer for a large run; the local server's database must be empty.",
)
@deferred_connection_options
def load(
    file: str,
    connect: Callable[[], Any],
    run: str | None,
    series: bool,
    selection: "Selection | None",
    labels: str | None,
    replace: bool,
    dry_run: bool,
    offline: bool,
) -> str:
    """Write a table of scores into the graph as one run; FILE may be the bundled gpt2-small.

    Example: headgraph load gpt2-small --run gpt2-small --top-percent 3
    """
    if series:
        if run or offline:
            raise click.UsageError(
                "--series excludes --run and --offline: each table becomes the run of its step"
            )
        return _load_series(file, connect, selection, labels, replace=replace, dry_run=dry_run)
    from headgraph.loader.loading.load import load as load_table
    from headgraph.pk_engine.table.sources import read_table

    if offline and (replace or dry_run):
        raise click.UsageError(
            "--offline excludes --replace and --dry-run: it fills an empty database"
        )
    table = read_table(file)
    if offline:
        return _with_notes(_load_offline(table, connect, run, selection, labels))
    left = said_if_interrupted("" if dry_run else _CUT_OFF)
    with _maybe(connect) if dry_run else connect() as graph, _bar() as progress, left:
        report = load_table(
            table,
            graph,
            run=run,
            selection=selection,
            labels=labels,
            replace=replace,
            dry_run=dry_run,
            progress=progress,
            say=_note,
        )
    return _with_notes(report)


@click.command()
@click.argument("names", metavar="[RUN]...", nargs=-1)
@click.option(
    "--model",
    metavar="NAME",
    help="List runs of this model, given in full or by the last part of its path.",
)
@click.option("--series", metavar="NAME", help="List the checkpoints of this training run.")
@connection_options
def runs(
    graph: Any, names: tuple[str, ...], model: str | None, series: str | None
) -> "pd.DataFrame":
    """List the runs in the database, with the status of unfinished runs.

    A run that is being loaded is listed by the name it will get. RUN, --model and --series select
    runs; each may be a quoted pattern.

    Example: headgraph runs 'tiny*'
    """
    from headgraph.loader._runs import refuse_unknown
    from headgraph.loader._runs import runs as list_runs
    from headgraph.loader.attempts import unfinished

    found = list_runs(graph, *names, model=model, series=series)
    if found.empty:
        refuse_unknown(graph, name=names, model=model, series=series)
    shown = set(zip(found["name"], found["status"], strict=True))
    attempts = [it for it in unfinished(graph) if (it.listed, it.status) in shown]
    _note_unfinished(attempts)
    return found


def _note_unfinished(attempts: "Iterable[Attempt]") -> None:
    for attempt in attempts:
        helps = "the next headgraph load or drop deletes it"
        if attempt.status == schema.LOADING:
            helps = f"headgraph drop {attempt.name} removes it"
            if attempt.alive is False and attempt.called is not None:
                helps = (
                    f"the next load under that name removes it, or headgraph drop {attempt.name}"
                )
        _note(f"{attempt.name} is unfinished: {attempt.whose}; {helps}")


@click.command()
@click.argument("run", metavar="RUN")
@click.argument("file", metavar="FILE")
@connection_options
def annotate(graph: Any, run: str, file: str) -> str:
    """Write behaviour scores on the heads of RUN; FILE is a CSV file of headgraph behaviour.

    The new scores replace all earlier scores.

    Example: headgraph annotate tiny behaviour.csv
    """
    from headgraph.loader._annotate import annotate as write

    return str(write(file, graph, run))


@click.command()
@click.argument("runs", metavar="[RUN]...", nargs=-1)
@click.option("--series", metavar="NAME", help="Drop the checkpoints of this training run.")
@click.option("--yes", is_flag=True, help="Drop the runs of a pattern or series without asking.")
@click.option("--dry-run", is_flag=True, help="Print what would be removed, and change nothing.")
@deferred_connection_options
def drop(
    connect: Callable[[], Any], runs: tuple[str, ...], series: str | None, yes: bool, dry_run: bool
) -> str:
    """Delete runs from the database by name.

    Name an unfinished run by its id, which headgraph runs prints. RUN may be a quoted
    pattern, which matches complete runs only; the runs are listed and you are asked to confirm.

    Example: headgraph drop gpt2-small
    """
    if not runs and series is None:
        raise click.UsageError("nothing to drop: expected a RUN, or --series NAME")
    if runs and series is not None:
        raise click.UsageError("RUN and --series exclude each other: give one of them")
    with connect() as graph:
        return _drop(graph, runs, series, yes=yes, dry_run=dry_run)


def _drop(
    graph: Any, runs: tuple[str, ...], series: str | None, *, yes: bool, dry_run: bool
) -> str:
    from headgraph.loader._runs import in_series, is_pattern
    from headgraph.loader.attempts import unfinished
    from headgraph.loader.removal import drop_all

    patterns = series is not None or any(map(is_pattern, runs))
    if series is not None:
        runs = in_series(graph, series)
    if patterns and not yes and not dry_run:
        planned = drop_all(graph, runs, dry_run=True)
        if not _is_sure(planned):
            return "nothing was dropped"
        # by id: the pattern would match runs that were loaded after the list was shown
        runs = tuple(report.id for report in planned)
    dropped = drop_all(graph, runs, dry_run=dry_run)
    if patterns:
        named = {report.id for report in dropped}
        for attempt in unfinished(graph):
            if attempt.id not in named:
                _note(f"{attempt} stays: a pattern matches complete runs only")
    return "\n".join(map(str, dropped))


def _is_sure(planned: "list[DropReport]") -> bool:
    for report in planned:
        say(report)
    question = "drop them?" if len(planned) > 1 else "drop it?"
    return is_sure(question, otherwise="pass --yes, or give each name in full")


def _load_series(
    folder: str,
    connect: Callable[[], Any],
    selection: "Selection | None",
    labels: str | None,
    *,
    replace: bool,
    dry_run: bool,
) -> str:
    """Load the tables of a folder; one line for each, and each different note once."""
    from headgraph.loader.loading.series import load_series, tables_in

    tables_in(folder)  # refuse it before the database is looked for
    left = said_if_interrupted(
        "" if dry_run else "tables already loaded stay: repeat the command to load the rest"
    )
    with _maybe(connect) if dry_run else connect() as graph, bar_on_terminal() as progress, left:
        reports = load_series(
            folder,
            graph,
            selection=selection,
            labels=labels,
            replace=replace,
            dry_run=dry_run,
            progress=progress,
            say=_note,
        )
    runs_of: dict[str, list[str]] = {}
    for report in reports:
        for note in report.notes:
            runs_of.setdefault(Message(note).marked, []).append(report.run)
    for text, runs in runs_of.items():
        more = f" and {len(runs) - 1} more" if len(runs) > 1 else ""
        _note(f"{runs[0]}{more}: {text}")
    return "\n".join(str(report).partition("\n")[0] for report in reports)


def _load_offline(
    table: Any,
    connect: Callable[[], Any],
    run: str | None,
    selection: "Selection | None",
    labels: str | None,
) -> "LoadReport":
    from headgraph.graphdb.errors import NoAddress
    from headgraph.loader.offline import load_offline

    # without an address the local server is started: a load that was killed left it stopped, or
    # still starting
    with suppress(NoAddress), connect() as graph:
        _refuse_other_server(graph.settings)
    with bar_or_lines() as progress:
        return load_offline(table, run=run, selection=selection, labels=labels, progress=progress)


def _refuse_other_server(settings: "Settings") -> None:
    """Raise OfflineRefused for an address other than the local server's."""
    from headgraph.graphdb.connection.address import LOCAL
    from headgraph.graphdb.server import running
    from headgraph.loader.errors import OfflineRefused

    server = running()
    own = settings.origin == LOCAL or (server is not None and settings.uri == server.bolt_uri)
    if not own or settings.database not in (None, "neo4j"):
        where = f"{settings.uri} (from {settings.origin})"
        raise OfflineRefused(
            "--offline writes the files of the local server's one database, and "
            f"{where}{f', database {settings.database}' if settings.database else ''} is another: "
            "leave out --offline, or the address"
        )


def _with_notes(report: "LoadReport") -> str:
    for note in report.notes:
        _note(note)
    return str(report)


def _note(text: str) -> None:
    say(f"note: {Message(text).marked}")


def _maybe(connect: Callable[[], Any]) -> Any:
    """The graph, or None without a database, which a dry run does not need."""
    from headgraph.graphdb.errors import NotReachable, SettingsError

    try:
        return connect()
    except (NotReachable, SettingsError) as error:
        _note(f"the database was not checked ({error.message.marked})")
        return nullcontext()


@contextmanager
def _bar() -> Iterator[Callable[[int, int], None] | None]:
    """A progress bar if stderr is a terminal, else nothing."""
    with bar_on_terminal() as show:
        yield show and partial(show, "edges")
