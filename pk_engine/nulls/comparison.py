"""What every null model takes and returns, and scores compared with a pool of null values."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headgraph.base.progress import Progress
from headgraph.pk_engine.linalg.backends import MEMORY
from headgraph.pk_engine.models.interface import Weights
from headgraph.pk_engine.table.affinity import AffinityTable

if TYPE_CHECKING:
    import pandas as pd
    from distributed import Client


@dataclass(frozen=True)
class NullInputs:
    """A table of all pairs, and the settings of a null model.

    Attributes:
        table: all forward pairs.
        weights: the weights that the table was computed from.
        seed: random seed. Each draw has its own generator, seeded by this number and by what is
            drawn, so threads and groups of layers do not change the result.
        samples: number of draws, in the null's own unit; None for its default.
        memory: gigabytes that factors may take.
        threads: executor for the work; None runs it in this thread.
        progress: called as in `pk_engine.compute`.
        client: of a cluster whose workers take groups of layers (`nulls.groups`).
    """

    table: AffinityTable
    weights: Weights
    seed: int = 0
    samples: int | None = None
    memory: float = MEMORY
    threads: Executor | None = None
    progress: Progress | None = None
    client: Client | None = None

    def rows(self, pairing: str) -> pd.DataFrame:
        """Rows of a pairing, in the table's order."""
        frame = self.table.frame
        return frame[frame["pairing"] == pairing]

    def report(self, what: str, done: int, of: int) -> None:
        """Report progress, if a callback was given."""
        if self.progress:
            self.progress(what, done, of)


@dataclass(frozen=True)
class Comparison:
    """The pairs of one pairing compared with a null.

    Attributes:
        z: (PK - mean) / sd of the null's values for each pair; 0 where the sd is 0.
        p: (1 + values at least as large) / (1 + values) for each pair.
        values: number of null values for each pair; the smallest, where it differs. 0 for a
            formula.
        mean, sd: of all null values.
    """

    z: NDArray[np.float64]
    p: NDArray[np.float64]
    values: int
    mean: float
    sd: float


Comparisons = dict[str, Comparison]
"""By pairing, with rows in the table's order."""
Null = Callable[[NullInputs], Comparisons]


def compare(pk: NDArray[Any], values: NDArray[Any]) -> Comparison:
    """Compare scores with one pool of null values. Both are rounded to float32.

    Args:
        pk: n scores.
        values: at least one value of the null.
    """
    pool = np.sort(values.astype(np.float32))
    at_least = len(pool) - np.searchsorted(pool, pk.astype(np.float32), side="left")
    wide = pool.astype(np.float64)
    mean, sd = float(wide.mean()), float(wide.std())
    z = (pk.astype(np.float64) - mean) / sd if sd > 0 else np.zeros(len(pk))
    return Comparison(z, (1 + at_least) / (1 + len(pool)), len(pool), mean, sd)


def compare_by_cell(
    pk: NDArray[Any], cells: NDArray[Any], pools: dict[int, NDArray[Any]]
) -> Comparison:
    """Compare each score with the pool of its own cell.

    Args:
        pk: n scores.
        cells: n keys of `pools`.
        pools: null values of each cell.
    """
    z, p = np.zeros(len(pk)), np.ones(len(pk))
    for cell in np.unique(cells):
        here = cells == cell
        found = compare(pk[here], pools[int(cell)])
        z[here], p[here] = found.z, found.p
    every = np.concatenate([pools[int(cell)] for cell in np.unique(cells)]).astype(np.float64)
    fewest = min(len(pools[int(cell)]) for cell in np.unique(cells))
    return Comparison(z, p, fewest, float(every.mean()), float(every.std()))
