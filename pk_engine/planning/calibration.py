"""How fast this machine does what scores are made of: a second of measuring, at the real sizes.

Everything is timed as `compute` works: all processors busy at once, each with a BLAS of one thread;
or on the device.
"""

import math
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from typing import Any

from headgraph.base.files import scratch
from headgraph.base.names import ROLES
from headgraph.pk_engine.linalg.backends import Backend
from headgraph.pk_engine.linalg.bases import AT_ONCE
from headgraph.pk_engine.models.family import Family
from headgraph.pk_engine.models.layout import ModelShape
from headgraph.pk_engine.planning import _probes
from headgraph.pk_engine.planning._probes import StandIn, Work
from headgraph.pk_engine.planning.costs import Call
from headgraph.pk_engine.scoring.layers import collect

SECONDS = 0.2
"""Time for each rate, of which there are three to five."""


class Calibration:
    """Rates of this machine, each measured when first asked for."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.threads = backend.threads
        self._rates: dict[tuple[Any, ...], float] = {}

    def products(self, calls: Iterable[Call]) -> float:
        """Expected seconds of the kernel in these comparisons."""
        total = 0.0
        for call in calls:
            forming, products, blocks = call.operations
            if forming:
                total += forming / self._rate(_probes.forming, call)
            if products:
                total += products / self._rate(_probes.products, call)
            if blocks:
                total += blocks / self._rate(_probes.blocks, call)
        return total

    def singular(self, calls: Iterable[Call]) -> float:
        """Expected seconds of the singular values of every pair in these comparisons."""
        return sum(call.compared / self._rate(_probes.singular, call) for call in calls)

    def reading(
        self,
        family: Family,
        shape: ModelShape,
        stored: Any,
        factors: set[str],
        passes: Iterable[tuple[str, int]],
    ) -> float:
        """Expected seconds of reading and factoring, the files in the system's cache.

        Args:
            family: how a layer is stored.
            shape: the model's sizes.
            stored: the type of its numbers.
            factors: see `collect`.
            passes: roles that are factored, and how many layers, of each pass.
        """
        heads = min(shape.n_heads, 2 * AT_ONCE)
        shared = heads if shape.n_kv_heads == shape.n_heads else 1
        small = ModelShape(self.threads, heads, shared, shape.d_model, shape.d_head)
        larger, each = _matrices(shape) / _matrices(small), dict[str, float]()
        total = 0.0
        with scratch() as folder, self.backend.workers() as threads:
            weights = StandIn(folder, family, small, stored)
            options: dict[str, Any] = {"factors": factors, "executor": threads}
            for roles, layers in passes:
                if roles not in each:
                    each[roles] = self._fastest(
                        lambda roles=roles: collect(  # type: ignore[misc]
                            weights, roles, backend=self.backend, **options
                        )
                    )
                total += each[roles] * larger * -(-layers // self.threads)
        return total

    def _rate(self, make: Callable[[Call, Backend], Work], call: Call) -> float:
        """How much of some work all threads together do in a second."""
        # sizes decide a rate, and the last of several groups may be smaller than the others
        key = (make, call.d, call.m, call.n.bit_length(), call.k.bit_length())
        if key not in self._rates:
            with self.backend.workers() as threads:
                executor = self.backend.computing(threads)
                works = [make(call, self.backend) for _ in range(self.threads if executor else 1)]
                self._timed(works, 0, executor)  # fresh pages and the first call cost more
                self._rates[key] = self._timed(works, SECONDS, executor)
        return self._rates[key]

    def _timed(self, works: list[Work], seconds: float, executor: Executor | None) -> float:
        """Work done a second while every thread repeats its own for some time."""
        start = time.perf_counter()

        def repeat(work: Work) -> float:
            done = work()
            while time.perf_counter() < start + seconds:
                done += work()
            return done

        run = map if executor is None else executor.map
        done = sum(run(repeat, works))
        self._wait()
        return done / (time.perf_counter() - start)

    def _fastest(self, work: Callable[[], Any]) -> float:
        """Seconds of the second time, or of a faster one after it."""
        work()
        end, best = time.perf_counter() + SECONDS, math.inf
        while best == math.inf or time.perf_counter() < end:
            start = time.perf_counter()
            work()
            self._wait()
            best = min(best, time.perf_counter() - start)
        return best

    def _wait(self) -> None:
        """A GPU works on after it was told; wait until it is done."""
        if self.backend.device != "cpu":
            import torch

            getattr(torch, self.backend.device.partition(":")[0]).synchronize()


def _matrices(shape: ModelShape) -> int:
    """Matrices in a layer."""
    return sum(shape.heads_of(role) for role in ROLES)
