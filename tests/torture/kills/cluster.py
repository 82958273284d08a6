"""A Dask cluster of two workers on this machine, whose workers can be killed."""

import subprocess
import sys
import time
from functools import cached_property
from pathlib import Path
from typing import Any

FORGETS_S = 20.0
"""Seconds in which the scheduler forgets the tasks of a client that is gone."""
COMES_S = 120.0
"""Seconds in which a worker is there."""
WORKERS = 2
_WORKER = [sys.executable, "-m", "distributed.cli.dask_worker", "--nthreads", "1", "--no-nanny",
           "--no-dashboard", "--memory-limit", "0"]  # fmt: skip


class Workers:
    """A scheduler in this process, started on first use, and workers in processes of their own."""

    def __init__(self) -> None:
        self._workers: list[subprocess.Popen[bytes]] = []

    @cached_property
    def _cluster(self) -> Any:
        from distributed import LocalCluster

        return LocalCluster(
            n_workers=0, host="127.0.0.1", dashboard_address=":0", silence_logs=50
        )  # fmt: skip

    @property
    def address(self) -> str:
        """The scheduler's, which has all its workers."""
        address = str(self._cluster.scheduler_address)
        self._workers = [one for one in self._workers if one.poll() is None]
        for _ in range(WORKERS - len(self._workers)):
            self._workers.append(
                subprocess.Popen(
                    [*_WORKER, address],
                    cwd=Path(__file__).parents[3],
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            )
        self._cluster.wait_for_workers(WORKERS, timeout=COMES_S)
        return address

    def worker(self) -> int:
        """The process of a worker: of the older one, so that each is killed in its turn."""
        assert self.address
        return self._workers[0].pid

    def left(self) -> list[str]:
        """Tasks that the scheduler still has."""
        if "_cluster" not in self.__dict__:
            return []
        deadline = time.monotonic() + FORGETS_S
        while (tasks := dict(self._cluster.scheduler.tasks)) and time.monotonic() < deadline:
            time.sleep(0.05)
        return [f"the scheduler still has {len(tasks)} tasks"] if tasks else []

    def close(self) -> None:
        """End all of it."""
        for worker in self._workers:
            worker.kill()
            worker.wait()
        if "_cluster" in self.__dict__:
            self._cluster.close()
