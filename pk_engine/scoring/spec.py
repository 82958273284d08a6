"""What is scored and how: all that a worker needs besides the group of layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np

from headgraph.pk_engine.linalg.backends import Backend
from headgraph.pk_engine.metrics.decoys import DIRECTED
from headgraph.pk_engine.metrics.layer_order import (
    Group,
    count_pairs,
    count_unequal,
    into,
    layer_groups,
)
from headgraph.pk_engine.metrics.registry import METRICS, by_source
from headgraph.pk_engine.models.interface import Weights
from headgraph.pk_engine.scoring.rows import heads_counted
from headgraph.pk_engine.table.selection import Selection


@dataclass(frozen=True)
class Spec:
    """The options of a job, as resolved arguments of `pk_engine.compute`.

    It can be pickled. Weights of files are then opened again, from the same place. `targets` are
    places of the target layers of a part; None means all layers.
    """

    weights: Weights
    pairings: Sequence[str]
    metrics: Sequence[str]
    selection: Selection
    kv: str
    layer_order: str
    backend: Backend
    memory: float
    decoys: bool = True
    targets: range | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Pickle the options, not the groups, which follow from them."""
        return {it.name: getattr(self, it.name) for it in fields(self)}

    @property
    def decoy_pairings(self) -> tuple[str, ...]:
        """The pairings whose backward pairs are scored too."""
        if not self.decoys or self.layer_order != "forward":
            return ()
        return tuple(pairing for pairing in self.pairings if pairing in DIRECTED)

    def groups(self) -> list[Group]:
        """The groups of layers that are in memory together."""
        if self.targets is None:
            return self.whole_groups
        return into(self.whole_groups, self.targets, self._order)

    @property
    def _order(self) -> str:
        return "apart" if self.decoy_pairings else self.layer_order

    @cached_property
    def whole_groups(self) -> list[Group]:
        """The groups of all layers. A part cuts them, so its scores are the same to the last bit
        if it keeps or leaves each group's targets.
        """
        kinds = {METRICS[name].factors for name in self.metrics} | {"basis"}
        return layer_groups(
            self.weights.shape,
            "".join(sorted({pairing[0] for pairing in self.pairings})),
            "".join(sorted({pairing[1] for pairing in self.pairings})),
            self._order,
            bytes_per_value=np.dtype(self.backend.dtype).itemsize * len(kinds),
            memory=self.memory,
        )

    def apart(self, metric: str) -> str:
        """The source roles that a metric compares with every other layer, not later ones alone."""
        return "".join(by_source(self.decoy_pairings)) if metric == "pk" else ""

    def pair_bound(self, pairing: str) -> int:
        """The number of pairs of a pairing if no matrix is zero."""
        shape, same = self.weights.shape, pairing[0] == pairing[1]
        if shape.unequal:
            return count_unequal(shape.layers, pairing, self.layer_order, self.kv)
        sources, targets = (heads_counted(shape, role, self.kv) for role in pairing)
        return count_pairs(shape.n_layers, sources, targets, self.layer_order, same_role=same)
