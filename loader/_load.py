"""A table of scores becomes a run in the graph: whole, or not at all."""

import dataclasses
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from headgraph.graphdb import schema
from headgraph.graphdb.errors import NotReachable, StatementError
from headgraph.graphdb.runner import Runner
from headgraph.loader import _attempt, _liveness
from headgraph.loader._attempt import Progress, taken_over
from headgraph.loader._batches import batches
from headgraph.loader._database import again, index_ranks, number, prepare, roles_in
from headgraph.loader._existing import Outcome, outcome
from headgraph.loader._identity import new_token
from headgraph.loader._kept_labels import with_labels_there
from headgraph.loader._plan import AnyLabels, LoadPlan, plan_load
from headgraph.loader._removal import delete_heads, sweep
from headgraph.loader._roles import give_roles, remove_unused_roles, take_roles
from headgraph.loader._space import needed, refuse_without_room
from headgraph.loader.attempts import Attempt, remove, unfinished
from headgraph.loader.errors import LoaderError, NameTaken
from headgraph.loader.report import LoadReport
from headgraph.pk_engine.scoring.selection import Selection
from headgraph.pk_engine.table.sources import AnyTable

_NOTHING_YET = (
    "nothing of {run} was published; load it again when the database is back, which removes what "
    "this attempt left and starts anew"
)
_PERHAPS = (
    "whether {run} was published is not known: see headgraph runs when the database is back, or "
    "load it again, which changes nothing where it was"
)
_LABELS_PERHAPS = (
    "whether the labels of {run} were changed is not known: load it again, which changes nothing "
    "where they were"
)
_ALL_BUT_REST = (
    "{run} is published; what it replaced is out of sight, and the next headgraph load or drop "
    "deletes the rest of it"
)


def load(
    table: AnyTable,
    graph: Runner | None,
    *,
    run: str | None = None,
    selection: Selection | None = None,
    labels: AnyLabels = None,
    replace: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
    say: Callable[[str], None] | None = None,
) -> LoadReport:
    """Write a table into the graph as one run.

    The run appears with its last transaction: until then no query over `Head` sees any of it, from
    then on all of it. (Neo4j reads what is committed, not a snapshot: a query that is under way at
    the very moment of that commit may find a part.) The same name, table, selection and labels
    again change nothing; other labels, where they are asked for, are put in place of the old ones.
    Attempts at this name that were cut off are removed first, whatever they were to load; those
    whose loader may still be at work are left alone. Where two load the same thing at once, the
    later one goes on and the earlier one stops.

    Args:
        table: a table, the path of one, or the name of a bundled one.
        graph: where to; None is enough for a dry run.
        run: its name; None derives it from the model (`openai-community/gpt2` becomes `gpt2`, and
            a checkpoint gets its step: `pythia-160m-step512`).
        selection: which pairs become edges; None for all that the table has.
        labels: None for the bundled roles of a known model (a run that is there keeps those it
            has; one that is replaced by another selection of its model hands those of a file on),
            the word `none`, or a label file.
        replace: whether a run of another table or selection under this name may go, or the labels
            of this one for the bundled ones.
        dry_run: say what would happen, and change nothing.
        progress: told edges written and edges in all, after each batch.
        say: told at once what is found of earlier attempts; None puts it among the report's notes.

    Raises:
        EngineError: a table, selection or label file that cannot be used.
        BadRunName, NothingToLoad: see loader.errors.
        NameTaken: the name belongs to another run, and `replace` is false; or it differs from
            that of another run by case alone.
        TakenOver: another load or drop of the same run began meanwhile.
        NotReachable: the server went away; the message says what that means for the run.
        ServerError: the database is the local server, whose disk has too little room for the run.
    """
    start = time.monotonic()
    plan = plan_load(table, run, selection, labels)
    if graph is None and not dry_run:
        raise LoaderError(f"no database to load {plan.name} into: open one with graphdb.connect()")
    found, notes = Outcome(kind="loaded"), list[str]()
    if graph is not None:
        _clear(graph, plan, say or notes.append, dry_run=dry_run)
        found = outcome(graph, plan, replace=replace)
        if found.kind == "replaced":
            plan = with_labels_there(graph, plan)
        if not dry_run:
            found = _carry_out(graph, plan, found, replace=replace, progress=progress)
    found = dataclasses.replace(found, notes=(*notes, *found.notes))
    return report_on(plan, found, dry_run=dry_run, seconds=time.monotonic() - start)


def _clear(graph: Runner, plan: LoadPlan, say: Callable[[str], None], *, dry_run: bool) -> None:
    """Remove what attempts at this name left whose loaders have ended, and tell of the others."""
    dead: list[Attempt] = []
    for attempt in unfinished(graph):
        if attempt.status != schema.LOADING or (
            attempt.called != plan.name and attempt.id != plan.id
        ):
            continue
        if attempt.alive is False:
            dead.append(attempt)
            say(f"{'would first remove' if dry_run else 'first removing'} {attempt}")
        elif attempt.id == plan.id:
            say(f"{'would take' if dry_run else 'taking'} the place of {attempt}")
        else:
            say(f"left alone: {attempt}; headgraph drop {attempt.name} removes it")
    if dead and not dry_run:
        with _if_lost(_NOTHING_YET, plan):
            remove(graph, dead)


def _carry_out(
    graph: Runner, plan: LoadPlan, found: Outcome, *, replace: bool, progress: Progress | None
) -> Outcome:
    if found.kind in ("loaded", "replaced"):
        refuse_without_room(graph, needed(plan))
        if not _write_run(graph, plan, replace=replace, progress=progress):
            # the same load, running beside this one, was faster
            found = outcome(graph, plan, replace=replace)
    elif found.kind == "unchanged":
        _index(graph, plan)  # which the load that wrote it may not have come to
    if found.kind == "relabelled":
        with _if_lost(_LABELS_PERHAPS, plan):
            _relabel(graph, plan)
    with _if_lost(_ALL_BUT_REST, plan):
        sweep(graph)
    return found


def _write_run(graph: Runner, plan: LoadPlan, *, replace: bool, progress: Progress | None) -> bool:
    """False where the run is complete already."""
    token = new_token()
    with _if_lost(_NOTHING_YET, plan):
        prepare(graph)
        if not _attempt.claim(graph, plan, token):
            return False
    try:
        _fill(graph, plan, token, replace=replace, progress=progress)
    except BaseException as error:
        _liveness.gave_up(token)
        if isinstance(error, NameTaken | StatementError):  # there, and refuses this run
            _attempt.give_up(graph, plan, token)
        raise
    _index(graph, plan)
    return True


def _index(graph: Runner, plan: LoadPlan) -> None:
    if len(plan.edges) >= schema.MANY_EDGES:
        with _if_lost(_ALL_BUT_REST, plan):
            index_ranks(graph, plan.table.meta.pairings)


def _fill(
    graph: Runner, plan: LoadPlan, token: str, *, replace: bool, progress: Progress | None
) -> None:
    """What an attempt does once the Run is its own: heads, edges, publication."""
    with _if_lost(_NOTHING_YET, plan):
        with _superseded(graph, plan, token):
            delete_heads(graph, plan.id, schema.LOADING, token)
            _attempt.write_heads(graph, plan, token)
            _attempt.write_edges(graph, plan, token, batches(plan.table, plan.edges), progress)
        roles = roles_in(graph)
    with _if_lost(_PERHAPS, plan):
        _attempt.publish(graph, plan, token, roles, replace=replace)


def _relabel(graph: Runner, plan: LoadPlan) -> None:
    own = {"id": plan.id, "complete": schema.COMPLETE}
    run = f"(r:{schema.RUN} {{id: $id, status: $complete}})"
    first = f"MATCH {run} SET r += $labels RETURN count(*) AS relabelled"
    roles = roles_in(graph)
    statements = [
        (first, {**own, "labels": plan.label_properties()}),
        *take_roles(run, own, roles),
        *give_roles(plan, schema.COMPLETE),
        remove_unused_roles(roles),
    ]
    if not number(again(lambda: graph.write_all(statements))[0]):
        raise taken_over(plan)  # dropped, or replaced by another, since it was looked up


@contextmanager
def _if_lost(meaning: str, plan: LoadPlan) -> Iterator[None]:
    """Say what it means for the run that the server went away."""
    try:
        yield
    except NotReachable as error:
        raise NotReachable(f"{error.message.both}; {meaning.format(run=plan.name)}") from error


@contextmanager
def _superseded(graph: Runner, plan: LoadPlan, token: str) -> Iterator[None]:
    """Tell a refused statement whose heads another attempt took away from any other."""
    try:
        yield
    except StatementError as error:
        query = f"MATCH (r:{schema.RUN} {{id: $id}}) WHERE r.loader = $token RETURN count(*) AS own"
        if number(graph.read(query, {"id": plan.id, "token": token})):
            raise
        raise taken_over(plan) from error


def report_on(plan: LoadPlan, found: Outcome, *, dry_run: bool, seconds: float) -> LoadReport:
    """What a load did."""
    return LoadReport(
        run=plan.name,
        id=plan.id,
        outcome=found.kind,
        replaced=found.replaced,
        dry_run=dry_run,
        heads=plan.n_heads,
        edges=len(plan.edges),
        pairs=len(plan.table),
        pairings=tuple(plan.table.meta.pairings),
        selection=plan.selection_text,
        labelled=len(plan.labels.drop_duplicates(["layer", "head"])),
        label_source=plan.label_source,
        notes=(*plan.notes, *found.notes),
        seconds=seconds,
    )
