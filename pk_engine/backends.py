"""Where the arithmetic runs: NumPy, or torch on a processor or GPU.

NumPy starts at once and needs nothing more. Torch is taken when it is in memory already (notebooks,
TransformerLens), when a device is asked for, or when the work is large enough to pay for importing
it.
"""

import importlib.util
import os
import sys
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pk_engine.bases import one_thread
from pk_engine.errors import EngineError

WORTH_TORCH = 1e12
"""Operations from which torch's import pays: some ten seconds of a small machine."""


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
        """Whether bases are made on the device: mps has no float64, and NumPy's are the faster
        ones on a processor.
        """
        return self.device not in ("cpu", "mps")

    def empty(self, shape: tuple[int, ...]) -> Any:
        """Memory on the device, not yet touched."""
        if self.name == "numpy":
            return np.empty(shape, self.dtype)
        import torch

        return torch.empty(shape, dtype=getattr(torch, self.dtype), device=self.device)

    def array(self, values: NDArray[Any]) -> Any:
        """A NumPy array on the device, in this precision."""
        values = values.astype(self.dtype, copy=False)
        if self.name == "numpy":
            return values
        import torch

        return torch.from_numpy(np.ascontiguousarray(values)).to(self.device)

    @contextmanager
    def workers(self) -> Iterator[Executor | None]:
        """Threads to compute on, and float32 that is float32; None on a GPU, which has its own.

        Each thread has a single-threaded BLAS: no barrier between them, so a busy machine slows
        them down in proportion and not a hundredfold.
        """
        with _torch_settings() if self.name == "torch" else one_thread():
            if self.device != "cpu":
                yield None
                return
            with ThreadPoolExecutor(usable_cpus()) as threads:
                yield threads


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


def choose(
    backend: str = "auto",
    device: str | None = None,
    dtype: str = "float32",
    *,
    operations: float = 0,
) -> Backend:
    """The backend for a piece of work.

    Args:
        backend: `auto`, `numpy` or `torch`.
        device: `cpu`, `cuda`, `cuda:N` or `mps`; None for the best that the backend has.
        dtype: `float32` or `float64`.
        operations: floating-point operations expected, for `auto`.

    Raises:
        EngineError: an unknown name, torch is not installed, or there is no such device.
    """
    if backend not in ("auto", "numpy", "torch"):
        raise EngineError(f"unknown backend {backend!r}: wanted auto, numpy or torch")
    if dtype not in ("float32", "float64"):
        raise EngineError(f"unknown dtype {dtype!r}: wanted float32 or float64")
    if backend == "numpy" and device not in (None, "cpu"):
        raise EngineError(f"NumPy has no device {device}: leave --backend out, or say torch")
    if backend == "auto":
        backend = "torch" if _wants_torch(device, operations) else "numpy"
    if backend == "numpy":
        return Backend("numpy", "cpu", dtype)
    return Backend("torch", _torch_device(device), dtype)


def _wants_torch(device: str | None, operations: float) -> bool:
    if device not in (None, "cpu"):
        return True
    there = importlib.util.find_spec("torch") is not None
    imported = sys.modules.get("torch") is not None
    return imported or (there and operations > WORTH_TORCH)


def _torch_device(device: str | None) -> str:
    if importlib.util.find_spec("torch") is None:
        raise EngineError(
            "torch is not installed: pip install 'headgraph[torch]', or leave --backend and "
            "--device out to compute on NumPy"
        )
    import torch

    has = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if device is None:
        return next(name for name in ("cuda", "mps", "cpu") if has[name])
    if not has.get(device.partition(":")[0]):
        found = ", ".join(name for name, there in has.items() if there)
        raise EngineError(f"torch has no device {device!r} on this machine: it has {found}")
    return device


def usable_cpus() -> int:
    """Processors that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
