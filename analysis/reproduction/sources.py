"""The model at hand, and the tables that parts of the report share, each computed once."""

import os
from dataclasses import dataclass
from functools import cached_property

from headgraph.analysis._tables import full_table
from headgraph.analysis.detection.tasks import SAME_ROLES
from headgraph.analysis.errors import AnalysisError
from headgraph.base.names import GRAPH_PAIRINGS, PAIRINGS
from headgraph.pk_engine.metrics.registry import METRICS as METRIC_PAIRINGS
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.pk_engine.table.sources import AnyTable, is_table, read_table

METRICS = ("pk", "cs", "simple_cs", "cka", "cka_columns", "procrustes", "procrustes_columns")
"""Metrics that the paper compares; CKA and Procrustes in both readings."""


@dataclass
class Source:
    """GPT-2 small as a model or as a table of its scores.

    Attributes:
        model: a folder, a hub id, or a table.
        revision: of a hub id.
    """

    model: AnyTable
    revision: str | None = None

    @property
    def weights(self) -> str | os.PathLike[str]:
        """The model itself.

        Raises:
            AnalysisError: only a table of its scores is at hand.
        """
        if isinstance(self.model, AffinityTable) or not self.has_weights:
            raise AnalysisError("expected the folder or hub id of the model, got a table")
        return self.model

    @cached_property
    def has_weights(self) -> bool:
        """Whether the model itself is at hand, not only a table of its scores."""
        return not is_table(self.model)

    @cached_property
    def graph(self) -> AffinityTable:
        """OQ, OK and OV of all pairs: with weights in every metric, else in those of the table."""
        return self._scored(GRAPH_PAIRINGS, METRICS if self.has_weights else ("pk", "cs"))

    @cached_property
    def sixteen(self) -> AffinityTable:
        """PK of all 16 pairings."""
        return self._scored(PAIRINGS, ("pk",))

    def check(self) -> None:
        """Refuse a model other than GPT-2 small, the paper's.

        Raises:
            AnalysisError: the fingerprint of its weights is not that of GPT-2 small.
        """
        meta = self.graph.meta
        if meta.fingerprint != read_table("gpt2-small").meta.fingerprint:
            raise AnalysisError(
                f"{meta.model} is not GPT-2 small (fingerprint {meta.fingerprint[:12]}), and the "
                "paper's figures are of no other model: expected its hub id openai-community/gpt2, "
                "its folder, or the bundled table gpt2-small"
            )

    @cached_property
    def same_roles(self) -> AffinityTable:
        """QQ, KK, VV and OO of all pairs of heads, whichever layers they are in."""
        metrics = tuple(name for name in METRICS if METRIC_PAIRINGS[name].pairings == PAIRINGS)
        return self._scored(SAME_ROLES, metrics, layer_order="all")

    def _scored(
        self, pairings: tuple[str, ...], metrics: tuple[str, ...], layer_order: str = "forward"
    ) -> AffinityTable:
        return full_table(
            self.model,
            pairings,
            metrics,
            layer_order=layer_order,
            revision=self.revision,
        )
