"""The cost of `compute`, estimated from a model's configuration alone."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pandas as pd

from headgraph.base.names import GRAPH_PAIRINGS
from headgraph.base.notebook import facts, paragraph
from headgraph.base.spelling import argument
from headgraph.pk_engine.errors import EngineError, ModelError
from headgraph.pk_engine.linalg.backends import Backend, choose
from headgraph.pk_engine.linalg.buffers import Buffers
from headgraph.pk_engine.models.families.catalogue import family_of
from headgraph.pk_engine.models.families.family import Family
from headgraph.pk_engine.models.interface import Layer
from headgraph.pk_engine.models.location import locate, naming, read_config
from headgraph.pk_engine.models.shape import ModelShape
from headgraph.pk_engine.models.towers import named, part_of
from headgraph.pk_engine.nulls.columns import check_nulls
from headgraph.pk_engine.planning import costs
from headgraph.pk_engine.planning.calibration import calibrated
from headgraph.pk_engine.planning.choices import Choice, choices, steps
from headgraph.pk_engine.planning.machine import DEVICE_MEMORY, Machine
from headgraph.pk_engine.planning.null_costs import null_amounts
from headgraph.pk_engine.scoring._compute import Chooser, check_options, spec_of
from headgraph.pk_engine.scoring.spec import Spec
from headgraph.pk_engine.table.selection import Selection

DTYPES: dict[str, Any] = {
    "float16": np.float16,
    "bfloat16": ml_dtypes.bfloat16,
    "float64": np.float64,
}
"""Names of the weights' type in a configuration; float32 is the default."""
_CUDA = re.compile(r"cuda(:\d+)?")


@dataclass(frozen=True)
class Plan:
    """The cost of `compute` with the same options and the default selection.

    Attributes:
        model, family: the names of the model and its family file.
        shape: the model's sizes.
        pairs: pairing -> pairs that are scored.
        operations: floating-point operations of the kernel, by the method that it chooses.
        decompositions: singular value decompositions of products X_i^T Y_j, summed over the metrics
            that need them. Key/value heads count once; a pair in one role counts both
            ways.
        groups: groups of layers that are in memory together.
        bytes_read: bytes of weights, counted for each pass.
        factors: bytes of bases and other factors in memory at once, on the device.
        peak_memory: largest memory of the whole process, in bytes.
        backend: the array library and device.
        seconds: step -> expected seconds on the machine, without the start of Python and with the
            files in the system's cache; empty if its speed is unknown.
        machine: the machine; None if its speed is unknown.
        choices: what more memory, or more workers, would take.
        best: the one that takes the least memory of those that are about the fastest on one
            worker; None if it is unknown.
    """

    model: str
    family: str
    shape: ModelShape
    pairs: dict[str, int]
    operations: costs.Operations
    decompositions: int
    groups: int
    bytes_read: int
    factors: int
    peak_memory: int
    backend: str
    seconds: dict[str, float] = field(default_factory=dict)
    machine: Machine | None = None
    choices: list[Choice] = field(default_factory=list)
    best: Choice | None = None

    def _repr_html_(self) -> str:
        rows = self.frame()
        values = [f"{value:,}" if isinstance(value, int) else value for value in rows["value"]]
        told = (f"{value} {unit}".strip() for value, unit in zip(values, rows["unit"], strict=True))
        title = paragraph(f"What computing {self.model} would cost")
        return title + facts(zip(rows["quantity"], told, strict=True))

    def frame(self) -> pd.DataFrame:
        """Rows of quantity, value and unit."""
        shape, operations = self.shape, self.operations
        with_heads = len(shape.layers)
        rows: list[tuple[str, Any, str]] = [
            ("family", self.family, ""),
            ("layers", shape.n_layers, ""),
            *([("layers with heads", with_heads, "")] if with_heads < shape.n_layers else []),
            ("heads in a layer", shape.n_heads, ""),
            ("key/value heads in a layer", shape.n_kv_heads, ""),
            ("d_model", shape.d_model, ""),
            ("d_head", shape.d_head, ""),
            *((f"pairs of {pairing}", count, "") for pairing, count in self.pairs.items()),
            ("pairs", sum(self.pairs.values()), ""),
            ("forming projectors", _short(operations.forming / 1e9), "GFLOP"),
            ("products of projectors", _short(operations.products / 1e9), "GFLOP"),
            ("block products", _short(operations.blocks / 1e9), "GFLOP"),
            ("singular value decompositions", self.decompositions, ""),
            ("groups of layers", self.groups, ""),
            ("weights read", _short(self.bytes_read / 1e6), "MB"),
            ("factors in memory", _short(self.factors / 1e6), "MB"),
            ("peak memory", _short(self.peak_memory / 1e6), "MB"),
            *((f"time of {what}", _short(took), "s") for what, took in self.seconds.items()),
        ]
        if self.seconds:
            rows.append(("expected time", _short(sum(self.seconds.values())), "s"))
        rows.append(("backend", self.backend, ""))
        if self.best is not None:
            rows.append(("best memory", self.best.memory, "GB"))
        rows += [(f"time with {it.words}", _short(it.seconds), "s") for it in self.choices]
        return pd.DataFrame(rows, columns=["quantity", "value", "unit"])


@dataclass
class Sizes:
    """A model of known sizes without weights, for a `Spec` that is never run."""

    name: str
    family: Family
    shape: ModelShape
    revision: str | None = None
    fold_ln: bool = False
    center_writing: bool = False
    origin: dict[str, str] = field(default_factory=dict)

    def raw_layer(self, layer: int, buffers: Buffers | None = None) -> Layer:
        """Not available, like the methods below."""
        raise NotImplementedError

    def processed(self, layer: int, raw: Layer) -> Layer:
        """See above."""
        raise NotImplementedError

    def layer(self, layer: int) -> Layer:
        """See above."""
        raise NotImplementedError


def plan(
    model: str | os.PathLike[str],
    *,
    pairings: Sequence[str] | str = GRAPH_PAIRINGS,
    metrics: Sequence[str] | str = ("pk",),
    kv: str | None = None,
    layer_order: str = "forward",
    decoys: bool = True,
    backend: str = "auto",
    device: str | None = None,
    dtype: str = "float32",
    memory: float | None = None,
    revision: str | None = None,
    tower: str | None = None,
    calibrate: bool = True,
    machine: Machine | str | os.PathLike[str] | None = None,
    gflops: float | None = None,
    memory_bandwidth: float | None = None,
    workers: int = 1,
    null: Sequence[str] | str = (),
    samples: int | None = None,
) -> Plan:
    """Estimate the cost of `compute`, without the weights, here or on another machine.

    Args:
        model: as for `compute`; config.json alone is enough, in a folder or as a path.
        pairings: as for `compute`, like the other options of the same names.
        metrics: see `compute`.
        kv: see `compute`.
        layer_order: see `compute`.
        decoys: see `compute`.
        backend: see `compute`.
        device: see `compute`.
        dtype: see `compute`.
        memory: see `compute`.
        revision: see `compute`.
        tower: see `compute`.
        calibrate: measure the speed of this machine for a second; without it `seconds` is empty.
        machine: another machine, or the file that describes it: `Plan.machine.write` of a plan
            that was made there.
        gflops: rate of another machine, in billions of operations a second in products of large
            float32 matrices, on all processors or on the device.
        memory_bandwidth: with `gflops`, gigabytes a second; 10 by default.
        workers: machines of this kind in a cluster; `seconds` is for all of them.
        null: null models that every pair is compared with, as in `Selection`.
        samples: see `compute`.

    Raises:
        ModelError: the model is no name, path or hub id, or its configuration cannot be read.
        UnknownFamily: no family file describes the model.
        EngineError: a pairing, metric, kv, layer order, backend, device or null is unknown; a
            rate or a file of a machine cannot be used; or two machines are given.

    Example:
        >>> plan("induction-2l", calibrate=False).pairs
        {'OQ': 64, 'OK': 64, 'OV': 64}
    """
    pairings, metrics = check_options(pairings, metrics, kv, layer_order)
    name, folder, config = _configuration(model, revision)
    with naming(folder):
        part = part_of(config, tower)
        name, config = named(name, part.tower), part.config
        found = family_of(config)
        sizes = Sizes(name, found.for_model(config), found.shape(config), revision)
    stored = _stored(config, found)
    nulls = Selection(fdr=1, null=null if isinstance(null, str) else ",".join(null)).nulls \
        if null else ()  # fmt: skip
    check_nulls(nulls, layer_order, samples, example=argument("null", "covariance"))
    there = _machine(machine, gflops, memory_bandwidth, backend, device, dtype, sizes.shape.d_head)
    spec = spec_of(sizes, pairings, metrics, kv, layer_order, backend, device, dtype, memory,
                   decoys=decoys, chooser=_chooser(there))  # fmt: skip
    if there is None and calibrate and _is_here(spec.backend):
        there = calibrated(spec, sizes.family, stored)
    again, work = null_amounts(spec, nulls, samples), costs.total_amounts(spec)
    passes = sum(layers for _, layers in costs.layers_read(spec))
    layer = costs.layer_bytes(sizes.family, sizes.shape, stored.itemsize)

    def peak(spec: Spec) -> int:
        threads = None if there is None else there.threads
        return costs.peak_memory(spec, sizes.family, stored.itemsize, threads)

    found_choices = [] if there is None else choices(spec, there, again, peak, workers)
    return Plan(
        model=name,
        family=sizes.family.name,
        shape=sizes.shape,
        pairs={pairing: spec.pair_bound(pairing) for pairing in pairings},
        operations=costs.Operations(*map(int, work[:3])),
        decompositions=int(work.singular) // spec.weights.shape.d_head**3,
        groups=len(spec.groups()),
        bytes_read=passes * layer,
        factors=costs.factor_bytes(spec),
        peak_memory=peak(spec),
        backend=str(spec.backend),
        seconds={} if there is None else steps(spec, there, again, workers),
        machine=there,
        choices=found_choices[1:],
        best=found_choices[0] if found_choices else None,
    )


def _machine(
    machine: Machine | str | os.PathLike[str] | None,
    gflops: float | None,
    bandwidth: float | None,
    backend: str,
    device: str | None,
    dtype: str,
    width: int,
) -> Machine | None:
    """The machine that the arguments describe; None for this one."""
    if machine is not None and (gflops is not None or bandwidth is not None):
        raise EngineError(
            f"{argument('machine')} with {argument('gflops')} or {argument('memory_bandwidth')}: "
            "expected one or the other"
        )
    if machine is not None:
        if (backend, device, dtype) != ("auto", None, "float32"):
            raise EngineError(
                f"{argument('machine')} with {argument('backend')}, {argument('device')} or "
                f"{argument('dtype')}: the machine has its own, so leave them out"
            )
        return machine if isinstance(machine, Machine) else Machine.read(machine)
    if gflops is None and bandwidth is not None:
        raise EngineError(f"{argument('memory_bandwidth')} without {argument('gflops')}: give both")
    if gflops is None:
        return None
    named = "numpy" if backend == "auto" and device in (None, "cpu") else backend
    _chooser(None)(named, device, dtype, 0)  # refuses what would be refused without a rate
    there = Backend("torch" if named == "auto" else named, device or "cpu", dtype)
    return Machine.by_hand(there, gflops, bandwidth, width)


def _chooser(machine: Machine | None) -> Chooser:
    """The backend of another machine, or of this one; a CUDA device may be absent here."""

    def chosen(backend: str, device: str | None, dtype: str, work: float) -> tuple[Backend, float]:
        if machine is not None:
            return machine.backend, machine.room
        try:
            here = choose(backend, device, dtype, operations=work)
        except EngineError:
            if not (isinstance(device, str) and _CUDA.fullmatch(device)) or backend == "numpy":
                raise
            return Backend("torch", device, dtype), DEVICE_MEMORY
        return here, here.memory()

    return chosen


def _is_here(backend: Backend) -> bool:
    """Whether this machine has the backend, to be measured."""
    try:
        return choose(backend.name, backend.device, backend.dtype) == backend
    except EngineError:
        return False


def _configuration(
    model: str | os.PathLike[str], revision: str | None
) -> tuple[str, Path, dict[str, Any]]:
    if not isinstance(model, str | os.PathLike):
        raise ModelError(
            f"a {type(model).__name__} cannot be planned: expected a bundled name, a folder or a "
            "hub id, whose config.json gives the sizes"
        )
    if Path(model).name == "config.json":
        model = Path(model).parent
    located = locate(model, revision, weights=False)
    return located.name, located.folder, read_config(located.folder)


def _stored(config: dict[str, Any], family: Family) -> np.dtype[Any]:
    """The type of the stored weights by the configuration, float32 by default."""
    settings = family.flat(config)
    named = settings.get("dtype") or settings.get("torch_dtype")
    known = DTYPES.get(named.removeprefix("torch.")) if isinstance(named, str) else None
    found: np.dtype[Any] = np.dtype(known or np.float32)
    return found


def _short(value: float) -> float:
    """A value to four digits; the estimate has no more."""
    return float(f"{value:.4g}")
