"""Which backend a piece of work gets.

NumPy starts at once and needs nothing more. Torch is taken when it is in memory already (notebooks,
TransformerLens), when a device is asked for, or when the work is large enough to pay for importing
it.
"""

import importlib.util
import sys

from headgraph.pk_engine.backends import Backend
from headgraph.pk_engine.errors import EngineError

WORTH_TORCH = 1e12
"""Operations from which torch's import pays: some ten seconds of a small machine."""


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
