"""What the kernel needs of an array library beyond the Array API standard.

The standard has no product into a buffer, no product added into a view and no scaling in place,
which are what the kernel's time goes into. `Ops` names these, once for each library.
"""

from typing import Any, Protocol

import numpy as np
from array_api_compat import array_namespace, is_torch_array
from numpy.typing import NDArray

CPU_TILE = (96, 448)
"""Tall enough that a factor's rows are not read from beyond the cache too often; multiples of 48,
which BLAS works in."""


class Ops(Protocol):
    """Operations on arrays of one library, and the tile sizes that suit it.

    Attributes:
        tile: rows and columns of the projectors formed at a time. Larger ones make longer
            products, smaller ones touch less memory.
    """

    tile: tuple[int, int]

    def empty(self, shape: tuple[int, ...], like: Any) -> Any:
        """An uninitialised array of the type of `like`."""

    def zeros(self, shape: tuple[int, ...], like: Any) -> Any:
        """An array of zeros of the type of `like`."""

    def rows(self, stack: Any) -> Any:
        """The stack with its last two axes swapped and long rows: a view where it lies so."""

    def batched(self, a: Any, b: Any, out: Any) -> None:
        """out[i] = a[i]^T b[i]."""

    def add_product(self, a: Any, b: Any, out: Any) -> None:
        """Out += a b^T, where `out` may be a view."""

    def scale(self, view: Any, factor: float) -> None:
        """Multiply a view in place."""


class NumPyOps:
    """The protocol on NumPy."""

    tile = CPU_TILE

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
    """The protocol on torch, for whatever device the arrays are on."""

    def __init__(self, device: str) -> None:
        # a GPU wants few large products, a processor tiles that stay in its cache
        self.tile = CPU_TILE if device == "cpu" else (128, 1 << 30)

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
        out.addmm_(a, b.T)

    def scale(self, view: Any, factor: float) -> None:
        """See `Ops`."""
        view.mul_(factor)


def namespace(array: Any) -> Any:
    """The Array API of an array's library.

    NumPy has it itself; wrapped, it would import f2py, its tests, and all else there is of it.
    """
    return np if isinstance(array, np.ndarray) else array_namespace(array)


def ops_for(array: Any) -> Ops:
    """The operations for the library and device of an array."""
    return TorchOps(array.device.type) if is_torch_array(array) else NumPyOps()


def to_numpy(array: Any) -> NDArray[Any]:
    """The array in NumPy, copied from a device where it is on one."""
    return np.asarray(array.cpu() if is_torch_array(array) else array)
