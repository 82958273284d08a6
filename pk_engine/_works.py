"""Small pieces of what scores are made of, at the real sizes, for `calibration` to time."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from pk_engine.costs import Call
from pk_engine.family import Family
from pk_engine.kernel import COLUMNS, TILE, NumPyOps, kernel
from pk_engine.layout import ModelShape
from pk_engine.singular import CHUNK, max_cosine
from pk_engine.tensorfiles import TensorFiles
from pk_engine.weights import ModelWeights

ROOM = 1 << 24
"""Numbers that a factor may have here; larger stacks are stood in for by a part of them."""

Work = Callable[[], float]
"""Does something once and returns how much of it that was."""


def forming(call: Call) -> Work:
    """Tiles of projectors, of columns further and further to the right, as the kernel does it."""
    ops, height, width = NumPyOps(), min(TILE, call.d), min(COLUMNS, call.d)
    heads = max(1, min(call.n + call.k, ROOM // (call.d * call.m)))
    rows = np.ones((heads, call.m, call.d), np.float32)
    out = np.empty((heads, height, width), np.float32)
    starts = list(range(0, call.d - width + 1, width))

    def work() -> float:
        for start in starts:
            ops.batched(rows[..., :height], rows[..., start : start + width], out)
            ops.scale(out, 2.0)
        return 2.0 * out.size * call.m * len(starts)

    return work


def products(call: Call) -> Work:
    """Products of tiles, in the middle one of the blocks."""
    ops, area = NumPyOps(), min(TILE, call.d) * min(COLUMNS, call.d)
    n, k = _middle(call)
    n, k = (max(1, min(size, ROOM // area)) for size in (n, k))
    x, y = np.ones((n, area), np.float32), np.ones((k, area), np.float32)
    out = np.zeros((n, k), np.float32)

    def work() -> float:
        ops.add_product(x, y, out)
        return 2.0 * n * k * area

    return work


def blocks(call: Call) -> Work:
    """One source with targets of the middle block."""
    k = max(1, min(_middle(call)[1], ROOM // (call.d * call.m)))
    x = np.ones((1, call.m, call.d), np.float32).swapaxes(1, 2)
    y = np.ones((k, call.m, call.d), np.float32).swapaxes(1, 2)

    def work() -> float:
        kernel(x, y, [(slice(0, 1), slice(0, k))])
        return 2.0 * call.d * call.m**2 * k

    return work


def singular(call: Call) -> Work:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1, call.m, call.d), np.float32).swapaxes(1, 2)
    y = rng.standard_normal((CHUNK, call.m, call.d), np.float32).swapaxes(1, 2)

    def work() -> float:
        max_cosine(x, y, [(slice(0, 1), slice(0, CHUNK))])
        return CHUNK

    return work


def _middle(call: Call) -> tuple[int, int]:
    """Sources and targets of the block in the middle, which is the usual one."""
    sources, targets = call.blocks[len(call.blocks) // 2]
    return len(range(*sources.indices(call.n))), len(range(*targets.indices(call.k)))


class StandIn(ModelWeights):
    """A model of random weights, written into a folder: another's family, fewer heads."""

    def __init__(self, folder: Path, family: Family, shape: ModelShape, dtype: Any) -> None:
        self.folder, self.name, self.revision = folder, "stand-in", None
        self.fold_ln = self.center_writing = False
        self.family, self.shape, self._prefix = family, shape, ""
        rng = np.random.default_rng(0)
        tensors: dict[str, Any] = {}
        for spec in family.tensors:
            stored = rng.random(spec.stored_shape(shape), np.float32).astype(dtype)
            tensors |= {self._name(spec.name, i): stored for i in range(shape.n_layers)}
        save_file(tensors, folder / "model.safetensors")
        self._files = TensorFiles(folder)
