"""Columns of many edges as text: bytes in base64, which `js/columns.js` turns into typed arrays.

As JSON lists, half a million edges would take four times the space and seconds to read.
"""

from base64 import b64encode
from typing import Any

import numpy as np
import numpy.typing as npt

MANY = 10_000
"""Edges from which a page holds packed columns, and draws only the strongest as lines."""
_INTEGERS = ("u1", "u2", "u4", "i4")


def packed(values: npt.NDArray[Any]) -> dict[str, Any]:
    """A column of numbers as its type, its length and its bytes, or the one value that all have.

    Numbers with a fraction have the digits of a float32, and those that are missing are NaN.

    Raises:
        TypeError: values that are not numbers.

    >>> packed(np.array([1, 2, 300]))
    {'of': 'u2', 'n': 3, 'base64': 'AQACACwB'}
    >>> packed(np.full(3, 0.25))
    {'of': 'f4', 'n': 3, 'every': 0.25}
    """
    kind = _kind(values)
    same = len(values) > 0 and bool((values == values[0]).all())
    about = {"of": kind, "n": len(values)}
    if same and np.isfinite(values[0]):
        return {**about, "every": values[0].item()}
    return {**about, "base64": b64encode(values.astype(f"<{kind}").tobytes()).decode()}


def shares(values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Numbers from 0 to 1 as 255ths, which is finer than an eye sees in the width of a line."""
    found: npt.NDArray[np.uint8] = np.rint(values * 255).astype(np.uint8)
    return found


def _kind(values: npt.NDArray[Any]) -> str:
    if values.dtype.kind == "f":
        return "f4"
    if values.dtype.kind not in "iub":
        raise TypeError(f"{values.dtype} is not a type of numbers")
    least, most = (int(values.min()), int(values.max())) if len(values) else (0, 0)
    for kind in _INTEGERS:
        room = np.iinfo(kind)
        if room.min <= least and most <= room.max:
            return kind
    return "f4"
