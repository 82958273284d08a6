"""Columns of a table that hold every pair against a null."""

from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module

import numpy as np
from numpy.typing import NDArray

from headgraph.base.names import NULLS
from headgraph.base.progress import Progress
from headgraph.pk_engine.errors import EngineError, TableError
from headgraph.pk_engine.linalg.backends import MEMORY, Backend
from headgraph.pk_engine.models.interface import Weights
from headgraph.pk_engine.nulls.null_model import Answers, Null, Question
from headgraph.pk_engine.table.affinity import AffinityTable

_WHERE = {"backward": "observed_pairs", "within": "observed_pairs"}
"""Modules of the nulls that do not have their own name."""
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
) -> AffinityTable:
    """The table with `z_NULL`, `p_NULL` and `q_NULL` of each null; see `pk_engine.nulls`.

    Args:
        table: of all forward pairs.
        weights: those that it was made of.
        nulls: names out of `base.names.NULLS`.
        seed: of what is drawn.
        samples: draws of each role (`covariance`, 400 by default), or rotations of each layer and
            role (`rotations`, 20); the others draw nothing.
        memory: gigabytes that factors may take.
        progress: as for `compute`.

    Raises:
        EngineError: an unknown null, another layer order, or samples below 1.
        TableError: the table lacks some of the pairs: q counts all of them.
    """
    check_nulls(nulls, table.meta.layer_order, samples)
    if len(table) != sum(table.meta.scored.values()):
        raise TableError(
            f"the table of {table.meta.model} has {len(table):,} of its "
            f"{sum(table.meta.scored.values()):,} pairs, and the adjustment for many tests needs "
            "all of them: make it again with headgraph compute --all"
        )
    with Backend().workers() as threads:
        question = Question(table, weights, seed, samples, memory, threads, progress)
        for name in nulls:
            module = import_module(f"headgraph.pk_engine.nulls.{_WHERE.get(name, name)}")
            null: Null = getattr(module, name)
            table = _with(table, name, null(question), _drawn(name, module, seed, samples))
    return table


def check_nulls(
    nulls: Sequence[str], layer_order: str, samples: int | None = None, seed: int | None = None
) -> None:
    """Whether these nulls can be had for pairs of this layer order.

    Raises:
        EngineError: they cannot, or what they would draw is given and there are none.
    """
    drawn = {"--seed": seed, "--samples": samples}
    given = [f"{option} {value}" for option, value in drawn.items() if value is not None]
    if given and not nulls:
        raise EngineError(
            f"{' and '.join(given)} without --null, which alone draws anything: leave "
            f"{'it' if len(given) == 1 else 'them'} out, or give a null, such as --fdr 0.05 --null "
            "covariance"
        )
    unknown = [name for name in nulls if name not in NULLS]
    if unknown:
        raise EngineError(f"unknown null {', '.join(unknown)}: expected some of {', '.join(NULLS)}")
    if nulls and layer_order != "forward":
        raise EngineError(
            f"the nulls are for pairs from an earlier to a later layer, and the layer order is "
            f"{layer_order}: leave --layer-order or --null out"
        )
    if samples is not None and samples < 1:
        raise EngineError(f"--samples {samples}: expected a whole number of at least 1")


def check_arithmetic(nulls: Sequence[str], backend: str, device: str | None, dtype: str) -> None:
    """Whether these nulls can be computed as was asked for; `isotropic` is a formula.

    Raises:
        EngineError: another library, device or precision than theirs was asked for by name.
    """
    computed = [name for name in nulls if name in NULLS and name != "isotropic"]
    asked = [
        f"{option} {value}"
        for option, value, has in (
            ("backend", backend, ("auto", "numpy")),
            ("device", device, (None, "cpu")),
            ("dtype", dtype, ("float32",)),
        )
        if value not in has
    ]
    if computed and asked:
        raise EngineError(
            f"expected {', '.join(computed)} without {' and '.join(asked)}, since NumPy computes "
            "these nulls on the processor in float32: leave the one or the other out"
        )


def _drawn(name: str, module: object, seed: int, samples: int | None) -> dict[str, int | None]:
    if name not in _DRAWN:
        return {"seed": None, "samples": None}
    return {"seed": seed, "samples": samples or getattr(module, "SAMPLES")}  # noqa: B009


def _with(
    table: AffinityTable, name: str, answers: Answers, drawn: dict[str, int | None]
) -> AffinityTable:
    frame = table.frame.copy()
    columns = {kind: np.empty(len(frame)) for kind in "zpq"}
    for pairing, found in answers.items():
        rows = (frame["pairing"] == pairing).to_numpy()
        columns["z"][rows], columns["p"][rows] = found.z, found.p
        columns["q"][rows] = adjusted(found.p)
    for kind, values in columns.items():
        frame[f"{kind}_{name}"] = values.astype(np.float32)
    entry = {
        **drawn,
        "values": {pairing: found.values for pairing, found in answers.items()},
        "moments": {p: {"mean": found.mean, "sd": found.sd} for p, found in answers.items()},
    }
    meta = replace(table.meta, nulls={**table.meta.nulls, name: entry})
    return AffinityTable(frame, meta)


def adjusted(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Benjamini & Hochberg's adjustment: the smallest rate at which each test is kept."""
    from scipy.stats import false_discovery_control

    return np.asarray(false_discovery_control(p) if len(p) else p)
