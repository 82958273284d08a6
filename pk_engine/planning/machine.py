"""How fast a machine does the steps of `compute`: measured there, or given by hand."""

from __future__ import annotations

import json
import os
import platform
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from headgraph.base.files.documents import read_json, shown
from headgraph.base.files.output import beside, writable
from headgraph.base.spelling import either
from headgraph.base.text import quoted
from headgraph.pk_engine.errors import EngineError
from headgraph.pk_engine.linalg.backends import MEMORY, Backend, usable_cpus
from headgraph.pk_engine.planning.costs import Amounts
from headgraph.pk_engine.table.selection import is_number, shown_argument

DEVICE_MEMORY = 40.0
"""Gigabytes for factors on a CUDA device that is not here: half of 80."""
BANDWIDTH = 10.0
"""Gigabytes of memory traffic a second, where only the rate of products is given."""
TRAFFIC = 24
"""Bytes of memory traffic for each value that is read, hashed and factored, about."""
_DEVICE = re.compile(r"cpu|mps|cuda(:\d+)?")
_PRODUCTS = ("products", "blocks", "forming")
SINGULAR = 30
"""How many times m^3 operations of a product take as long as singular values of m x m, about."""


@dataclass(frozen=True)
class Machine:
    """A machine, for `plan`.

    Attributes:
        backend: the array library and device, and the precision.
        rates: kind of work (a field of `costs.Amounts`) -> amount a second, on all its threads.
        threads: threads that read and compute.
        room: gigabytes for factors by default.
        memory: bytes of main memory; None if unknown.
        processor: its kind.
    """

    backend: Backend
    rates: dict[str, float]
    threads: int = field(default_factory=usable_cpus)
    room: float = MEMORY
    memory: int | None = None
    processor: str = ""

    @classmethod
    def by_hand(
        cls, backend: Backend, gflops: float, bandwidth: float | None, width: int
    ) -> Machine:
        """A machine of which only two rates are known.

        Args:
            backend: the array library and device.
            gflops: billions of operations a second in products of large float32 matrices.
            bandwidth: gigabytes of memory traffic a second.
            width: d_head of the model.

        Raises:
            EngineError: a rate is not a number above 0.
        """
        moved = BANDWIDTH if bandwidth is None else bandwidth
        given = {"gflops": gflops, "memory_bandwidth": moved}
        for name, value in given.items():
            if not _is_amount(value):
                raise EngineError(f"{shown_argument(name, value)}: expected a number above 0")
        products, traffic = gflops * 1e9, moved * 1e9
        # factoring takes 3 m operations a value, in float64 at half the rate; half of the values
        # of Amounts.reading are read, half are factored
        reading = 2 / (TRAFFIC / traffic + 6 * width / products)
        kernel = dict.fromkeys(("forming", "products", "blocks"), products)
        rates = {**kernel, "reading": reading, "singular": products / SINGULAR}
        room = MEMORY if backend.device == "cpu" else DEVICE_MEMORY
        return cls(backend, rates, threads=backend.threads, room=room)

    def seconds(self, amounts: Amounts) -> dict[str, float]:
        """Seconds of each step: reading and factoring, products, singular values."""
        took = {kind: amount / self._rate(kind) for kind, amount in amounts._asdict().items()}
        kernel = took["forming"] + took["products"] + took["blocks"]
        steps = {"reading and factoring": took["reading"], "products": kernel}
        return steps | ({"singular values": took["singular"]} if amounts.singular else {})

    def _rate(self, kind: str) -> float:
        """A rate, from that of products if the machine was measured with a model without it."""
        if kind in self.rates:
            return self.rates[kind]
        known = [self.rates[it] for it in _PRODUCTS if it in self.rates]
        return known[0] / (SINGULAR if kind == "singular" else 1)

    def write(self, path: str | os.PathLike[str], *, force: bool = False) -> Path:
        """Write the machine as JSON, for `plan --machine` on another one.

        Raises:
            OutputExists: the file is there and `force` is false.
            EngineError: it cannot be written there.
        """
        path = writable(path, force=force, problem=EngineError)
        with beside(path) as stream:
            stream.write(json.dumps({_FORMAT: 1} | asdict(self), indent=1).encode() + b"\n")
        return path

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Machine:
        """Read what `write` wrote.

        Raises:
            EngineError: the file is missing, or is no such file.
        """
        data = read_json(Path(path), problem=EngineError)
        if not isinstance(data, dict) or data.get(_FORMAT) != 1:
            raise EngineError(
                f"{shown(path)} describes no machine: expected a file that {_MAKE} wrote"
            )
        del data[_FORMAT]
        try:
            found = cls(**data | {"backend": Backend(**data["backend"])})
        except (TypeError, KeyError) as error:
            raise EngineError(f"{shown(path)} is damaged: write it again with {_MAKE}") \
                from error  # fmt: skip
        return _checked(found, path)


_FORMAT = "headgraph machine"
_MAKE = either("plan(MODEL).machine.write(FILE)", "headgraph plan MODEL --calibrate FILE")


def _checked(machine: Machine, path: str | os.PathLike[str]) -> Machine:
    rates, backend = machine.rates, machine.backend
    good = {
        "backend": backend.name in ("numpy", "torch") and backend.dtype in ("float32", "float64")
        and isinstance(backend.device, str) and _DEVICE.fullmatch(backend.device) is not None
        and (backend.name == "torch" or backend.device == "cpu"),
        "rates": isinstance(rates, dict) and set(rates) <= set(Amounts._fields)
        and "reading" in rates and not rates.keys().isdisjoint(_PRODUCTS)
        and all(map(_is_amount, rates.values())),
        "threads": type(machine.threads) is int and _is_amount(machine.threads),
        "room": _is_amount(machine.room),
        "memory": machine.memory is None or _is_amount(machine.memory),
        "processor": isinstance(machine.processor, str),
    }  # fmt: skip
    if wrong := [name for name, fits in good.items() if not fits]:
        value = quoted(getattr(machine, wrong[0]), 60)
        raise EngineError(f"{shown(path)} says {wrong[0]} = {value}: write it again with {_MAKE}")
    return machine


def _is_amount(value: Any) -> bool:
    return is_number(value) and 0 < value < float("inf")


def main_memory() -> int:
    """Bytes of main memory of this machine."""
    import psutil

    return int(psutil.virtual_memory().total)


def processor() -> str:
    """The kind of this machine's processor."""
    return platform.processor() or platform.machine()
