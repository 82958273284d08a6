"""Small pieces of the work of `compute`, at the real sizes, which `calibration` times."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save

from headgraph.base.files.output import temporary_space
from headgraph.pk_engine.errors import EngineError
from headgraph.pk_engine.linalg.array_ops import ops_for
from headgraph.pk_engine.linalg.backends import Backend
from headgraph.pk_engine.linalg.kernel import kernel
from headgraph.pk_engine.metrics.singular_values import CHUNK, max_cosine
from headgraph.pk_engine.models.checkpoint.tensor_files import TensorFiles
from headgraph.pk_engine.models.families.family import Family
from headgraph.pk_engine.models.shape import ModelShape
from headgraph.pk_engine.models.weights import ModelWeights
from headgraph.pk_engine.planning.costs import Call

ROOM = 1 << 24
"""Largest number of elements of a factor; of larger stacks, a part is used."""

Work = Callable[[], float]
"""Does a piece of work once and returns its amount."""


def forming(call: Call, backend: Backend) -> Work:
    """Tiles of projectors, from left to right, as in the kernel."""
    heads = max(1, min(call.layer, ROOM // (call.d * call.m)))
    rows = _ones(backend, heads, call.m, call.d)
    ops = ops_for(rows)
    height, width = (min(size, call.d) for size in ops.tile)
    out = backend.empty((heads, height, width))
    starts = list(range(0, call.d - width + 1, width))
    # the count of the kernel leaves out the part of diagonal tiles below the diagonal
    counted = 1 / (1 + height / call.d)

    def work() -> float:
        for start in starts:
            ops.batched(rows[..., :height], rows[..., start : start + width], out)
        return 2.0 * heads * height * width * call.m * len(starts) * counted

    return work


def products(call: Call, backend: Backend) -> Work:
    """Products of tiles, in the middle block."""
    n, k = _middle(call)
    ops = ops_for(backend.empty((0,)))
    height, width = (min(size, call.d) for size in ops.tile)
    area = height * width
    n, k = (max(1, min(size, ROOM // area)) for size in (n, k))
    x, y, out = _ones(backend, n, area), _ones(backend, k, area), _ones(backend, n, k)
    counted = 1 / (1 + height / call.d)

    def work() -> float:
        ops.add_product(x, y, out)
        return 2.0 * n * k * area * counted

    return work


def blocks(call: Call, backend: Backend) -> Work:
    """One source with targets of the middle block."""
    k = max(1, min(_middle(call)[1], ROOM // (call.d * call.m)))
    x, y = (_ones(backend, heads, call.m, call.d).mT for heads in (1, k))

    def work() -> float:
        kernel(x, y, [(slice(0, 1), slice(0, k))])
        return 2.0 * call.d * call.m**2 * k

    return work


def singular(call: Call, backend: Backend) -> Work:
    """Singular values of one chunk of pairs."""
    rng = np.random.default_rng(0)
    x, y = (
        backend.array(rng.standard_normal((heads, call.m, call.d), np.float32)).mT
        for heads in (1, CHUNK)
    )

    def work() -> float:
        max_cosine(x, y, [(slice(0, 1), slice(0, CHUNK))])
        return CHUNK

    return work


def _ones(backend: Backend, *shape: int) -> Any:
    return backend.array(np.ones(shape, np.float32))


def _middle(call: Call) -> tuple[int, int]:
    """(sources, targets) of the middle block, which has a typical size."""
    sources, targets = call.blocks[len(call.blocks) // 2]
    return len(range(*sources.indices(call.n))), len(range(*targets.indices(call.k)))


class StandIn(ModelWeights):
    """A model of random weights, written into a folder: the same family with fewer heads."""

    def __init__(self, folder: Path, family: Family, shape: ModelShape, dtype: Any) -> None:
        self.folder, self.name, self.revision = folder, "stand-in", None
        self.fold_ln = self.center_writing = False
        self.family, self.shape, self._prefix = family, shape, ""
        rng = np.random.default_rng(0)
        tensors: dict[str, Any] = {}
        for layer in shape.layers:
            for name, size in family.stored(layer).items():
                tensors[self._name(name, layer)] = rng.random(size, np.float32).astype(dtype)
        with temporary_space(EngineError):
            (folder / "model.safetensors").write_bytes(save(tensors))
        self._files = TensorFiles(folder)
