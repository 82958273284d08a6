"""One task for each checkpoint of a run: here in turn, or on the workers of a Dask cluster."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from headgraph.analysis.training.checkpoints import Checkpoint, checkpoint_table
from headgraph.base.progress import Progress
from headgraph.base.spelling import either
from headgraph.pk_engine.linalg.backends import as_worker, usable_cpus
from headgraph.pk_engine.models.sources import open_weights
from headgraph.pk_engine.scoring.cluster.worker import until_cancelled
from headgraph.pk_engine.scoring.layers import layer_digest
from headgraph.pk_engine.table.affinity import AffinityTable

if TYPE_CHECKING:
    import pandas as pd
    from distributed import Client

Keep = Callable[[int, AffinityTable], None]
"""Called with the number of a task and its table, as soon as it is there."""


@dataclass(frozen=True)
class Task:
    """What to do with a checkpoint.

    Attributes:
        checkpoint: the checkpoint.
        pairings: those to score.
        score: whether to score it.
        prompts: number and seed of the sequences to run it on, or None not to run it.
        remove_fetched: afterwards remove what was fetched from the hub for it.
    """

    checkpoint: Checkpoint
    pairings: tuple[str, ...]
    score: bool
    prompts: tuple[int, int] | None
    remove_fetched: bool


@dataclass(frozen=True)
class Result:
    """The table and the behaviour of a checkpoint; None where the task does not include them.

    `weights` is a digest of the first layer of a folder, which other machines may see differently.
    """

    table: AffinityTable | None
    behaviour: pd.DataFrame | None = None
    weights: bytes | None = None


def done(
    task: Task,
    keep: Callable[[AffinityTable], None] | None = None,
    progress: Progress | None = None,
) -> Result:
    """Fetch a checkpoint, score and run it, and let it go."""
    table, behaved, remove = None, None, task.remove_fetched
    running = task.checkpoint.folder(remove=remove) if task.prompts else nullcontext()
    with running as folder:
        if task.score:
            table = checkpoint_table(
                task.checkpoint, task.pairings, remove_fetched=remove, progress=progress
            )
            if keep:
                keep(table)
        if task.prompts and folder is not None:
            from headgraph.analysis.behaviour import behaviour

            behaved = behaviour(folder, n_prompts=task.prompts[0], seed=task.prompts[1])
    return Result(table, behaved)


def done_here(tasks: Sequence[Task], keep: Keep) -> Generator[tuple[int, Result]]:
    """The number and result of each task, in turn.

    As on a worker, what is imported does not count: `behaviour` imports torch after the first task.
    """
    for number, task in enumerate(tasks):
        with as_worker(usable_cpus()):
            result = done(task, partial(keep, number))
        yield number, result


def done_on(
    client: Client, tasks: Sequence[Task], keep: Keep, progress: Progress | None
) -> Generator[tuple[int, Result]]:
    """The number and result of each task, as they come from workers.

    Raises:
        EngineError: as `scoring.cluster.tasks.done_on`; a worker that has other weights in a folder
            of this machine is refused.
    """
    from headgraph.pk_engine.scoring.cluster import tasks as cluster_tasks

    todo = {n: task for n, task in enumerate(tasks) if task.score or task.prompts}
    yield from ((n, Result(None)) for n in range(len(tasks)) if n not in todo)
    work = cluster_tasks.Work(
        keys={number: number for number in todo},
        call=lambda number: (done_on_worker, todo[number]),
        words=lambda number: _words(todo[number].checkpoint),
        check=(ready,),
        wrong=lambda number, result, _: _wrong(todo[number].checkpoint, result),
        again=either(
            "the call with the same tables= and resume=True",
            "the command with the same --tables and --resume",
        ),
    )
    for number, result, _ in cluster_tasks.done_on(client, work, progress):
        if result.table is not None:
            keep(number, result.table)
        yield number, result


def _wrong(checkpoint: Checkpoint, result: Result) -> str:
    """Why the worker of a result is refused; empty if it read the files of this machine."""
    if checkpoint.commit is not None or result.weights == weights_of(checkpoint.path):
        return ""
    return (
        f"it read other weights of {_words(checkpoint)} than this machine; give all the same files"
    )


def ready() -> None:
    """Show that a worker has what tasks need: it imports this module to find the function."""


def done_on_worker(task: Task) -> Result:
    """`done` with the threads of this worker of Dask."""
    from distributed import get_worker

    worker = get_worker()
    with as_worker(worker.state.nthreads):
        found = done(task, progress=until_cancelled(worker))
    own = task.checkpoint.path if task.checkpoint.commit is None else None
    return Result(found.table, found.behaviour, None if own is None else weights_of(own))


def weights_of(folder: Path) -> bytes:
    """A digest of the first layer of a model."""
    weights = open_weights(folder)
    return layer_digest(weights.raw_layer(weights.shape.layers[0].index))


def _words(checkpoint: Checkpoint) -> str:
    return f"the checkpoint {checkpoint.series} at step {checkpoint.step}"
