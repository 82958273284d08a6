"""How fast this machine does what scores are made of: a second of measuring, at the real sizes.

Everything is timed as `compute` works: all processors busy at once, each with a BLAS of one thread.
"""

import math
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pk_engine import _works
from pk_engine._works import StandIn, Work
from pk_engine.bases import one_thread
from pk_engine.costs import Call
from pk_engine.family import Family
from pk_engine.layout import ModelShape
from pk_engine.names import ROLES
from pk_engine.scores import usable_cpus
from pk_engine.stacks import AT_ONCE, collect

SECONDS = 0.2
"""Time for each rate, of which there are three to five."""


class Calibration:
    """Rates of this machine, each measured when first asked for.

    Args:
        threads: as many as processors by default.
    """

    def __init__(self, threads: int | None = None) -> None:
        self.threads = threads or usable_cpus()
        self._rates: dict[tuple[Any, ...], float] = {}

    def products(self, calls: Iterable[Call]) -> float:
        """Expected seconds of the kernel in these comparisons."""
        total = 0.0
        for call in calls:
            forming, products, blocks = call.operations
            if call.by_projectors:
                total += forming / self._rate(_works.forming, call)
                total += products / self._rate(_works.products, call)
            elif call.compared:
                total += blocks / self._rate(_works.blocks, call)
        return total

    def singular(self, calls: Iterable[Call]) -> float:
        """Expected seconds of the singular values of every pair in these comparisons."""
        return sum(call.compared / self._rate(_works.singular, call) for call in calls)

    def reading(self, family: Family, shape: ModelShape, dtype: Any, factors: set[str]) -> float:
        """Expected seconds of reading and factoring all layers, the files in the system's cache.

        A file of a few heads, in a layer for each thread, is written, read and factored.
        """
        heads = min(shape.n_heads, AT_ONCE)
        shared = heads if shape.n_kv_heads == shape.n_heads else 1
        small = ModelShape(self.threads, heads, shared, shape.d_model, shape.d_head)
        with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(self.threads) as executor:
            weights = StandIn(Path(folder), family, small, dtype)
            with one_thread():
                took = _fastest(lambda: collect(weights, ROLES, factors=factors, executor=executor))
        rounds = -(-shape.n_layers // self.threads)
        return took * rounds * _matrices(shape) / _matrices(small)

    def _rate(self, make: Callable[[Call], Work], call: Call) -> float:
        """How much of some work all threads together do in a second."""
        key = (make, call.d, call.m, call.n, call.k)
        if key not in self._rates:
            works = [make(call) for _ in range(self.threads)]
            with one_thread(), ThreadPoolExecutor(self.threads) as executor:
                _timed(works, 0, executor)  # fresh pages and the first call cost more
                self._rates[key] = _timed(works, SECONDS, executor)
        return self._rates[key]


def _timed(works: list[Work], seconds: float, executor: Executor) -> float:
    """Work done a second while every thread repeats its own for some time."""
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
    end, best = time.perf_counter() + SECONDS, math.inf
    while best == math.inf or time.perf_counter() < end:
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def _matrices(shape: ModelShape) -> int:
    """Matrices in a layer."""
    return sum(shape.heads_of(role) for role in ROLES)
