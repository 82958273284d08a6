"""The cost of `compute`, estimated from a model's configuration alone."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pandas as pd

from headgraph.base.names import GRAPH_PAIRINGS
from headgraph.base.notebook import facts, paragraph
from headgraph.pk_engine.errors import ModelError
from headgraph.pk_engine.linalg.buffers import Buffers
from headgraph.pk_engine.metrics.registry import METRICS
from headgraph.pk_engine.models.family import Family, family_of
from headgraph.pk_engine.models.interface import Layer
from headgraph.pk_engine.models.layout import ModelShape
from headgraph.pk_engine.models.location import locate, naming, read_config
from headgraph.pk_engine.models.towers import named, part_of
from headgraph.pk_engine.planning import costs
from headgraph.pk_engine.planning.calibration import Calibration
from headgraph.pk_engine.scoring._compute import check_options, spec_of
from headgraph.pk_engine.scoring.spec import Spec

DTYPES: dict[str, Any] = {
    "float16": np.float16,
    "bfloat16": ml_dtypes.bfloat16,
    "float64": np.float64,
}
"""Names of the weights' type in a configuration; float32 is the default."""


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
        seconds: step -> expected seconds on this machine, without the start of Python and with the
            files in the system's cache; empty without calibration.
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
) -> Plan:
    """Estimate the cost of `compute`, without the weights.

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

    Raises:
        ModelError: the model is no name, path or hub id, or its configuration cannot be read.
        UnknownFamily: no family file describes the model.
        EngineError: a pairing, metric, kv, layer order, backend or device is unknown.

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
    spec = spec_of(sizes, pairings, metrics, kv, layer_order, backend, device, dtype, memory,
                   decoys=decoys)  # fmt: skip
    passes = sum(layers for _, layers in costs.layers_read(spec))
    layer = costs.layer_bytes(sizes.family, sizes.shape, stored.itemsize)
    return Plan(
        model=name,
        family=sizes.family.name,
        shape=sizes.shape,
        pairs={pairing: spec.pair_bound(pairing) for pairing in pairings},
        operations=costs.total(costs.calls(spec, "kernel", "columns")),
        decompositions=sum(call.compared for call in costs.calls(spec, "singular")),
        groups=len(spec.groups()),
        bytes_read=passes * layer,
        factors=costs.factor_bytes(spec),
        peak_memory=costs.peak_memory(spec, sizes.family, stored.itemsize),
        backend=str(spec.backend),
        seconds=_seconds(spec, sizes.family, stored) if calibrate else {},
    )


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


def _seconds(spec: Spec, family: Family, stored: np.dtype[Any]) -> dict[str, float]:
    measured, shape = Calibration(spec.backend), spec.weights.shape
    factors = {METRICS[name].factors for name in spec.metrics}
    passes = costs.layers_read(spec)
    seconds = {
        "reading and factoring": measured.reading(family, shape, stored, factors, passes),
        "products": measured.products(costs.calls(spec, "kernel", "columns")),
    }
    singular = costs.calls(spec, "singular")
    return seconds | ({"singular values": measured.singular(singular)} if singular else {})


def _short(value: float) -> float:
    """A value to four digits; the estimate has no more."""
    return float(f"{value:.4g}")
