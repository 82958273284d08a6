"""What a null is asked, and what it answers."""

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


@dataclass(frozen=True)
class Question:
    """A table of all pairs, and how values of the null are to be had.

    Attributes:
        table: all forward pairs.
        weights: those that it was made of.
        seed: of whatever is random; each draw has a generator of its own, made of the seed and what
            is drawn, so that neither threads nor groups of layers change it.
        samples: how much to draw, in the null's own unit; None for its default.
        memory: gigabytes that factors may take.
        threads: where the work is done.
        progress: called as in `pk_engine.compute`.
    """

    table: AffinityTable
    weights: Weights
    seed: int = 0
    samples: int | None = None
    memory: float = MEMORY
    threads: Executor | None = None
    progress: Progress | None = None

    def rows(self, pairing: str) -> pd.DataFrame:
        """The table's rows of a pairing, in its order."""
        frame = self.table.frame
        return frame[frame["pairing"] == pairing]

    @property
    def roles(self) -> tuple[str, str]:
        """Roles of sources and of targets, each once."""
        first, second = ("".join(sorted({p[end] for p in self.table.meta.pairings}))
                         for end in (0, 1))  # fmt: skip
        return first, second

    def report(self, what: str, done: int, of: int) -> None:
        """Say how far this is, to whoever asked."""
        if self.progress:
            self.progress(what, done, of)


@dataclass(frozen=True)
class Against:
    """The pairs of one pairing against a null.

    Attributes:
        z: (PK - mean) / sd of the null's values for each pair; 0 where they do not vary.
        p: (1 + values at least as large) / (1 + values) for each pair.
        values: how many values each pair was compared with; the fewest, where that differs.
        mean, sd: of all values.
    """

    z: NDArray[np.float64]
    p: NDArray[np.float64]
    values: int
    mean: float
    sd: float


Answers = dict[str, Against]
"""By pairing, rows in the table's order."""
Null = Callable[[Question], Answers]


def against(pk: NDArray[Any], values: NDArray[Any]) -> Against:
    """Scores against one pool of the null's values, both float32.

    Args:
        pk: n scores.
        values: those of the null; at least one.
    """
    pool = np.sort(values.astype(np.float32))
    at_least = len(pool) - np.searchsorted(pool, pk.astype(np.float32), side="left")
    wide = pool.astype(np.float64)
    mean, sd = float(wide.mean()), float(wide.std())
    z = (pk.astype(np.float64) - mean) / sd if sd > 0 else np.zeros(len(pk))
    return Against(z, (1 + at_least) / (1 + len(pool)), len(pool), mean, sd)


def by_cell(pk: NDArray[Any], cells: NDArray[Any], pools: dict[int, NDArray[Any]]) -> Against:
    """Scores against the pool of their own cell.

    Args:
        pk: n scores.
        cells: which pool each is compared with.
        pools: values of the null by cell.
    """
    z, p = np.zeros(len(pk)), np.ones(len(pk))
    for cell in np.unique(cells):
        here = cells == cell
        found = against(pk[here], pools[int(cell)])
        z[here], p[here] = found.z, found.p
    every = np.concatenate([pools[int(cell)] for cell in np.unique(cells)]).astype(np.float64)
    fewest = min(len(pools[int(cell)]) for cell in np.unique(cells))
    return Against(z, p, fewest, float(every.mean()), float(every.std()))
