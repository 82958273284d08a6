"""What runs on a worker of a Dask cluster: functions that `cluster` submits."""

from __future__ import annotations

import ctypes
import hashlib
import os
import pickle
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from headgraph.base.progress import Progress
from headgraph.pk_engine.errors import WeightsError
from headgraph.pk_engine.linalg.backends import Backend, choose
from headgraph.pk_engine.metrics.layer_order import Group
from headgraph.pk_engine.scoring.group import Factors, Part
from headgraph.pk_engine.scoring.layers import layer_digest
from headgraph.pk_engine.scoring.spec import Spec

T = TypeVar("T")
_TRIM, _MMAP = "MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_"
_KEPT = ((-1, 64 << 20), (-3, 32 << 20))
"""M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of malloc.h, with the bytes up to which glibc raises them
by itself.
"""
_last: WeakKeyDictionary[Any, tuple[str, Spec, Factors]] = WeakKeyDictionary()
"""Worker -> the job of its last task, whose weights are open and whose factors are kept."""


def _opened(worker: Any, pickled: bytes) -> tuple[Spec, Factors]:
    """The spec and its factors, from memory if the last task was of the same job."""
    key = hashlib.sha256(pickled).hexdigest()
    if worker in _last and _last[worker][0] == key:
        return _last[worker][1:]
    _last.pop(worker, None)  # free the other job's factors before
    (spec, _), factors = pickle.loads(pickled), Factors()
    _last[worker] = key, spec, factors
    return spec, factors


def choose_here(
    backend: str, device: str | None, dtype: str, operations: float
) -> tuple[Backend, float]:
    """The backend for the arguments of `compute` on this worker, and its default of `memory`."""
    chosen = choose(backend, device, dtype, operations=operations, loaded=False)
    return chosen, chosen.memory()


def check(pickled: bytes, layer: int, digest: bytes) -> None:
    """Open the model, and check that a layer and the backend are those of the job.

    Raises:
        ModelError: the model is not there.
        WeightsError: the layer has other weights.
        EngineError: the backend or device is not there.
    """
    from distributed import get_worker

    spec, _ = _opened(get_worker(), pickled)
    choose(spec.backend.name, spec.backend.device, spec.backend.dtype)
    if layer_digest(spec.weights.raw_layer(layer)) != digest:
        raise WeightsError("it reads other weights than this machine; give all the same files")


def admit(quantity: str, check: Callable[..., object], *arguments: Any) -> None:
    """Run a check, then let this worker take one task at a time that needs the quantity.

    Its threads share the factors of one group. All of this is a task, so that a worker which stops
    in the middle keeps nobody waiting.

    Raises:
        Exception: that of the check.
    """
    from distributed import get_worker
    from distributed.utils import sync

    check(*arguments)
    keep_memory()
    worker = get_worker()
    with suppress(OSError):  # the scheduler was not told: the client checks this worker again
        sync(worker.loop, worker.set_resources, **{quantity: 1})


def keep_memory() -> bool:
    """Let the C library keep some freed memory, as it does in a process that Dask did not start.

    Dask gives workers a variable with which every array is given back at once, and the system has
    to clear pages for the next one. A value that a user chose stays.

    Returns:
        Whether anything changed.
    """
    if sys.platform != "linux":  # elsewhere Dask's variables do nothing
        return False
    import dask

    chosen: dict[str, Any] = dask.config.get("distributed.nanny.pre-spawn-environ")
    if os.environ.get(_TRIM) != str(chosen.get(_TRIM)) or _MMAP in os.environ:
        return False
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)  # of glibc
    return set_option is not None and all(set_option(*it) for it in _KEPT)


def done_here(pickled: bytes, part: Part[T], group: Group) -> T:
    """What a part of a job makes of a group."""
    from distributed import get_worker

    worker = get_worker()
    spec, factors = _opened(worker, pickled)
    with spec.backend.workers(worker.state.nthreads) as threads:
        until = until_cancelled(worker)
        return part(spec, group, factors=factors, threads=threads, progress=until)


class Cancelled(Exception):
    """The client has cancelled this task, or is gone."""


def until_cancelled(worker: Any) -> Progress:
    """Progress that ends the task once its result is not needed any more."""
    key = worker.get_current_task()

    def check(what: str, done: int, total: int) -> None:
        task = worker.state.tasks.get(key)
        if task is None or task.state == "cancelled":
            raise Cancelled(key)

    return check
