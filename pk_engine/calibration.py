"""How fast this machine does what scores are made of: a second of measuring, at the real sizes.

Each rate is taken as `compute` works: all processors busy at once, each with a BLAS of one thread.
"""

import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from pk_engine.bases import one_thread
from pk_engine.costs import Call
from pk_engine.family import Family
from pk_engine.kernel import COLUMNS, TILE, NumPyOps, kernel
from pk_engine.layout import ModelShape
from pk_engine.names import ROLES
from pk_engine.scores import usable_cpus
from pk_engine.singular import CHUNK, max_cosine
from pk_engine.stacks import AT_ONCE, collect
from pk_engine.tensorfiles import TensorFiles
from pk_engine.weights import ModelWeights

SECONDS = 0.2
"""Time for each rate, of which there are three to five."""
ROOM = 1 << 24
"""Numbers that a factor may have here; larger stacks are stood in for by a part of them."""

Work = Callable[[], float]
"""Does something once and returns how much of it that was."""


def seconds_of_calls(calls: list[Call], threads: int | None = None) -> float:
    """Expected seconds of the kernel in these comparisons."""
    total, rates = 0.0, dict[tuple[Any, ...], float]()

    def per_second(make: Callable[[Call], Work], call: Call) -> float:
        key = (make, call.d, call.m, call.n, call.k)
        if key not in rates:
            rates[key] = rate(lambda: make(call), threads)
        return rates[key]

    for call in calls:
        forming, products, blocks = call.operations
        if call.by_projectors:
            total += forming / per_second(_forming, call) + products / per_second(_products, call)
        elif call.compared:
            total += blocks / per_second(_blocks, call)
    return total


def seconds_of_singular(call: Call, threads: int | None = None) -> float:
    """Expected seconds of the singular values of every pair in a comparison."""
    return call.compared / rate(lambda: _singular(call), threads) if call.compared else 0.0


def seconds_of_reading(
    family: Family, shape: ModelShape, dtype: Any, factors: set[str], threads: int | None = None
) -> float:
    """Expected seconds of reading and factoring all layers, the files in the system's cache.

    A file of a few heads in as many layers as there are threads is written, read and factored.
    """
    threads = threads or usable_cpus()
    heads = min(shape.n_heads, AT_ONCE)
    # heads that share one key/value head, or none; few layers of few heads stand for all
    shared = heads if shape.n_kv_heads == shape.n_heads else 1
    small = ModelShape(threads, heads, shared, shape.d_model, shape.d_head)
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(threads) as executor:
        weights = StandIn(Path(folder), family, small, dtype)
        with one_thread():
            took = _fastest(lambda: collect(weights, ROLES, factors=factors, executor=executor))
    rounds = -(-shape.n_layers // threads)
    return took * rounds * _matrices(shape) / _matrices(small)


class StandIn(ModelWeights):
    """A model of random weights, written into a folder: another's family, fewer heads."""

    def __init__(self, folder: Path, family: Family, shape: ModelShape, dtype: Any) -> None:
        self.folder, self.name, self.revision = folder, "stand-in", None
        self.fold_ln = self.center_writing = False
        self.family, self.shape, self._prefix = family, shape, ""
        rng = np.random.default_rng(0)
        sizes = {spec.name: spec.stored_shape(shape) for spec in family.tensors}
        stored = {name: rng.random(size, np.float32).astype(dtype) for name, size in sizes.items()}
        tensors = {
            self._name(name, layer): stored[name]
            for layer in range(shape.n_layers)
            for name in sizes
        }
        save_file(tensors, folder / "model.safetensors")
        self._files = TensorFiles(folder)


def rate(make: Callable[[], Work], threads: int | None = None) -> float:
    """How much of some work is done in a second, by all threads together.

    Args:
        make: gives each thread its own work.
        threads: as many as processors by default.
    """
    threads = threads or usable_cpus()
    works = [make() for _ in range(threads)]
    with one_thread(), ThreadPoolExecutor(threads) as executor:
        _timed(works, 0, executor)  # fresh pages and the first call cost more
        return _timed(works, SECONDS, executor)


def _timed(works: list[Work], seconds: float, executor: Executor) -> float:
    start = time.perf_counter()

    def repeat(work: Work) -> float:
        done = work()
        while time.perf_counter() < start + seconds:
            done += work()
        return done

    return sum(executor.map(repeat, works)) / (time.perf_counter() - start)


def _fastest(work: Callable[[], Any]) -> float:
    """Seconds of the second time, or of a faster one after it."""
    work()
    end, found = time.perf_counter() + SECONDS, []
    while not found or time.perf_counter() < end:
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return min(found)


def _forming(call: Call) -> Work:
    """Tiles of projectors, of columns further and further to the right, as the kernel forms them."""
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


def _products(call: Call) -> Work:
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


def _blocks(call: Call) -> Work:
    """One source with targets of the middle block."""
    k = max(1, min(_middle(call)[1], ROOM // (call.d * call.m)))
    x = np.ones((1, call.m, call.d), np.float32).swapaxes(1, 2)
    y = np.ones((k, call.m, call.d), np.float32).swapaxes(1, 2)

    def work() -> float:
        kernel(x, y, [(slice(0, 1), slice(0, k))])
        return 2.0 * call.d * call.m**2 * k

    return work


def _singular(call: Call) -> Work:
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


def _matrices(shape: ModelShape) -> int:
    """Matrices in a layer."""
    return sum(shape.heads_of(role) for role in ROLES)
