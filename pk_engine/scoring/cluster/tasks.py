"""Tasks on a Dask cluster: which worker gets which, and what happens when one is lost.

The client keeps a few tasks ahead for each worker and takes back those of lost workers. A worker
gets tasks once it has the same version of headgraph and its check is good: it then has one of a
resource that each task needs, so it runs one at a time. Other workers are refused (`refusal`), and
the job ends only if none is left but those.
"""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Generator, Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headgraph.base.progress import Progress
from headgraph.pk_engine.errors import EngineError
from headgraph.pk_engine.scoring.cluster.loss import SAME_OUTPUT, stating_loss
from headgraph.pk_engine.scoring.cluster.refusal import (
    Refused,
    other_version,
    version_asked,
    words_of,
)
from headgraph.pk_engine.scoring.cluster.sharing import Sharing
from headgraph.pk_engine.scoring.cluster.worker import admit
from headgraph.pk_engine.scoring.progress import WAITING

if TYPE_CHECKING:
    from distributed import Client, Future

TRIES = 3
AHEAD = 2
"""Tasks for each worker at once: one that runs and one that waits."""
_NOT_DONE = ("pending", "lost")
"""States of a future: running or waiting; and done, but its worker is gone."""
POLL = 1.0
"""Seconds after which the client looks for new workers."""
PATIENCE = 2.0
"""Seconds to fetch a result, at first."""
RETURN = 60.0
"""Seconds that a lost worker has to come back while all others are refused."""
SILENT = 20.0
"""Seconds after which the user is told that no worker takes tasks, though there are some."""
Call = tuple[Callable[..., Any], *tuple[Any, ...]]
"""A function and its arguments, which can be pickled."""


@dataclass(frozen=True)
class Work:
    """Tasks for a cluster.

    Attributes:
        keys: number of each task -> what a worker should keep for it (`sharing`).
        call: number -> the function and arguments of the task.
        words: number -> the task in an error, such as "the comparison of L0 with L1".
        check: a function and arguments that raise an error on a worker which cannot take part.
        wrong: number, result and worker -> why the result is not taken and the worker refused, such
            as "it read other weights"; empty for a good result.
        again: the call or the command that resumes if the scheduler is lost.
    """

    keys: Mapping[int, Hashable]
    call: Callable[[int], Call]
    words: Callable[[int], str]
    check: Call
    wrong: Callable[[int, Any, str], str] = lambda *_: ""
    again: str = SAME_OUTPUT


def done_on(
    client: Client, work: Work, progress: Progress | None
) -> Generator[tuple[int, Any, str]]:
    """The number and result of each task, and the worker that it comes from, as they come.

    Raises:
        EngineError: all workers have another headgraph, fail their check or give wrong results; a
            task failed three times or ended its workers; or the scheduler is gone.
    """
    tasks = _Tasks(client, work, progress)
    with stating_loss(client, work.again):
        try:
            yield from tasks.run()
        finally:
            tasks.cancel()


class _Tasks:
    """The tasks of a job on a cluster, and checks of workers."""

    def __init__(self, client: Client, work: Work, progress: Progress | None) -> None:
        self.client, self.work, self.progress = client, work, progress
        self.left = Sharing(work.keys)
        self.failed = dict.fromkeys(work.keys, 0)
        self.lost = dict.fromkeys(work.keys, 0)
        self.checks: dict[Future, tuple[str, Callable[[str, Future], None]]] = {}
        self.running: dict[Future, tuple[int, str]] = {}
        self.resource = f"headgraph-{uuid.uuid4()}"  # workers of an earlier job are checked again
        self.workers: list[str] = []
        self.admitted: set[str] = set()
        self.refused = Refused(progress)
        self.looked = 0.0
        self.served = time.monotonic()  # when a worker was last there to take tasks
        self.ends = 0.0
        self.patience = PATIENCE
        self.allowed = _allowed_failures()

    def run(self) -> Iterator[tuple[int, Any, str]]:
        """Submit and collect until every task is done."""
        while len(self.left) or self.running:
            self._look()
            self._submit()
            for future in self._finished():
                if future in self.checks:
                    worker, judge = self.checks.pop(future)
                    judge(worker, future)
                else:
                    yield from self._collect(*self.running.pop(future), future)
        self.refused.tell()

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
        self.refused.keep(found)
        checking = {worker for worker, _ in self.checks.values()}
        good = [worker for worker in found if worker not in self.refused]
        self.workers = [it for it in good if self.resource in found[it]["resources"]]
        self.admitted.update(self.workers)
        for future, (worker, _) in list(self.checks.items()):
            if worker not in found:  # it left before it was checked
                del self.checks[future]
                future.cancel()
        for worker in good:
            if worker not in self.workers and worker not in checking:
                self.checks[version_asked(self.client, worker)] = worker, self._judge_version
        self._state_lack(found)
        self._take_back()

    def _state_lack(self, found: Collection[str]) -> None:
        """Name the refused workers, or say that the job waits, or end it if it would wait in vain.

        Raises:
            EngineError: all workers are refused, and no other was lost a moment ago.
        """
        if self.workers:
            self.served = time.monotonic()
        silent = time.monotonic() > self.served + SILENT
        if self.workers or silent:
            self.refused.tell()
        if any(worker not in self.refused for worker in found):
            self.ends = 0.0
        else:
            lost = [it for it in self.admitted if it not in found]
            self.ends = self.ends or time.monotonic() + RETURN * bool(lost)
            if time.monotonic() >= self.ends:
                self.refused.raise_if_all(found)
        if self.progress and (self.ends or silent):
            self.progress(WAITING, 0, 0)

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
            self.lost[number] += worker not in blamed and worker not in self.refused
            blamed.add(worker)
            if self.lost[number] > self.allowed:
                many = "s" * (self.lost[number] != 1)
                raise EngineError(
                    f"{self.work.words(number)} ended {self.lost[number]} worker{many}, most often "
                    "for lack of memory: give the workers more, or take smaller groups"
                )

    def _judge_version(self, worker: str, future: Future) -> None:
        """Send a worker its check if it has this version of headgraph, and refuse it otherwise."""
        try:
            error = future.exception(timeout=POLL)
            reason = words_of(error) if error else other_version(future.result(timeout=POLL))
        except TimeoutError:  # the worker is lost
            return
        finally:
            future.release()  # a wait in vain leaves it in a cycle
        if reason:
            self._refuse(worker, reason)
            return
        call = (admit, self.resource, *self.work.check)
        task = self.client.submit(*call, workers=[worker], pure=False)
        self.checks[task] = worker, self._judge_check

    def _judge_check(self, worker: str, future: Future) -> None:
        """Refuse a worker whose check failed; one that passed has already admitted itself."""
        try:
            error = future.exception(timeout=POLL)
        except TimeoutError:  # the worker is lost
            return
        finally:
            future.release()
        if error is not None:
            self._refuse(worker, words_of(error))
            return
        self.looked = 0.0

    def _refuse(self, worker: str, reason: str) -> None:
        """Give a worker no more tasks, and others those that it has."""
        self.refused.add(worker, reason)
        self.workers = [it for it in self.workers if it != worker]
        self.admitted.discard(worker)
        self.left.forget(worker)
        self.looked = 0.0

    def _submit(self) -> None:
        """Keep a task ahead for each worker, but leave the last ones to the others, if there are
        any, which may be free sooner.
        """
        busy = Counter(worker for _, worker in self.running.values())
        others = len(self.workers) - 1
        for ahead in range(AHEAD):
            for worker in self.workers:
                if len(self.left) <= ahead * others or busy[worker] > ahead:
                    continue
                if (number := self.left.take(worker, self.workers)) is not None:
                    self._send(number, worker)
                    busy[worker] += 1

    def _send(self, number: int, worker: str) -> None:
        task = self.client.submit(
            *self.work.call(number),
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

    def _collect(self, number: int, worker: str, future: Future) -> Iterator[tuple[int, Any, str]]:
        found: Any = None
        try:  # the worker may be lost, and the task then has to wait for another
            if (error := future.exception(timeout=POLL)) is None:
                self.patience *= 2
                found = future.result(timeout=self.patience / 2)
                self.patience /= 2
        except TimeoutError:
            self.running[future] = number, worker
            return
        future.release()  # or the worker keeps the result for as long as the job runs
        if error is None:
            if self._is_good(number, found, worker):
                yield number, found, worker
            else:
                self.left.put_back(number)
            return
        self.failed[number] += 1
        killed = type(error).__name__ == "KilledWorker"  # Dask has tried it on several workers
        if killed or self.failed[number] == TRIES:
            what = "ended each of its workers" if killed else f"failed {TRIES} times"
            raise EngineError(f"{self.work.words(number)} {what}: {words_of(error)}") from error
        self.left.put_back(number, failed_on=worker)

    def _is_good(self, number: int, found: Any, worker: str) -> bool:
        """Whether a result can be taken; if not, its worker is refused."""
        if worker not in self.refused and (reason := self.work.wrong(number, found, worker)):
            self._refuse(worker, reason)
        return worker not in self.refused


def _allowed_failures() -> int:
    """How many workers may end while they have one task, as Dask counts them."""
    import dask

    return int(dask.config.get("distributed.scheduler.allowed-failures"))
