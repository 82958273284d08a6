"""Columns of a table that compare every pair with null models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from headgraph.base.names import NULLS
from headgraph.base.progress import Progress
from headgraph.base.seeds import check_seed
from headgraph.base.spelling import argument, either
from headgraph.base.text import listed, short
from headgraph.pk_engine.errors import EngineError, TableError
from headgraph.pk_engine.linalg.backends import MEMORY, Backend
from headgraph.pk_engine.models.interface import Weights
from headgraph.pk_engine.nulls.comparison import Comparisons, Null, NullInputs
from headgraph.pk_engine.table.affinity import AffinityTable

if TYPE_CHECKING:
    from distributed import Client

_MODULES = {"backward": "observed_pairs", "within": "observed_pairs"}
"""Modules of the nulls whose module has another name."""
_DRAWN = {"covariance", "rotations"}


def add_nulls(
    table: AffinityTable,
    weights: Weights,
    nulls: Sequence[str],
    *,
    seed: int = 0,
    samples: int | None = None,
    memory: float = MEMORY,
    progress: Progress | None = None,
    client: Client | None = None,
) -> AffinityTable:
    """The table with `z_NULL`, `p_NULL` and `q_NULL` of each null; see `pk_engine.nulls`.

    Args:
        table: all forward pairs.
        weights: the weights that the table was computed from.
        nulls: names from `base.names.NULLS`.
        seed: random seed of the draws.
        samples: draws of each role (`covariance`, 400 by default), or rotations of each layer and
            role (`rotations`, 20 by default); the other nulls draw nothing.
        memory: gigabytes that factors may take.
        progress: as for `compute`.
        client: as for `compute`. `covariance` and `isotropic` are computed here in any case.

    Raises:
        EngineError: an unknown null, another layer order, samples below 1, a pairing or a null
            without pairs, or a covariance that did not converge.
        TableError: the table lacks some of the pairs; q needs all of them.
    """
    check_nulls(nulls, table.meta.layer_order, samples)
    _check_streams(table, nulls)
    if len(table) != sum(table.meta.scored.values()):
        raise TableError(
            f"the table of {table.meta.model} has {len(table):,} of its "
            f"{sum(table.meta.scored.values()):,} pairs. The adjustment for many tests needs all "
            f"of them: compute it with {either('selection=Selection()', '--all')}"
        )
    if empty := [pairing for pairing, scored in table.meta.scored.items() if not scored]:
        raise EngineError(
            f"{table.meta.model} has no pair of {listed(empty)} to compare with a null: leave "
            f"{'that pairing' if len(empty) == 1 else 'those pairings'} out, or {argument('null')}"
        )
    with Backend().workers() as threads:
        inputs = NullInputs(table, weights, seed, samples, memory, threads, progress, client)
        for name in nulls:
            module = import_module(f"headgraph.pk_engine.nulls.{_MODULES.get(name, name)}")
            null: Null = getattr(module, name)
            table = _with(table, name, null(inputs), _drawn(name, module, seed, samples))
    return table


RULE = either('selection=Selection(fdr=0.05, null="covariance")', "--fdr 0.05 --null covariance")
"""How `compute` gets a null model, for a message."""


def check_nulls(
    nulls: Sequence[str],
    layer_order: str,
    samples: int | None = None,
    seed: int | None = None,
    *,
    example: str = RULE,
) -> None:
    """Check that these nulls exist and fit the other arguments; `example` gives one.

    Raises:
        EngineError: an unknown null, another layer order than forward, samples below 1, or a seed
            or samples without a null.
    """
    drawn = {"seed": seed, "samples": samples}
    given = [argument(name, value) for name, value in drawn.items() if value is not None]
    if given and not nulls:
        raise EngineError(
            f"{' and '.join(given)} without {argument('null')}: only a null model draws samples. "
            f"Leave {'it' if len(given) == 1 else 'them'} out, or give a null, such as {example}"
        )
    unknown = [name for name in nulls if name not in NULLS]
    if unknown:
        raise EngineError(f"unknown null {', '.join(unknown)}: expected some of {', '.join(NULLS)}")
    if nulls and layer_order != "forward":
        raise EngineError(
            f"{argument('layer_order', layer_order)} with a null: the null models are for pairs "
            f"from an earlier to a later layer. Leave {argument('layer_order')} or "
            f"{argument('null')} out"
        )
    if seed is not None:
        check_seed(seed, EngineError)
    if samples is not None and samples < 1:
        raise EngineError(f"{argument('samples', samples)}: expected a whole number of at least 1")


def _check_streams(table: AffinityTable, nulls: Sequence[str]) -> None:
    """Raise EngineError for a null that pools heads, where they are in several residual streams."""
    streams = {it for layer in table.meta.shape.layers for it in layer.streams.values()}
    if len(streams) > 1 and (pooling := [name for name in nulls if name != "isotropic"]):
        raise EngineError(
            f"{argument('null', ','.join(pooling))} compares pairs with heads of the whole model, "
            f"and {short(table.meta.model, 60)} has several residual streams: expected "
            f"{argument('null', 'isotropic')}"
        )


def check_arithmetic(nulls: Sequence[str], backend: str, device: str | None, dtype: str) -> None:
    """Check that these nulls can be computed as requested; `isotropic` is a formula.

    Raises:
        EngineError: another backend, device or precision than NumPy, cpu and float32.
    """
    computed = [name for name in nulls if name in NULLS and name != "isotropic"]
    refused = [
        argument(name, value)
        for name, value, allowed in (
            ("backend", backend, ("auto", "numpy")),
            ("device", device, (None, "cpu")),
            ("dtype", dtype, ("float32",)),
        )
        if value not in allowed
    ]
    if computed and refused:
        raise EngineError(
            f"{' and '.join(refused)} with {argument('null', ','.join(computed))}: NumPy computes "
            "these nulls on the processor in float32. Leave one or the other out"
        )


def _drawn(name: str, module: object, seed: int, samples: int | None) -> dict[str, int | None]:
    if name not in _DRAWN:
        return {"seed": None, "samples": None}
    return {"seed": seed, "samples": samples or getattr(module, "SAMPLES")}  # noqa: B009


def _with(
    table: AffinityTable, name: str, compared: Comparisons, drawn: dict[str, int | None]
) -> AffinityTable:
    frame = table.frame.copy()
    columns = {kind: np.empty(len(frame)) for kind in "zpq"}
    for pairing, found in compared.items():
        rows = (frame["pairing"] == pairing).to_numpy()
        columns["z"][rows], columns["p"][rows] = found.z, found.p
        columns["q"][rows] = adjusted(found.p)
    for kind, values in columns.items():
        frame[f"{kind}_{name}"] = values.astype(np.float32)
    entry = {
        **drawn,
        "values": {pairing: found.values for pairing, found in compared.items()},
        "moments": {p: {"mean": found.mean, "sd": found.sd} for p, found in compared.items()},
    }
    meta = replace(table.meta, nulls={**table.meta.nulls, name: entry})
    return AffinityTable(frame, meta)


def adjusted(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Benjamini & Hochberg's adjustment: the smallest rate at which each pair is kept."""
    from scipy.stats import false_discovery_control

    return np.asarray(false_discovery_control(p) if len(p) else p)
