"""Memory that is used again, layer after layer and tile after tile.

The C library gives an array of some megabytes back to the system when it is freed. The next array
of that size then gets fresh pages, which the system maps and zeroes one by one. For small models
this takes as long as the arithmetic.
"""

import math
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


class Buffers(threading.local):
    """Named buffers of each thread; they are freed with the object.

    An array that comes from here is valid until the same thread takes the same name again.
    """

    def flat(self, name: str, size: int, make: Callable[[int], Any]) -> Any:
        """`size` numbers of the buffer of this name, which `make` makes where it is too small."""
        found = self.__dict__.get(name)
        if found is None or len(found) < size:
            self.__dict__.pop(name, None)  # free the small one before the larger one is there
            found = self.__dict__[name] = make(size)
        return found[:size]

    def array(self, name: str, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """An uninitialised NumPy array in a buffer of this name and type."""
        kind = np.dtype(dtype)
        flat: NDArray[Any] = self.flat(
            f"{name} {kind.name}", math.prod(shape), lambda size: self._make(size, kind)
        )
        return flat.reshape(shape)

    def _make(self, size: int, kind: np.dtype[Any]) -> NDArray[Any]:
        return np.empty(size, kind)

    def copy(self, name: str, values: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
        """The values in a buffer of this name: C-contiguous, of this type."""
        found = self.array(name, values.shape, dtype)
        found[...] = values
        return found


class PinnedBuffers(Buffers):
    """Buffers that the system never moves, from which a CUDA device copies while it computes."""

    def _make(self, size: int, kind: np.dtype[Any]) -> NDArray[Any]:
        import torch

        try:
            memory = torch.empty(size * kind.itemsize, dtype=torch.uint8, pin_memory=True)
        except RuntimeError:  # a system limits such memory; copies from other memory only wait
            return super()._make(size, kind)
        found: NDArray[Any] = memory.numpy().view(kind)
        return found
