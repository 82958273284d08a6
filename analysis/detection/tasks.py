"""The items of each detection task: heads, pairs of one class, edges of a circuit."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from headgraph.analysis.errors import AnalysisError
from headgraph.base.names import GRAPH_PAIRINGS
from headgraph.base.spelling import either
from headgraph.pk_engine import bundled
from headgraph.pk_engine.labels import labels_for
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.pk_engine.table.meta import TableMeta

SAME_ROLES = ("QQ", "KK", "VV", "OO")
CLASSES = (
    "duplicate_token",
    "previous_token",
    "induction",
    "s_inhibition",
    "name_mover",
    "negative_name_mover",
    "backup_name_mover",
    "identity",
)
"""Classes of heads that the paper's Fig. 1 draws; other bundled roles name a task's circuit."""
_LABELS = Path(bundled.__file__).parent / "labels"


class Items(NamedTuple):
    """Scored items of one pairing and metric.

    Attributes:
        scores: one per item.
        positive: which items are to be found.
        ends: 2 x items, the two heads of each item, counted through all layers; an item that is
            one head has it twice.
        n_heads: heads in a layer.
    """

    scores: NDArray[np.float64]
    positive: NDArray[np.bool_]
    ends: NDArray[np.int64]
    n_heads: int

    @property
    def blocks(self) -> NDArray[np.int64]:
        """A number for the two layers of each item, in either order; for a head, for its layer."""
        first, second = np.sort(self.ends // self.n_heads, axis=0)
        return np.asarray(first * (second.max(initial=0) + 1) + second)

    def of_layers(self) -> "Items":
        """The same items, scored by the mean score of their block: by nothing but their layers."""
        _, block = np.unique(self.blocks, return_inverse=True)
        means = np.bincount(block, self.scores) / np.bincount(block)
        return self._replace(scores=means[block])


def heads(
    table: AffinityTable, metric: str, labels: str | os.PathLike[str] | None
) -> Iterator[tuple[str, Items]]:
    """Detection of labelled heads; a head's score is the largest over all pairs that it touches."""
    meta = table.meta
    positive = np.zeros(meta.n_layers * meta.n_heads, bool)
    rows = _detected(meta, labels)
    positive[rows["layer"] * meta.n_heads + rows["head"]] = True
    edges = table.edges()
    for pairing in GRAPH_PAIRINGS:
        part = edges[edges["pairing"] == pairing]
        best = np.full(len(positive), -np.inf)
        for end in _ends(part, meta):
            np.maximum.at(best, end, part[metric].to_numpy(float))
        touched = np.flatnonzero(np.isfinite(best))
        yield pairing, Items(best[touched], positive[touched], np.stack([touched, touched]),
                             meta.n_heads)  # fmt: skip


def classes(
    table: AffinityTable, metric: str, labels: str | os.PathLike[str] | None
) -> Iterator[tuple[str, Items]]:
    """Retrieval of unordered pairs whose two heads share a class."""
    meta = table.meta
    rows = labels_for(meta, labels)
    if labels is None:
        rows = rows[rows["role"].isin(CLASSES)]
    member = np.zeros((meta.n_layers * meta.n_heads, rows["role"].nunique()), bool)
    places = {role: i for i, role in enumerate(sorted(rows["role"].unique()))}
    member[rows["layer"] * meta.n_heads + rows["head"], rows["role"].map(places)] = True
    shares = member.astype(int) @ member.T.astype(int) > 0
    for pairing in SAME_ROLES:
        part = table.frame[table.frame["pairing"] == pairing]
        source, target = _ends(part, meta)
        scores = part[metric].to_numpy(float)
        ends = np.stack([source, target])
        yield pairing, Items(scores, shares[source, target], ends, meta.n_heads)


def edges(
    table: AffinityTable, metric: str, labels: str | os.PathLike[str] | None
) -> Iterator[tuple[str, Items]]:
    """The edges between classes of the IOI circuit (Wang et al. 2023, arXiv:2211.00593, Fig. 2)."""
    meta, wanted = table.meta, pd.read_csv(_LABELS / "ioi-class-edges.csv")
    rows = labels_for(meta, labels)
    rows = rows[rows["circuit"] == "ioi"]
    of = {
        str(role): set(part["layer"] * meta.n_heads + part["head"])
        for role, part in rows.groupby("role")
    }
    for pairing in GRAPH_PAIRINGS:
        part = table.frame[table.frame["pairing"] == pairing]
        source, target = _ends(part, meta)
        positive = np.zeros(len(part), bool)
        for step in wanted[wanted["pairing"] == pairing].itertuples():
            sends = np.isin(source, list(of.get(str(step.source_role), ())))
            positive |= sends & np.isin(target, list(of.get(str(step.target_role), ())))
        scores = part[metric].to_numpy(float)
        yield pairing, Items(scores, positive, np.stack([source, target]), meta.n_heads)


TASKS = {"heads": heads, "classes": classes, "edges": edges}


def _detected(meta: TableMeta, labels: str | os.PathLike[str] | None) -> pd.DataFrame:
    """Heads to be found: those of a label file, 36 bundled heads for GPT-2, or all bundled ones."""
    if labels is not None:
        return labels_for(meta, labels)
    known = labels_for(meta)
    gpt2 = AffinityTable.read(bundled.table_path("gpt2-small")).meta
    if meta.fingerprint != gpt2.fingerprint:
        return known
    return pd.read_csv(_LABELS / "gpt2-small-detection36.csv")


def _ends(part: pd.DataFrame, meta: TableMeta) -> list[NDArray[np.int64]]:
    """Source and target of each row, heads counted through all layers."""
    if meta.group_size > 1 and meta.kv == "native" and "share" not in part:
        compute = either("compute(MODEL, kv='expand')", "headgraph compute --kv expand")
        raise AnalysisError(
            f"{meta.model} shares key/value heads, and labels name query heads: give the model "
            f"itself, or a table of {compute}"
        )
    return [
        (part[f"{end}_layer"] * meta.n_heads + part[f"{end}_head"]).to_numpy(np.int64)
        for end in ("source", "target")
    ]
