"""A table of scores becomes a run in the graph: whole, or not at all."""

import dataclasses
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from headgraph.base.spelling import Message, either
from headgraph.graphdb import schema
from headgraph.graphdb.connection.runner import Runner
from headgraph.graphdb.errors import StatementError
from headgraph.loader._database import (
    again,
    give_roles,
    if_lost,
    index_ranks,
    new_token,
    number,
    prepare,
    remove_unused_roles,
    roles_in,
    take_roles,
)
from headgraph.loader._disk_space import refuse_without_room
from headgraph.loader.attempts import Attempt, attempts_at, mark_failed
from headgraph.loader.errors import RUNS, LoaderError, NameTaken
from headgraph.loader.loading import decoys, writer
from headgraph.loader.loading.edges import batches
from headgraph.loader.loading.existing import (
    HOLDS_RUNS,
    Outcome,
    holds_runs,
    new_run,
    outcome,
    with_labels_there,
)
from headgraph.loader.loading.head_scores import derived_roles
from headgraph.loader.loading.plan import AnyLabels, LoadPlan, plan_load
from headgraph.loader.loading.warming import warming
from headgraph.loader.loading.writer import Claim, Progress, taken_over
from headgraph.loader.removal import delete_heads, remove, sweep
from headgraph.loader.report import LoadReport
from headgraph.pk_engine.table.selection import Selection
from headgraph.pk_engine.table.sources import AnyTable

# What a lost connection means for the run, by the step of the load.
_NOT_PUBLISHED = (
    "nothing of {run} was published; load it again when the database is back, which removes what "
    "this attempt left and starts anew"
)
_PERHAPS_PUBLISHED = (
    f"whether {{run}} was published is not known: see {RUNS} when the database is back, or load it "
    "again, which changes nothing if it was"
)
_PERHAPS_RELABELLED = (
    "whether the labels of {run} were changed is not known: load it again, which changes nothing "
    "if they were"
)
_PUBLISHED = (
    "{run} is published; what it replaced is out of sight, and the next "
    f"{either('load() or drop()', 'headgraph load or drop')} deletes the rest of it"
)


STATEMENTS = (HOLDS_RUNS, *writer.STATEMENTS)
"""What a load sends to a database without runs, in order, but for its schema and roles."""


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

    The run appears with the last transaction: before it, no query over `Head` sees any of the run,
    and after it, every query sees all of it. (Neo4j reads what is committed, not a snapshot: a
    query that is under way during that commit may find a part.) The same name, table, selection and
    labels again change nothing. Other labels, if they are given, replace the old ones.

    Earlier attempts at this name that were cut off are removed first, whatever they were to load.
    Attempts whose loader may still be at work are left alone. Of two loads of the same run at once,
    the later one goes on and the earlier one stops.

    Args:
        table: a table, the path of one, or the name of a bundled one.
        graph: the database; None is enough for a dry run.
        run: name of the run; None derives it from the model (`openai-community/gpt2` becomes
            `gpt2`, and a checkpoint gets its step: `pythia-160m-step512`).
        selection: which pairs become edges; None for all pairs of the table.
        labels: a label file, the word `none`, or None for the bundled roles of a known model. With
            None, an existing run keeps its labels, and so does a run of the same model that
            replaces one with labels from a file.
        replace: replace a run of this name that has another table or selection, and the labels of
            an existing run with the bundled ones.
        dry_run: report what would happen, and change nothing.
        progress: called after each batch with the number of edges written and of all edges.
        say: called at once with a note on an earlier attempt; None adds it to the report's
            notes.

    Raises:
        EngineError: a table, selection or label file that cannot be used.
        BadRunName, NothingToLoad: see loader.errors.
        NameTaken: another run has the name and `replace` is false, or the name differs from that of
            another run by case alone.
        TakenOver: another load or drop of the same run began meanwhile.
        NotReachable: the connection was lost; the message says what that means for the run.
        ServerError: the disk of the local server has too little room for the run.
    """
    start = time.monotonic()
    with warming(None if dry_run else graph, STATEMENTS) as enough:
        plan = plan_load(table, run, selection, labels)
        enough()  # from here on, the server is busy with the load itself
        if graph is None and not dry_run:
            raise LoaderError(
                f"no database to load {plan.name} into: open one with graphdb.connect()"
            )
        found, notes = Outcome(kind="loaded"), list[Message]()
        if graph is not None:
            if holds_runs(graph):
                _clear(graph, plan, say or notes.append, dry_run=dry_run)
                found = outcome(graph, plan, replace=replace)
            else:
                found = new_run(plan, replace=replace)
            if found.kind == "replaced":
                plan = with_labels_there(graph, plan)
            if not dry_run:
                found = _carry_out(graph, plan, found, replace=replace, progress=progress)
    found = dataclasses.replace(found, notes=(*notes, *found.notes))
    return report_on(plan, found, dry_run=dry_run, seconds=time.monotonic() - start)


def _clear(graph: Runner, plan: LoadPlan, say: Callable[[Message], None], *, dry_run: bool) -> None:
    """Remove earlier attempts at this name whose loaders have ended, and report the others."""
    dead: list[Attempt] = []
    for attempt in attempts_at(graph, plan.name, plan.id):
        if attempt.alive is False:
            dead.append(attempt)
            text = attempt.removal(dry_run=dry_run)
        elif attempt.id == plan.id:
            text = f"{'would take' if dry_run else 'taking'} the place of {attempt}"
        else:
            text = attempt.left_alone
        say(Message(text))
    if dead and not dry_run:
        with if_lost(_NOT_PUBLISHED, plan.name):
            remove(graph, dead)


def _carry_out(
    graph: Runner, plan: LoadPlan, found: Outcome, *, replace: bool, progress: Progress | None
) -> Outcome:
    if found.kind in ("loaded", "replaced"):
        refuse_without_room(graph, plan.disk_bytes)
        if not _write_run(graph, plan, replace=replace, progress=progress):
            # the same load, running beside this one, was faster
            found = outcome(graph, plan, replace=replace)
    elif found.kind == "unchanged":
        _index(graph, plan)  # the load that wrote the run may have ended before this step
    if found.kind == "relabelled":
        with if_lost(_PERHAPS_RELABELLED, plan.name):
            _relabel(graph, plan)
    with if_lost(_PUBLISHED, plan.name):
        sweep(graph)
    return found


def _write_run(graph: Runner, plan: LoadPlan, *, replace: bool, progress: Progress | None) -> bool:
    """False if the run is complete already."""
    token = new_token()
    with if_lost(_NOT_PUBLISHED, plan.name):
        prepare(graph)
        found = writer.claim(graph, plan, token)
        if found is Claim.COMPLETE:
            return False
    try:
        _fill(graph, plan, token, found, replace=replace, progress=progress)
    except BaseException as error:
        mark_failed(token)
        if isinstance(error, NameTaken | StatementError):  # the database is there and refuses
            writer.give_up(graph, plan, token)
        raise
    _index(graph, plan)
    return True


def _index(graph: Runner, plan: LoadPlan) -> None:
    with if_lost(_PUBLISHED, plan.name):
        index_ranks(graph, plan.table.meta.pairings, len(plan.edges))


def _fill(
    graph: Runner,
    plan: LoadPlan,
    token: str,
    found: Claim,
    *,
    replace: bool,
    progress: Progress | None,
) -> None:
    """The steps of an attempt after its claim: heads, edges, publication."""
    with if_lost(_NOT_PUBLISHED, plan.name):
        with _superseded(graph, plan, token):
            if found is Claim.TAKEN:
                delete_heads(graph, plan.id, schema.LOADING, token)
            writer.write_heads(graph, plan, token)
            writer.write_edges(graph, plan, token, batches(plan.table, plan.edges), progress)
        roles = roles_in(graph) if replace else []
    with if_lost(_PERHAPS_PUBLISHED, plan.name):
        writer.publish(graph, plan, token, roles, replace=replace)


def _relabel(graph: Runner, plan: LoadPlan) -> None:
    own = {"id": plan.id, "complete": schema.COMPLETE}
    run = f"(r:{schema.RUN} {{id: $id, status: $complete}})"
    first = f"MATCH {run} SET r += $labels RETURN count(*) AS relabelled"
    roles = roles_in(graph)
    statements = [
        (first, {**own, "labels": plan.label_properties()}),
        *take_roles(run, own, roles),
        *give_roles(graph, plan.id, plan.role_rows(), schema.COMPLETE),
        remove_unused_roles(roles),
    ]
    if not number(again(lambda: graph.write_all(statements))[0]):
        raise taken_over(plan)  # it was dropped or replaced after the lookup


@contextmanager
def _superseded(graph: Runner, plan: LoadPlan, token: str) -> Iterator[None]:
    """Raise TakenOver for a refused statement if another attempt has removed the heads."""
    try:
        yield
    except StatementError as error:
        query = f"MATCH (r:{schema.RUN} {{id: $id}}) WHERE r.loader = $token RETURN count(*) AS own"
        if number(graph.read(query, {"id": plan.id, "token": token})):
            raise
        raise taken_over(plan) from error


def report_on(plan: LoadPlan, found: Outcome, *, dry_run: bool, seconds: float) -> LoadReport:
    """The report of a load."""
    new = found.kind in ("loaded", "replaced")
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
        derived={role: len(heads) for role, heads in derived_roles(plan.table.meta).items()},
        decoy_shares=decoys.shares(plan.table),
        decoy_shares_apart=decoys.shares_apart(plan.table),
        without_decoys=decoys.without_decoys(plan.table),
        notes=(*plan.notes, *found.notes, *(decoys.warnings(plan.table) if new else ())),
        seconds=seconds,
    )
