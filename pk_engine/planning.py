"""What `compute` would cost, said from a model's configuration alone."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pandas as pd

from pk_engine import costs
from pk_engine.calibration import Calibration
from pk_engine.errors import EngineError
from pk_engine.family import Family, family_of
from pk_engine.layout import ModelShape
from pk_engine.metrics import METRICS, check_metrics
from pk_engine.names import GRAPH_PAIRINGS, parse_pairings
from pk_engine.pairs import check_order
from pk_engine.scores import usable_cpus
from pk_engine.sizes import settings_of
from pk_engine.source import locate, read_config

DTYPES: dict[str, Any] = {
    "float16": np.float16,
    "bfloat16": ml_dtypes.bfloat16,
    "float64": np.float64,
}
"""What a configuration may call its weights' type; float32 where it says nothing else."""

Calls = dict[str, list[costs.Call]]
"""Metric -> its comparisons."""


@dataclass(frozen=True)
class Plan:
    """What `compute` would cost with the same options, the default selection and NumPy.

    Attributes:
        model, family: their names.
        shape: the model's sizes.
        pairs: pairing -> pairs that are scored.
        forming, products, blocks: floating point operations of forming projectors and of their
            products, and of block products where those are fewer.
        singular_pairs: pairs whose singular values are wanted, counted once per metric.
        bytes_read: of the weights.
        peak_memory: bytes, of the whole process.
        seconds: what takes the time -> seconds expected here, once Python has started and with the
            files in the system's cache; empty without calibration.
        backend: the array library.
    """

    model: str
    family: str
    shape: ModelShape
    pairs: dict[str, int]
    forming: int
    products: int
    blocks: int
    singular_pairs: int
    bytes_read: int
    peak_memory: int
    seconds: dict[str, float] = field(default_factory=dict)
    backend: str = "numpy"

    def frame(self) -> pd.DataFrame:
        """Rows of quantity, value and unit."""
        shape = self.shape
        rows: list[tuple[str, Any, str]] = [
            ("family", self.family, ""),
            ("layers", shape.n_layers, ""),
            ("heads in a layer", shape.n_heads, ""),
            ("key/value heads in a layer", shape.n_kv_heads, ""),
            ("d_model", shape.d_model, ""),
            ("d_head", shape.d_head, ""),
            *((f"pairs of {pairing}", count, "") for pairing, count in self.pairs.items()),
            ("pairs", sum(self.pairs.values()), ""),
            ("forming projectors", round(self.forming / 1e9, 3), "GFLOP"),
            ("products of projectors", round(self.products / 1e9, 3), "GFLOP"),
            ("block products", round(self.blocks / 1e9, 3), "GFLOP"),
            ("pairs with singular values", self.singular_pairs, ""),
            ("weights read", round(self.bytes_read / 1e6, 1), "MB"),
            ("peak memory", round(self.peak_memory / 1e6), "MB"),
            *((f"time of {what}", round(took, 2), "s") for what, took in self.seconds.items()),
        ]
        if self.seconds:
            rows.append(("expected time", round(sum(self.seconds.values()), 2), "s"))
        rows.append(("backend", self.backend, ""))
        return pd.DataFrame(rows, columns=["quantity", "value", "unit"])


def plan(
    model: str | os.PathLike[str],
    *,
    pairings: Sequence[str] | str = GRAPH_PAIRINGS,
    metrics: Sequence[str] = ("pk",),
    kv: str = "native",
    layer_order: str = "forward",
    revision: str | None = None,
    calibrate: bool = True,
) -> Plan:
    """Say what `compute` would cost, without its weights.

    Args:
        model: as for `compute`; config.json alone is enough, in a folder or as a path.
        pairings: as for `compute`, like the other options of the same names.
        metrics: see `compute`.
        kv: see `compute`.
        layer_order: see `compute`.
        revision: see `compute`.
        calibrate: measure for a second how fast this machine is; without it no time is expected.

    Raises:
        ModelError, UnknownFamily: the configuration cannot be read.
        EngineError: an unknown pairing, metric, kv or layer order.

    Example:
        >>> plan("induction-2l", calibrate=False).pairs
        {'OQ': 64, 'OK': 64, 'OV': 64}
    """
    pairings = parse_pairings(pairings if isinstance(pairings, str) else ",".join(pairings))
    metrics = check_metrics(metrics, pairings)
    check_order(layer_order)
    if kv not in ("native", "expand"):
        raise EngineError(f"unknown kv {kv!r}: wanted native or expand")
    name, config = _configuration(model, revision)
    found = family_of(config)
    shape, family, dtype = found.shape(config), found.for_model(config), _dtype(config, found)
    per_query_head = any(METRICS[metric].per_query_head for metric in metrics)
    expand = shape.n_kv_heads < shape.n_heads and (kv == "expand" or per_query_head)
    calls = {
        metric: list(costs.calls(METRICS[metric], shape, pairings, layer_order))
        for metric in metrics
    }
    pairs = {p: costs.pairs(shape, p, layer_order, expand=expand) for p in pairings}
    products, singular = _split(calls)
    forming, of_projectors, blocks = costs.kernel_operations(products)
    return Plan(
        model=name,
        family=family.name,
        shape=shape,
        pairs=pairs,
        forming=forming,
        products=of_projectors,
        blocks=blocks,
        singular_pairs=sum(call.compared for call in singular),
        bytes_read=costs.read_bytes(family, shape, dtype.itemsize),
        peak_memory=_peak_memory(family, shape, dtype.itemsize, calls, pairs),
        seconds=_seconds(family, shape, dtype, calls) if calibrate else {},
    )


def _configuration(
    model: str | os.PathLike[str], revision: str | None
) -> tuple[str, dict[str, Any]]:
    path = Path(model).expanduser()
    if path.name == "config.json" and path.is_file():
        model = path.parent
    located = locate(model, revision, weights=False)
    return located.name, read_config(located.folder)


def _dtype(config: dict[str, Any], family: Family) -> np.dtype[Any]:
    """The type of the stored weights, as far as the configuration says."""
    settings = {**config, **settings_of(config, family.nested, family.defaults)}
    named = str(settings.get("dtype") or settings.get("torch_dtype"))
    found: np.dtype[Any] = np.dtype(DTYPES.get(named.removeprefix("torch."), np.float32))
    return found


def _split(calls: Calls) -> tuple[list[costs.Call], list[costs.Call]]:
    """Comparisons by the kernel, and by singular values."""
    by_kernel: list[costs.Call] = []
    by_singular: list[costs.Call] = []
    for metric, made in calls.items():
        (by_singular if METRICS[metric].work == "singular" else by_kernel).extend(made)
    return by_kernel, by_singular


def _peak_memory(
    family: Family, shape: ModelShape, width: int, calls: Calls, pairs: dict[str, int]
) -> int:
    """Bytes: what stays, and the most that anything needs beside it."""
    threads = usable_cpus()
    every = [call for made in calls.values() for call in made]
    # scores of every metric and pairing wait for the rows to be made
    scores = costs.FLOAT * sum(call.n * call.k for call in every)
    phases = [
        min(threads, shape.n_layers) * costs.reading_bytes(family, shape, width),
        max(costs.kernel_bytes(call, threads) for call in every) + scores,
        costs.ROW * max(pairs.values()) + scores,
    ]
    return costs.INTERPRETER + costs.stack_bytes(shape, list(pairs), calls) + max(phases)


def _seconds(
    family: Family, shape: ModelShape, dtype: np.dtype[Any], calls: Calls
) -> dict[str, float]:
    measured, (products, singular) = Calibration(), _split(calls)
    factors = {METRICS[metric].factors for metric in calls}
    seconds = {
        "reading and factoring": measured.reading(family, shape, dtype, factors),
        "products": measured.products(products),
    }
    return seconds | ({"singular values": measured.singular(singular)} if singular else {})
