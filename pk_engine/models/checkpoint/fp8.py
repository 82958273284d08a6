"""Matrices stored in FP8 with scales beside them: W = scale * stored.

`X.weight_scale_inv` holds a scale for each block (DeepSeek V3, finegrained FP8 of transformers),
`X.weight_scale` one for the matrix or one for each row (FBGEMM, compressed-tensors, ModelOpt).
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headgraph.base.text import quoted, short
from headgraph.pk_engine.errors import WeightsError
from headgraph.pk_engine.linalg.buffers import Buffers
from headgraph.pk_engine.models.checkpoint.tensor_files import FLOATS, FP8, Stored
from headgraph.pk_engine.models.checkpoint.tensors import Tensors, View

SCALES = ("_scale_inv", "_scale")
"""What follows the name of a matrix in the name of its scale."""
BLOCK = (128, 128)


class Dequantised(View):
    """Another source, whose FP8 matrices come as float32.

    Args:
        inner: the source.
        settings: quantization_config, which may give the size of the blocks.
    """

    def __init__(self, inner: Tensors, settings: Mapping[str, Any]) -> None:
        super().__init__(inner)
        self._settings = settings
        self._scales: dict[str, str] = {}

    def describe(self, names: Iterable[str]) -> Iterator[tuple[str, Stored]]:
        """Shape and kind of each of these tensors: F32 for FP8 with a scale.

        Raises:
            WeightsError: a scale does not fit its matrix, or the size of the blocks is no pair of
                numbers.
        """
        found = dict(self.inner.describe(names))
        scales = {name: scale for name, stored in found.items()
                  if stored.kind in FP8 and (scale := self._scale_of(name))}  # fmt: skip
        described = dict(self.inner.describe(scales.values()))
        for name, stored in found.items():
            if name not in scales:
                yield name, stored
                continue
            self._check(name, stored.shape, scales[name], described[scales[name]])
            self._scales[name] = scales[name]
            self.origin["quantisation"] = stored.kind
            yield name, Stored(stored.shape, "F32")

    def read(self, name: str, buffers: Buffers | None = None) -> NDArray[Any]:
        """A tensor; an FP8 matrix that was described is multiplied with its scale.

        Raises:
            WeightsError: the scale is negative, or no number.
        """
        stored = self.inner.read(name, buffers)
        if name not in self._scales:
            return stored
        scale = np.asarray(self.inner.read(self._scales[name]), np.float32)
        if not (np.isfinite(scale) & (scale >= 0)).all():  # 0 is the scale of a row of zeros
            raise WeightsError(
                f"the scale {short(self._scales[name], 80)} holds negative numbers, NaN or Inf: "
                "the checkpoint is damaged, fetch or convert it again"
            )
        matrix: NDArray[np.float32] = np.array(stored, np.float32)
        if scale.size == 1:
            matrix *= scale.reshape(())
        elif scale.size == len(matrix) == scale.shape[0]:
            matrix *= scale.reshape(-1, 1)
        else:
            rows, columns = self._block
            width = matrix.shape[1]  # a block may be far wider
            wide = np.repeat(scale, min(columns, width), axis=1)[:, :width]
            for at, row in enumerate(wide):  # the last block may be cut
                matrix[at * rows : (at + 1) * rows] *= row
        return matrix

    @cached_property
    def _block(self) -> tuple[int, int]:
        """Rows and columns of a block; read late, since the setting stays behind over floats."""
        return _block_of(self._settings)

    def _scale_of(self, name: str) -> str | None:
        return next((name + end for end in SCALES if name + end in self.inner), None)

    def _check(self, name: str, shape: tuple[int, ...], scale: str, stored: Stored) -> None:
        blocks = tuple(-(-size // block) for size, block in zip(shape, self._block, strict=False))
        rows = shape[:1]
        if len(shape) != 2 or stored.shape not in ((), (1,), (1, 1), rows, (*rows, 1), blocks):
            raise WeightsError(
                f"the scale {short(scale, 80)} has the shape {quoted(stored.shape)}: expected "
                f"{blocks} for blocks of {self._block} of {quoted(shape)}, one number, or one for "
                "each row"
            )
        if stored.kind not in {*FLOATS, "F8_E8M0"}:
            raise WeightsError(f"the scale {short(scale, 80)} is {stored.kind}: expected floats")


def _block_of(settings: Mapping[str, Any]) -> tuple[int, int]:
    found = settings.get("weight_block_size")
    if found is None:
        return BLOCK
    if (isinstance(found, list) and len(found) == 2
            and all(type(size) is int and 0 < size <= 2**20 for size in found)):  # fmt: skip
        return found[0], found[1]
    raise WeightsError(
        f"config.json has weight_block_size = {quoted(found)}: expected two numbers such as "
        f"{list(BLOCK)}"
    )
