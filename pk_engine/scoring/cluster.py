"""A job's groups of layers on a Dask cluster.

The client keeps a few tasks ahead for each worker and merges results as they come. A worker gets
the groups whose targets it has (`sharing`), and those of lost workers go to others. A worker gets
tasks once it has the same version of headgraph and the same weights: it then has one of a resource
that each task of the job needs.
"""

from __future__ import annotations

import logging
import os
import pickle
import pydoc
import time
import uuid
from collections import Counter
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headgraph.base.errors import HeadgraphError
from headgraph.base.files.documents import read_json, shown
from headgraph.base.progress import Progress
from headgraph.base.spelling import argument, either
from headgraph.base.text import quoted, short
from headgraph.base.version import VERSION
from headgraph.pk_engine.errors import EngineError
from headgraph.pk_engine.linalg.backends import Backend
from headgraph.pk_engine.metrics.layer_order import Group
from headgraph.pk_engine.models.weights import ModelWeights
from headgraph.pk_engine.scoring.group import GroupScores
from headgraph.pk_engine.scoring.layers import layer_digest
from headgraph.pk_engine.scoring.progress import WAITING
from headgraph.pk_engine.scoring.sharing import Sharing
from headgraph.pk_engine.scoring.spec import Spec
from headgraph.pk_engine.scoring.worker import admit, check, choose_here, score_here

if TYPE_CHECKING:
    from distributed import Client, Future

TRIES = 3
LONGEST = 180
"""Letters of a worker's message."""
AHEAD = 2
"""Tasks for each worker at once: one that runs and one that waits."""
_NOT_DONE = ("pending", "lost")
"""States of a future: running or waiting; and done, but its worker is gone."""
POLL = 1.0
"""Seconds after which the client looks for new workers."""
PATIENCE = 2.0
"""Seconds to fetch a result, at first."""
CONNECT = 20
"""Seconds to reach a scheduler."""


@contextmanager
def connected(
    scheduler: str | None = None, scheduler_file: str | os.PathLike[str] | None = None
) -> Iterator[Client]:
    """A client of the scheduler at an address, or at the one that is in a file.

    Raises:
        EngineError: distributed is not installed, the file does not say an address, or no
            scheduler answers there.
    """
    if scheduler_file == "":
        raise EngineError("the scheduler file has no name: expected the file of a scheduler")
    if scheduler_file is not None:
        scheduler = _address_in(Path(scheduler_file))
    try:
        from distributed import Client
    except ModuleNotFoundError as error:
        raise EngineError(
            "distributed is not installed, which a cluster needs: pip install 'headgraph[cluster]'"
        ) from error
    log = logging.getLogger("distributed")
    level = log.level
    log.setLevel(logging.CRITICAL)  # errors become sentences here
    try:
        client = Client(scheduler, timeout=CONNECT, set_as_default=False)
    except (OSError, ValueError, TypeError, ImportError) as error:
        raise EngineError(
            f"no Dask scheduler answers at {quoted(scheduler)} ({short(_words(error), 80)}): "
            "expected an address such as tcp://HOST:8786"
        ) from error
    try:
        with client:
            yield client
    finally:
        log.setLevel(level)


def _address_in(path: Path) -> str:
    """The address in a scheduler file, for which a client of Dask would wait forever."""
    found = read_json(path, problem=EngineError)
    address = found.get("address") if isinstance(found, dict) else None
    if not isinstance(address, str):
        raise EngineError(
            f"{shown(path)} holds no address: expected the file that a scheduler of Dask writes"
        )
    return address


def chosen_on(
    client: Client,
    progress: Progress | None,
    backend: str,
    device: str | None,
    dtype: str,
    operations: float,
) -> tuple[Backend, float]:
    """The backend that a worker chooses, and its default of `memory`.

    Raises:
        EngineError: no worker has that backend or device, or one has another headgraph.
    """
    with _lost(client):
        if progress and not client.nthreads():
            progress(WAITING, 0, 0)
        client.wait_for_workers(1)
        _of_same_version(client, list(client.nthreads()))
        task = client.submit(choose_here, backend, device, dtype, operations, pure=False)
        error = task.exception()
        if error is not None:
            raise EngineError(f"the workers cannot do this: {_words(error)}") from error
        chosen: tuple[Backend, float] = task.result()
    return chosen


def scored_on(
    client: Client, spec: Spec, groups: Mapping[int, Group], progress: Progress | None
) -> Generator[tuple[int, GroupScores, str]]:
    """The number and scores of each group, and the worker that they come from, as they come.

    Raises:
        EngineError: the weights are in memory; a worker has another headgraph or other weights;
            a group failed three times; or the scheduler is gone.
    """
    if not isinstance(spec.weights, ModelWeights):
        raise EngineError(
            f"{spec.weights.name} is read through TransformerLens, in this process: expected a "
            "folder, a GGUF file or a hub id, which workers can read too"
        )
    tasks = _Tasks(client, spec, groups, progress)
    with _lost(client):
        try:
            yield from tasks.run()
        finally:
            tasks.cancel()


class _Tasks:
    """The tasks of a job on a cluster: checks of workers, and groups of layers."""

    def __init__(
        self, client: Client, spec: Spec, groups: Mapping[int, Group], progress: Progress | None
    ) -> None:
        self.client, self.groups, self.progress = client, groups, progress
        self.layers = spec.weights.shape.layers
        self.left = Sharing(groups)
        self.failed = dict.fromkeys(groups, 0)
        self.lost = dict.fromkeys(groups, 0)
        self.checks: dict[Future, str] = {}
        self.running: dict[Future, tuple[int, str]] = {}
        self.resource = f"headgraph-{uuid.uuid4()}"  # workers of an earlier job are checked again
        self.spec = pickle.dumps(spec)
        first = self.layers[0].index
        self.about = first, layer_digest(spec.weights.raw_layer(first))
        self.workers: list[str] = []
        self.looked = 0.0
        self.patience = PATIENCE
        self.allowed = _allowed_failures()

    def run(self) -> Iterator[tuple[int, GroupScores, str]]:
        """Submit and collect until every group is there."""
        while len(self.left) or self.running:
            self._look()
            self._submit()
            for future in self._finished():
                if future in self.checks:
                    self._admit(self.checks.pop(future), future)
                else:
                    yield from self._collect(*self.running.pop(future), future)

    def cancel(self) -> None:
        """Cancel what is left, if the scheduler is still there."""
        if self.client.status == "running":
            self.client.cancel([*self.checks, *self.running], force=True)

    def _look(self) -> None:
        """Look for workers that are new, and send them a check."""
        if self.client.status != "running":
            raise ConnectionError
        if time.monotonic() < self.looked + POLL:
            return
        self.looked = time.monotonic()
        found = self.client.scheduler_info(n_workers=-1)["workers"]
        checking = set(self.checks.values())
        self.workers = [it for it, about in found.items() if self.resource in about["resources"]]
        new = [it for it in found if it not in self.workers and it not in checking]
        for future, worker in list(self.checks.items()):
            if worker not in found:  # it left before it was checked
                del self.checks[future]
                future.cancel()
        for worker in _of_same_version(self.client, new):
            task = self.client.submit(check, self.spec, *self.about, workers=[worker], pure=False)
            self.checks[task] = worker
        if not found and self.progress:
            self.progress(WAITING, 0, 0)
        self._take_back()

    def _take_back(self) -> None:
        """Take back what workers had that are gone, or that started anew and are not checked yet.

        The first task of a worker is the one that ran, which may be the reason.
        """
        blamed: set[str] = set()
        for task, (number, worker) in list(self.running.items()):
            if worker in self.workers or task.status not in _NOT_DONE:
                continue
            del self.running[task]
            task.cancel()
            self.left.put_back(number)
            self.left.forget(worker)
            self.lost[number] += worker not in blamed
            blamed.add(worker)
            if self.lost[number] > self.allowed:
                many = "s" * (self.lost[number] != 1)
                raise EngineError(
                    f"the comparison of {self._words_of(number)} ended {self.lost[number]} "
                    f"worker{many}: give workers more memory, or {argument('memory')} a smaller "
                    "number"
                )

    def _admit(self, worker: str, future: Future) -> None:
        """Let a worker take tasks, if its check is good."""
        try:
            error = future.exception(timeout=POLL)
        except TimeoutError:  # the worker is lost
            return
        if error is not None:
            raise EngineError(f"the worker {worker} is refused: {_words(error)}") from error
        self.client.run(admit, self.resource, workers=[worker], on_error="ignore")
        self.looked = 0.0

    def _submit(self) -> None:
        """Keep a task ahead for each worker, except at the end, when others may be free sooner."""
        busy = Counter(worker for _, worker in self.running.values())
        for ahead in range(AHEAD):
            for worker in self.workers:
                if len(self.left) > ahead * len(self.workers) and busy[worker] <= ahead:
                    self._send(self.left.take(worker), worker)
                    busy[worker] += 1

    def _send(self, number: int, worker: str) -> None:
        task = self.client.submit(
            score_here,
            self.spec,
            self.groups[number],
            pure=False,
            workers=[worker],
            resources={self.resource: 1},
        )
        self.running[task] = number, worker

    def _finished(self) -> list[Future]:
        """The tasks that are done, or failed, after a moment."""
        from distributed import wait

        tasks = [it for it in (*self.checks, *self.running) if it.status != "lost"]
        if not tasks:
            time.sleep(POLL / 10)
            return []
        try:
            with self.client.as_current():
                return list(wait(tasks, timeout=POLL, return_when="FIRST_COMPLETED").done)
        except TimeoutError:
            return []

    def _collect(
        self, number: int, worker: str, future: Future
    ) -> Iterator[tuple[int, GroupScores, str]]:
        found: Any = None
        try:  # the worker may be lost, and the task then has to wait for another
            if (error := future.exception(timeout=POLL)) is None:
                self.patience *= 2
                found = future.result(timeout=self.patience / 2)
                self.patience /= 2
        except TimeoutError:
            self.running[future] = number, worker
            return
        if error is None:
            yield number, *found
            return
        self.failed[number] += 1
        killed = type(error).__name__ == "KilledWorker"  # Dask has tried it on several workers
        if killed or self.failed[number] == TRIES:
            what = "ended each of its workers" if killed else f"failed {TRIES} times"
            raise EngineError(
                f"the comparison of {self._words_of(number)} {what}: {_words(error)}"
            ) from error
        self.left.put_back(number)

    def _words_of(self, number: int) -> str:
        """The layers of a group."""
        group = self.groups[number]
        ends = [
            [self.layers[at].name for at in dict.fromkeys((part[0], part[-1]))]
            for part in (group.sources, group.targets)
        ]
        return " with ".join(" to ".join(names) for names in ends)


def _allowed_failures() -> int:
    """How many workers may end while they have one task, as Dask counts them."""
    import dask

    return int(dask.config.get("distributed.scheduler.allowed-failures"))


def _of_same_version(client: Client, workers: list[str]) -> list[str]:
    """The workers that answer, once all of them have this version of headgraph.

    The question needs no code of headgraph there: pydoc belongs to Python.

    Raises:
        EngineError: one has another version, or none.
    """
    if not workers:
        return []
    name = "headgraph.base.version.VERSION"
    answers = client.run(pydoc.locate, name, workers=workers, on_error="return")
    there = {it: answer for it, answer in answers.items() if not isinstance(answer, OSError)}
    for worker, version in there.items():
        if version != VERSION:
            has = f"headgraph {quoted(version)}" if isinstance(version, str) else "no headgraph"
            raise EngineError(
                f"the worker {worker} is refused: it has {has}, and this machine has headgraph "
                f"{VERSION}; install the same version there"
            )
    return list(there)


def _words(error: BaseException) -> str:
    """The text of an error of a worker, in one line."""
    text = " ".join(str(error).split()) or type(error).__name__
    if len(text) <= LONGEST and isinstance(error, HeadgraphError):
        return error.message.marked
    return short(text, LONGEST)


@contextmanager
def _lost(client: Client) -> Iterator[None]:
    """State it as EngineError if the scheduler is gone."""
    from concurrent.futures import CancelledError

    from distributed.client import FutureCancelledError

    try:
        yield
    except (OSError, CancelledError, FutureCancelledError) as error:
        raise EngineError(
            "the connection to the Dask scheduler is lost: start it again, and repeat "
            f"{either('the call with the same partial=', 'the command with the same -o')}, which "
            "resumes"
        ) from error
