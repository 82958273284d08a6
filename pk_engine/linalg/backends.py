"""Where the arithmetic runs: NumPy, or torch on a processor or GPU.

NumPy is always there and imports quickly. `choose` takes torch when it is imported already
(notebooks, TransformerLens), when a device is requested, or when the work outweighs the import.
"""

import importlib.util
import math
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from queue import SimpleQueue
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headgraph.base.spelling import argument
from headgraph.base.text import quoted
from headgraph.pk_engine.errors import EngineError
from headgraph.pk_engine.linalg.array_ops import to_numpy
from headgraph.pk_engine.linalg.bases import Bases, bases, one_thread
from headgraph.pk_engine.linalg.buffers import Buffers, PinnedBuffers

MEMORY = 2.0
"""Gigabytes that factors may take by default; a run takes about one more."""
READERS = 8
"""Threads that read layers for a GPU; each takes much longer for a layer than the GPU."""
STREAMS = 3
"""Layers on a GPU at one time, beside the factors: one arrives while others are factored."""
WIDE = 1 << 27
"""Bytes of matrices that a GPU copies to float64 at one time."""


@dataclass(frozen=True)
class Backend:
    """An array library on a device, in a precision.

    Attributes:
        name: `numpy` or `torch`.
        device: `cpu`, `cuda`, `cuda:1`, `mps`.
        dtype: `float32` or `float64`.
    """

    name: str = "numpy"
    device: str = "cpu"
    dtype: str = "float32"

    def __str__(self) -> str:
        return self.name if self.device == "cpu" else f"{self.name} on {self.device}"

    @property
    def factors_here(self) -> bool:
        """Whether the device computes bases; mps lacks float64, and NumPy is faster on a CPU."""
        return self.device not in ("cpu", "mps")

    def memory(self) -> float:
        """Default of `memory`, in gigabytes: 2, or half of a CUDA device's memory."""
        if not self.device.startswith("cuda"):
            return MEMORY
        import torch

        return float(torch.cuda.mem_get_info(self.device)[1]) / 2e9

    def empty(self, shape: tuple[int, ...]) -> Any:
        """An uninitialised array on the device."""
        if self.name == "numpy":
            return np.empty(shape, self.dtype)
        import torch

        if self.device == "cpu":  # NumPy requests large pages from the system
            return torch.from_numpy(np.empty(shape, self.dtype))
        return torch.empty(shape, dtype=getattr(torch, self.dtype), device=self.device)

    def factored(
        self, here: Any, stored: NDArray[Any], rows: Any, buffers: Buffers | None = None
    ) -> Bases:
        """Bases of matrices, computed on the device or in NumPy (`factors_here`).

        Args:
            here: heads x d x m on the device.
            stored: the same in NumPy.
            rows: heads x m x d on the device, filled with U^T; None to leave U out.
            buffers: memory for NumPy's float64 copies; new memory without them.
        """
        if self.factors_here:
            return bases(here, rows, max(1, WIDE // (8 * math.prod(here.shape[1:]))))
        if rows is None or self.device == "cpu":  # torch's memory there is NumPy's too
            return bases(stored, None if rows is None else to_numpy(rows), buffers=buffers)
        found = bases(stored, buffers=buffers)
        rows[...] = self.array(found.basis).mT
        return found

    def array(self, values: NDArray[Any]) -> Any:
        """A NumPy array on the device, in this precision."""
        values = values.astype(self.dtype, copy=False)
        if self.name == "numpy":
            return values
        import torch

        return torch.from_numpy(np.ascontiguousarray(values)).to(self.device)

    def uploaded(self, stacks: Sequence[NDArray[Any]]) -> Any:
        """Stacks of matrices of one size as one stack on the device, in this precision.

        Copies from `PinnedBuffers` go on while the caller does: inside `beside`, keep them as they
        are until it ends.
        """
        import torch

        here = self.empty((sum(map(len, stacks)), *stacks[0].shape[1:]))
        for place, stack in zip(here.split([len(it) for it in stacks]), stacks, strict=True):
            place.copy_(torch.from_numpy(stack), non_blocking=True)
        return here

    def buffers(self) -> Buffers:
        """Memory to read layers into."""
        return PinnedBuffers() if self.device.startswith("cuda") else Buffers()

    @contextmanager
    def beside(self) -> Iterator[None]:
        """Work of this thread on a CUDA device that runs beside that of others, and is then done.

        One thread's copies run while the device computes for another; at most STREAMS are inside.
        The caller of these threads calls `wait` before, since memory that it freed may be in use.
        """
        if not self.device.startswith("cuda"):
            yield
            return
        import torch

        streams = _streams(self.device)
        stream = streams.get()
        try:
            try:
                with torch.cuda.stream(stream):
                    yield
            finally:
                stream.synchronize()
        finally:  # also of a device that failed, or other threads would wait for ever
            streams.put(stream)

    def wait(self) -> None:
        """Wait until a CUDA device has done what this thread has asked of it."""
        if self.device.startswith("cuda"):
            import torch

            torch.cuda.current_stream(self.device).synchronize()

    @contextmanager
    def workers(self, most: int | None = None) -> Iterator[Executor]:
        """Threads to read and compute on; torch computes in true float32 meanwhile, without TF32.

        Each thread has a single-threaded BLAS. Without barriers between threads, a busy machine
        slows them in proportion instead of a hundredfold. With a GPU, these threads read the next
        layers while it computes.

        Args:
            most: the number of threads, if it is not that of the processors.
        """
        if self.name == "torch":
            # torch sets the number of BLAS threads for each new thread separately
            settings, first = _torch_settings(), _one_torch_thread
        else:
            settings, first = one_thread(), None
        count = self.threads if most is None else min(most, self.threads)
        with settings, ThreadPoolExecutor(count, initializer=first) as threads:
            yield threads

    @property
    def threads(self) -> int:
        """Number of threads that read and compute; each holds a layer while it reads."""
        return usable_cpus() if self.device == "cpu" else min(usable_cpus(), READERS)

    def computing(self, threads: Executor | None) -> Executor | None:
        """The executor for the kernel's parts: these threads, or None (in turn) on a GPU."""
        return threads if self.device == "cpu" else None


@cache
def _streams(device: str) -> SimpleQueue[Any]:
    """Streams that are free. They are kept, because torch keeps freed memory for each of them."""
    import torch

    streams: SimpleQueue[Any] = SimpleQueue()
    for _ in range(STREAMS):
        streams.put(torch.cuda.Stream(device))
    return streams


def _one_torch_thread() -> None:
    import torch

    torch.set_num_threads(1)


@contextmanager
def _torch_settings() -> Iterator[None]:
    import torch

    threads, precision = torch.get_num_threads(), torch.get_float32_matmul_precision()
    torch.set_num_threads(1)
    torch.set_float32_matmul_precision("highest")  # no TF32
    try:
        with one_thread():
            yield
    finally:
        torch.set_num_threads(threads)
        torch.set_float32_matmul_precision(precision)


_AS_WORKER: ContextVar[int | None] = ContextVar("as_worker", default=None)


@contextmanager
def as_worker(threads: int) -> Iterator[None]:
    """In this block, take at most so many processors, and `auto` ignores what is imported.

    For a process that has several tasks: what it did before must not change the result.
    """
    token = _AS_WORKER.set(threads)
    try:
        yield
    finally:
        _AS_WORKER.reset(token)


def usable_cpus() -> int:
    """Processors that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        found = len(os.sched_getaffinity(0))
    else:
        found = os.cpu_count() or 1
    return min(found, _AS_WORKER.get() or found)


WORTH_TORCH = 1e12
"""Operations that outweigh the import of torch: some ten seconds on a small machine."""


def choose(
    backend: str = "auto",
    device: str | None = None,
    dtype: str = "float32",
    *,
    operations: float = 0,
    loaded: bool | None = None,
) -> Backend:
    """The backend for a piece of work.

    Args:
        backend: `auto`, `numpy` or `torch`.
        device: `cpu`, `cuda`, `cuda:N` or `mps`; None for the best that the backend has.
        dtype: `float32` or `float64`.
        operations: floating-point operations expected, for `auto`.
        loaded: whether `auto` takes torch as imported; by default, if it is.

    Raises:
        EngineError: an unknown name, torch is not installed, or the machine lacks the device.
    """
    if backend not in ("auto", "numpy", "torch"):
        raise EngineError(f"unknown backend {quoted(backend)}: expected auto, numpy or torch")
    if dtype not in ("float32", "float64"):
        raise EngineError(f"unknown dtype {quoted(dtype)}: expected float32 or float64")
    if not isinstance(device, str | None):
        raise EngineError(f"unknown device {quoted(device)}: expected a text such as cpu or cuda:0")
    if backend == "numpy" and device not in (None, "cpu"):
        raise EngineError(
            f"NumPy has no device {quoted(device)}: leave {argument('backend')} out, or pass "
            f"{argument('backend', 'torch')}"
        )
    if backend == "auto":
        backend = "torch" if _wants_torch(device, operations, loaded) else "numpy"
    if backend == "numpy":
        return Backend("numpy", "cpu", dtype)
    return Backend("torch", _torch_device(device), dtype)


def _wants_torch(device: str | None, operations: float, loaded: bool | None) -> bool:
    if device not in (None, "cpu"):
        return True
    there = importlib.util.find_spec("torch") is not None
    if loaded is None:
        loaded = _AS_WORKER.get() is None and sys.modules.get("torch") is not None
    return loaded or (there and operations > WORTH_TORCH)


def _torch_device(device: str | None) -> str:
    if importlib.util.find_spec("torch") is None:
        raise EngineError(
            "torch is not installed: pip install 'headgraph[torch]', or leave "
            f"{argument('backend')} and {argument('device')} out to compute on NumPy"
        )
    import torch

    has = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if device is None:
        return next(name for name in ("cuda", "mps", "cpu") if has[name])
    if not has.get(device) and not _is_cuda(device, torch.cuda.device_count()):
        found = ", ".join(name for name, there in has.items() if there)
        raise EngineError(f"torch has no device {quoted(device)} on this machine: it has {found}")
    return device


def _is_cuda(device: str, count: int) -> bool:
    """Whether this is `cuda:N` for one of `count` devices; torch fails much later for others."""
    return device in {f"cuda:{number}" for number in range(count)}
