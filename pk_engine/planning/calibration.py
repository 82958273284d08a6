"""The speed of this machine for the steps of `compute`, measured for a second at the real sizes.

The conditions are those of `compute`: all CPUs work at once, each with a BLAS of one thread, or the
device does.
"""

import math
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from dataclasses import replace
from typing import Any

from headgraph.base.files.output import scratch
from headgraph.base.names import ROLES
from headgraph.pk_engine.linalg.backends import Backend
from headgraph.pk_engine.linalg.bases import AT_ONCE
from headgraph.pk_engine.metrics.registry import METRICS
from headgraph.pk_engine.models.families.family import Family
from headgraph.pk_engine.models.shape import ModelShape
from headgraph.pk_engine.planning import _probes
from headgraph.pk_engine.planning._probes import StandIn, Work
from headgraph.pk_engine.planning.costs import (
    Call,
    Operations,
    calls,
    layers_read,
    total_amounts,
)
from headgraph.pk_engine.planning.machine import Machine, main_memory, processor
from headgraph.pk_engine.scoring.layers import collect
from headgraph.pk_engine.scoring.spec import Spec

SECONDS = 0.2
"""Seconds to measure each rate; there are three to five rates."""


class Calibration:
    """Rates of this machine, each measured on first use."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.threads = backend.threads
        self._rates: dict[tuple[Any, ...], float] = {}

    def kernel(self, calls: Iterable[Call]) -> dict[str, float]:
        """Rates of forming, products and blocks over these comparisons, where there are any."""
        probes = (_probes.forming, _probes.products, _probes.blocks)
        done, took = dict.fromkeys(Operations._fields, 0.0), dict.fromkeys(Operations._fields, 0.0)
        for call in calls:
            for (kind, amount), probe in zip(
                call.operations._asdict().items(), probes, strict=True
            ):
                if amount:
                    done[kind] += amount
                    took[kind] += amount / self._rate(probe, call)
        return {kind: done[kind] / took[kind] for kind in done if done[kind]}

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
        """Expected seconds of reading and factoring, with the files in the system's cache.

        Args:
            family: the family file, which gives the tensors of a layer.
            shape: the model's sizes.
            stored: the type of the stored numbers.
            factors: see `collect`.
            passes: (roles that are factored, number of layers) of each pass.
        """
        small = _small(shape, self.threads)
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
        """The rate of some work on all threads together, per second."""
        # a rate depends on the sizes; the last of several groups may be smaller
        key = (make, call.d, call.m, call.n.bit_length(), call.k.bit_length())
        if key not in self._rates:
            with self.backend.workers() as threads:
                executor = self.backend.computing(threads)
                works = [make(call, self.backend) for _ in range(self.threads if executor else 1)]
                self._timed(works, 0, executor)  # a first run pays for new pages and warm-up
                self._rates[key] = self._timed(works, SECONDS, executor)
        return self._rates[key]

    def _timed(self, works: list[Work], seconds: float, executor: Executor | None) -> float:
        """Work per second while every thread repeats its own piece for some time."""
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
        """Seconds of the fastest run after the first."""
        work()
        end, best = time.perf_counter() + SECONDS, math.inf
        while best == math.inf or time.perf_counter() < end:
            start = time.perf_counter()
            work()
            self._wait()
            best = min(best, time.perf_counter() - start)
        return best

    def _wait(self) -> None:
        """Wait for a device, which computes asynchronously."""
        device = self.backend.device
        if device.startswith("cuda"):
            import torch

            torch.cuda.synchronize(device)  # by default, torch waits for its current device
        elif device == "mps":
            import torch

            torch.mps.synchronize()


def calibrated(spec: Spec, family: Family, stored: Any) -> Machine:
    """Measure this machine at the sizes of a spec.

    Args:
        spec: the options.
        family: the family file, which gives the tensors of a layer.
        stored: the type of the stored numbers.
    """
    measured, kinds = Calibration(spec.backend), {METRICS[name].factors for name in spec.metrics}
    amounts = total_amounts(spec)
    rates = measured.kernel(calls(spec, "kernel", "columns"))
    reading = measured.reading(family, spec.weights.shape, stored, kinds, layers_read(spec))
    rates["reading"] = amounts.reading / reading
    if amounts.singular:
        rates["singular"] = amounts.singular / measured.singular(calls(spec, "singular"))
    return Machine(
        spec.backend, rates, measured.threads, spec.backend.memory(), main_memory(), processor()
    )


def _small(shape: ModelShape, layers: int) -> ModelShape:
    """A model of a few layers like those of another, with fewer heads."""

    def fewer(n_heads: int, n_kv_heads: int) -> tuple[int, int]:
        heads = min(n_heads, 2 * AT_ONCE)
        return heads, heads if n_kv_heads == n_heads else 1

    if not shape.unequal:
        heads, shared = fewer(shape.n_heads, shape.n_kv_heads)
        return ModelShape(layers, heads, shared, shape.d_model, shape.d_head)
    chosen = []
    for at in range(layers):
        layer = shape.layers[at % len(shape.layers)]
        heads, shared = fewer(layer.n_heads, layer.n_kv_heads)
        some = {role: shared if role in "KV" else heads for role in ROLES}
        chosen.append(replace(layer, index=at, number=at, heads=some, source=None))
    return ModelShape.of_layers(layers, tuple(chosen))


def _matrices(shape: ModelShape) -> int:
    """Number of matrices in a layer."""
    return sum(shape.heads_of(role) for role in ROLES)
