"""Exported files become runs of a database: each whole, or not at all."""

import os
import time
from collections.abc import Callable, Iterable

from headgraph.base.files.documents import shown
from headgraph.base.spelling import Message, argument
from headgraph.graphdb import schema
from headgraph.graphdb.connection.runner import Runner
from headgraph.graphdb.errors import StatementError
from headgraph.loader._database import if_lost, index_ranks, new_token, prepare, roles_in
from headgraph.loader._disk_space import refuse_without_room
from headgraph.loader.attempts import Attempt, attempts_at, mark_failed
from headgraph.loader.errors import (
    RUNS,
    ExportError,
    LoaderError,
    NameTaken,
    UnknownRun,
    drop_call,
)
from headgraph.loader.exports.sources import graph_of_run
from headgraph.loader.imports.plan import ImportPlan, content_sha256, plan_import
from headgraph.loader.imports.publication import name_taken, publish
from headgraph.loader.imports.reading import files_of
from headgraph.loader.loading import writer
from headgraph.loader.loading.existing import Outcome
from headgraph.loader.loading.writer import Progress
from headgraph.loader.removal import remove, sweep
from headgraph.loader.report import ImportReport

AnyFiles = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]

_SAME = f"""
MATCH (r:{schema.RUN}) WHERE toLower(toStringOrNull(r.name)) = toLower($name) OR r.id = $id
RETURN toStringOrNull(r.name) AS name, r.id AS id, coalesce(toIntegerOrNull(r.edges), 0) AS edges
ORDER BY name
"""
_NOT_PUBLISHED = (
    "nothing of {run} was published; import it again when the database is back, which removes what "
    "this attempt left and starts anew"
)
_PERHAPS_PUBLISHED = (
    f"whether {{run}} was published is not known: see {RUNS} when the database is back, or import "
    "it again, which changes nothing if it was"
)
_PUBLISHED = "{run} is published; the next load, import or drop deletes what it replaced"


def import_runs(
    files: AnyFiles,
    graph: Runner | None,
    *,
    run: str | None = None,
    format: str | None = None,
    replace: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
    say: Callable[[str], None] | None = None,
) -> list[ImportReport]:
    """Bring back runs from files that `export` wrote, with all that was added to them.

    All files are read and checked before the first run is written. A file is data: nothing in it is
    run, and a Cypher script with any statement that `export` does not write is refused. Each run
    appears with its last transaction, as in a load. A run that is there already and has the same
    contents stays as it is.

    >>> headgraph.import_runs("backup", graph)                             # doctest: +SKIP

    Args:
        files: a file in GraphML, node-link JSON or Cypher, a folder of them, or several of these.
        graph: the database; None is enough for a dry run.
        run: name of the run, in place of the one in the file; for one file.
        format: `graphml`, `json` or `cypher`, whatever the endings.
        replace: replace runs that have these names and other contents.
        dry_run: report what would happen, and change nothing.
        progress: called after each batch with the number of edges written and of all edges of a
            run.
        say: called at once with a note on an earlier attempt; None adds it to the notes.

    Returns:
        A report for each file, in the order of the files.

    Raises:
        UnreadableExport: a file is not one that `export` writes.
        ExportError: an ending without a format that can be imported.
        BadRunName: `run` cannot be a name.
        NameTaken: a run of the name is there with other contents and `replace` is false, a name
            differs from that of another run by case alone, or the names of two files do.
        TakenOver: another command removed the run while it was written.
        NotReachable: the connection was lost; the message says what that means for the run.
        ServerError: the disk of the local server has too little room.
    """
    paths = files_of([files] if isinstance(files, str | os.PathLike) else files, format)
    if not paths:
        raise LoaderError("no file to import: give a file that export wrote, or a folder of them")
    if run is not None and len(paths) > 1:
        raise LoaderError(
            f"{argument('run', run)} names one run, and {len(paths)} files are to be imported: "
            "import that file alone, or leave the name out"
        )
    if graph is None and not dry_run:
        raise LoaderError("no database to import into: open one with graphdb.connect()")
    planned: dict[str, ImportReport] = {}  # by name in lower case
    for path in paths:
        plan = plan_import(path, run, format)
        if there := planned.get(plan.name.lower()):
            same = "both have a run" if there.run == plan.name else f"have the runs {plan.name} and"
            raise NameTaken(
                f"{shown(path)} and {shown(there.file)} {same} {there.run}: import them one after "
                "the other, with names that differ by more than case"
            )
        notes = [] if graph is None else _clear(graph, plan, dry_run=True)
        found = _outcome(graph, plan, replace=replace)
        planned[plan.name.lower()] = _report(plan, found, [*notes, *found.notes], dry_run=True)
    if dry_run or graph is None:
        return list(planned.values())
    reports = []
    for path in paths:
        if len(paths) > 1:  # read again, because all of them together may not fit in memory
            plan = plan_import(path, run, format)
        reports.append(_import(graph, plan, replace=replace, progress=progress, say=say))
    return reports


def _import(
    graph: Runner,
    plan: ImportPlan,
    *,
    replace: bool,
    progress: Progress | None,
    say: Callable[[str], None] | None,
) -> ImportReport:
    start = time.monotonic()
    notes: list[Message] = []
    for note in _clear(graph, plan, dry_run=False):
        (say or notes.append)(note)
    found = _outcome(graph, plan, replace=replace)
    if found.kind != "unchanged":
        refuse_without_room(graph, plan.disk_bytes)
        _write(graph, plan, replace=found.kind == "replaced", progress=progress)
    with if_lost(_PUBLISHED, plan.name):
        index_ranks(graph, plan.content.run["pairings"], plan.n_edges)
        sweep(graph)
    seconds = time.monotonic() - start
    return _report(plan, found, [*notes, *found.notes], seconds=seconds)


def _write(graph: Runner, plan: ImportPlan, *, replace: bool, progress: Progress | None) -> None:
    token = new_token()
    with if_lost(_NOT_PUBLISHED, plan.name):
        prepare(graph)
        sweep(graph)  # what an import of the same run replaced has the ids that this one gets
        if writer.claim(graph, plan, token) is writer.Claim.COMPLETE:
            raise writer.taken_over(plan)
    try:
        with if_lost(_NOT_PUBLISHED, plan.name):
            writer.write_heads(graph, plan, token)
            writer.write_edges(graph, plan, token, plan.content.batches(), progress)
            roles = roles_in(graph) if replace else []
        with if_lost(_PERHAPS_PUBLISHED, plan.name):
            publish(graph, plan, token, roles, replace=replace)
    except BaseException as error:
        mark_failed(token)
        if isinstance(error, NameTaken | StatementError):  # the database is there and refuses
            writer.give_up(graph, plan, token)
        raise


def _outcome(graph: Runner | None, plan: ImportPlan, *, replace: bool) -> Outcome:
    """What the import would do to the graph as it is.

    Raises:
        NameTaken: as `import_runs`.
    """
    params = {"name": plan.name, "id": plan.final_id}
    rows = [] if graph is None else [row for row in graph.read(_SAME, params) if row["name"]]
    there = next((row for row in rows if row["name"] == plan.name), None)
    for row in rows:
        if row["name"] != plan.name:
            same = "the id of" if row["id"] == plan.final_id else "a name that differs by case from"
            raise NameTaken(
                f"the run {plan.name} of {shown(plan.file)} has {same} the run {row['name']} that "
                f"is there: give another name with {argument('run', 'NAME')}"
            )
    if graph is None or there is None:
        option = argument("replace", True)
        note = Message(f"{option} had nothing to replace: there was no run {plan.name}")
        notes = (note,) if replace and graph is not None else ()
        return Outcome(kind="imported", notes=notes)
    if there["id"] == plan.final_id and _is_same(graph, plan):
        return Outcome(kind="unchanged")
    if not replace:
        raise name_taken(plan)
    return Outcome(kind="replaced", replaced=f"{there['edges']:,} edges")


def _is_same(graph: Runner, plan: ImportPlan) -> bool:
    """Whether an export of the run that is there has what the file has."""
    try:
        there = graph_of_run(graph, plan.name)
        return content_sha256(there) == content_sha256(plan.content)
    except (ExportError, UnknownRun, ValueError):  # changed by hand to something without export
        return False


def _clear(graph: Runner, plan: ImportPlan, *, dry_run: bool) -> list[Message]:
    """Remove earlier attempts at this run whose loaders have ended; notes on them and the others.

    Raises:
        NameTaken: one that may be at work has the id that this run gets.
    """
    dead: list[Attempt] = []
    notes = []
    for attempt in attempts_at(graph, plan.name, plan.final_id):
        if attempt.alive is False:
            dead.append(attempt)
            text = attempt.removal(dry_run=dry_run)
        elif attempt.id == plan.final_id:
            raise NameTaken(
                f"the run {plan.name} is being loaded already: {attempt}; wait for it, or remove "
                f"it with {drop_call(attempt.name)}"
            )
        else:
            text = attempt.left_alone
        notes.append(Message(text))
    if dead and not dry_run:
        with if_lost(_NOT_PUBLISHED, plan.name):
            remove(graph, dead)
    return notes


def _report(
    plan: ImportPlan,
    found: Outcome,
    notes: list[Message],
    *,
    dry_run: bool = False,
    seconds: float = 0.0,
) -> ImportReport:
    return ImportReport(
        run=plan.name,
        id=plan.final_id,
        file=plan.file,
        outcome=found.kind,
        replaced=found.replaced,
        dry_run=dry_run,
        heads=plan.n_heads,
        edges=plan.n_edges,
        labelled=plan.labelled,
        notes=tuple(notes),
        seconds=seconds,
    )
