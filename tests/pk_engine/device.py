"""A GPU's way through the engine, on a processor: what a device is asked, and in which order."""

from collections import Counter
from typing import Any

import pytest
from torch.utils._python_dispatch import TorchDispatchMode

from headgraph.pk_engine.linalg.array_ops import TorchOps
from headgraph.pk_engine.linalg.backends import Backend

PLENTY = 1 << 40


class Launches(TorchDispatchMode):
    """Counts the operations of torch that are no views: on a GPU, each launches a kernel or more.

    Waits are what a GPU would make its caller wait for: single numbers that are taken from it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if not func.is_view and "empty" not in str(func):
            self.counts[str(func)] += 1
        return func(*args, **(kwargs or {}))

    @property
    def total(self) -> int:
        return self.counts.total()

    @property
    def waits(self) -> int:
        return self.counts["aten._local_scalar_dense.default"]


def as_on_a_device(patch: pytest.MonkeyPatch, room: int = PLENTY) -> None:
    """Let torch on the processor go the way of a GPU with this much room for tiles."""

    class DeviceOps(TorchOps):
        def __init__(self, device: str) -> None:
            super().__init__("cuda")

        def room(self, like: Any) -> int:
            return room

    patch.setattr("headgraph.pk_engine.linalg.array_ops.TorchOps", DeviceOps)
    patch.setattr(Backend, "factors_here", property(lambda self: self.name == "torch"))
    patch.setattr(Backend, "computing", lambda self, threads: None)
