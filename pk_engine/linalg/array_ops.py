"""Operations of an array library that the kernel needs beyond the Array API standard.

The standard has no product into a buffer, no product added to a view and no scaling in place. The
kernel spends its time in these. `Ops` names them, and each library implements them once.
"""

from typing import Any, Protocol

import numpy as np
from array_api_compat import array_namespace, is_torch_array
from numpy.typing import NDArray

CPU_TILE = (96, 448)
"""Rows and columns of a tile on a CPU: tall enough to reuse cached rows of a factor, and multiples
of 48, the unit of BLAS."""
LONGEST = 1 << 14
"""Terms that a GPU adds one after another in float32; fewer than twice as many stay one sum. Sums
over millions of terms, as of several tiles side by side, would lose some digits more."""
ROOM = 8 << 30
"""Most bytes of tiles on a GPU. More tiles take so long that a launch no longer counts."""


class Ops(Protocol):
    """Operations on arrays of one library, and the tile size that suits it.

    Attributes:
        tile: rows and columns of the projectors formed at a time. Larger tiles make longer
            products; smaller tiles need less memory.
    """

    tile: tuple[int, int]

    def room(self, like: Any) -> int:
        """Bytes that tiles may take together on the device of `like`; 0 for one tile at a time."""

    def empty(self, shape: tuple[int, ...], like: Any) -> Any:
        """An uninitialised array of the type of `like`."""

    def zeros(self, shape: tuple[int, ...], like: Any) -> Any:
        """An array of zeros of the type of `like`."""

    def rows(self, stack: Any) -> Any:
        """The stack with its last two axes swapped and contiguous rows: a view where possible."""

    def batched(self, a: Any, b: Any, out: Any) -> None:
        """out[i] = a[i]^T b[i]."""

    def add_product(self, a: Any, b: Any, out: Any) -> None:
        """Out += a b^T, where `out` may be a view."""

    def scale(self, view: Any, factor: float) -> None:
        """Multiply a view in place."""


class NumPyOps:
    """The protocol on NumPy."""

    tile = CPU_TILE

    def room(self, like: Any) -> int:
        """See `Ops`."""
        return 0  # one tile fits the cache

    def empty(self, shape: tuple[int, ...], like: Any) -> Any:
        """See `Ops`."""
        return np.empty(shape, like.dtype)

    def zeros(self, shape: tuple[int, ...], like: Any) -> Any:
        """See `Ops`."""
        return np.zeros(shape, like.dtype)

    def rows(self, stack: Any) -> Any:
        """See `Ops`."""
        rows = stack.mT
        return rows if rows.strides[-1] == rows.itemsize else np.ascontiguousarray(rows)

    def batched(self, a: Any, b: Any, out: Any) -> None:
        """See `Ops`."""
        np.matmul(a.mT, b, out=out)

    def add_product(self, a: Any, b: Any, out: Any) -> None:
        """See `Ops`."""
        out += a @ b.T

    def scale(self, view: Any, factor: float) -> None:
        """See `Ops`."""
        np.multiply(view, factor, out=view)


class TorchOps:
    """The protocol on torch, for arrays on any device."""

    def __init__(self, device: str) -> None:
        # a GPU needs few large products, a CPU needs tiles that fit its cache
        self.tile = CPU_TILE if device == "cpu" else (128, 1 << 30)
        self._device = device

    def room(self, like: Any) -> int:
        """See `Ops`."""
        if self._device != "cuda":
            return 0 if self._device == "cpu" else ROOM // 8
        import torch

        unused = torch.cuda.memory_reserved(like.device) - torch.cuda.memory_allocated(like.device)
        free = torch.cuda.mem_get_info(like.device)[0] + unused  # torch keeps what was freed
        return min(ROOM, int(free) // 2)

    def empty(self, shape: tuple[int, ...], like: Any) -> Any:
        """See `Ops`."""
        return like.new_empty(shape)

    def zeros(self, shape: tuple[int, ...], like: Any) -> Any:
        """See `Ops`."""
        return like.new_zeros(shape)

    def rows(self, stack: Any) -> Any:
        """See `Ops`."""
        rows = stack.mT
        return rows if rows.stride(-1) == 1 else rows.contiguous()

    def batched(self, a: Any, b: Any, out: Any) -> None:
        """See `Ops`."""
        import torch

        torch.bmm(a.mT, b, out=out)

    def add_product(self, a: Any, b: Any, out: Any) -> None:
        """See `Ops`."""
        parts = 1 if self._device == "cpu" else a.shape[1] // LONGEST
        if parts > 1:
            a_rest, b_rest = (it[:, parts * LONGEST :] for it in (a, b))
            a, b = (it[:, : parts * LONGEST].unflatten(1, (parts, -1)) for it in (a, b))
            out += (a.transpose(0, 1) @ b.permute(1, 2, 0)).sum(0)
            a, b = a_rest, b_rest
        if a.shape[1]:
            out.addmm_(a, b.T)

    def scale(self, view: Any, factor: float) -> None:
        """See `Ops`."""
        view.mul_(factor)


def namespace(array: Any) -> Any:
    """The Array API of an array's library.

    NumPy implements the API itself; its wrapper would import f2py and other large modules.
    """
    return np if isinstance(array, np.ndarray) else array_namespace(array)


def ops_for(array: Any) -> Ops:
    """The operations for the library and device of an array."""
    return TorchOps(array.device.type) if is_torch_array(array) else NumPyOps()


def to_numpy(array: Any) -> NDArray[Any]:
    """The array in NumPy, copied to CPU memory if it is on another device."""
    return np.asarray(array.cpu() if is_torch_array(array) else array)
