"""Everything that a load needs to know before it speaks to a database."""

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from headgraph.base.names import head_name
from headgraph.base.version import VERSION
from headgraph.graphdb import schema
from headgraph.loader import _sums
from headgraph.loader._coverage import shortfalls
from headgraph.loader._identity import check_name, default_name, run_id
from headgraph.loader.errors import NothingToLoad
from headgraph.pk_engine.labels import labels_for
from headgraph.pk_engine.scoring.selection import Selection
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.pk_engine.table.sources import AnyTable, read_table

AnyLabels = str | os.PathLike[str] | None


@dataclass(frozen=True, eq=False, kw_only=True)
class LoadPlan:
    """One run to be, complete except for the database.

    Attributes:
        name: of the run.
        id: hash of name, table and selection.
        table_sha256: of the table as given, before `selection`.
        table: its rows after the selection.
        edges: one row per arrow between query heads.
        labels: one row per role of a head; may be empty.
        label_source: where the labels come from: `bundled`, `none`, or a file's name.
        labels_asked: somebody said which labels, so those of a run that is there give way.
        notes: what the selection asks for and the file does not have.
    """

    name: str
    id: str
    table_sha256: str
    table: AffinityTable
    edges: pd.DataFrame
    labels: pd.DataFrame
    label_source: str
    labels_asked: bool
    notes: tuple[str, ...]

    @property
    def n_heads(self) -> int:
        """Heads of the model, with or without edges."""
        return self.table.meta.n_layers * self.table.meta.n_heads

    @property
    def selection_text(self) -> str:
        """The rules in words, those of the file first."""
        rules = [Selection(**rules).describe() for rules in self.table.meta.selection]
        return "; ".join(rules) or Selection().describe()

    @property
    def labels_sha256(self) -> str:
        """Hash over the labels: equal labels from another file are equal."""
        rows = self.labels.to_numpy().tolist()
        return hashlib.sha256(json.dumps(rows, default=str).encode()).hexdigest()

    def label_properties(self) -> dict[str, Any]:
        """What the Run node says of its labels."""
        return {"label_source": self.label_source, "labels_sha256": self.labels_sha256}

    def run_properties(self) -> dict[str, Any]:
        """The Run node, except for what publication adds."""
        provenance = asdict(self.table.meta)
        provenance["selection_rules"] = provenance.pop("selection")
        provenance["table_format"] = provenance.pop("format")
        if not provenance["nulls"]:
            del provenance["nulls"]
        return {
            **{name: _as_property(value) for name, value in provenance.items()},
            **self.label_properties(),
            "id": self.id,
            "table_sha256": self.table_sha256,
            "selection": self.selection_text,
            "heads": self.n_heads,
            "edges": len(self.edges),
            "pairs": len(self.table),
            "pairs_scored": sum(self.table.meta.scored.values()),
            **_sums.kept(self.edges),
            "graph_version": schema.VERSION,
            "loader_version": VERSION,
        }

    def head_rows(self) -> list[list[Any]]:
        """Name, layer, head, key/value head and sums of every head, by layer, then head."""
        meta = self.table.meta
        sums = _sums.head_sums(self.edges, meta.n_heads)
        return [
            [head_name(layer, head), layer, head, head // meta.group_size,
             sums.get(layer * meta.n_heads + head, {})]
            for layer in range(meta.n_layers)
            for head in range(meta.n_heads)
        ]  # fmt: skip


def plan_load(
    table: AnyTable, run: str | None, selection: Selection | None, labels: AnyLabels
) -> LoadPlan:
    """Read and select; nothing here needs a database.

    Raises:
        EngineError: a table or label file that cannot be used.
        BadRunName: `run` cannot be a name.
        NothingToLoad: the selection keeps nothing.
    """
    name = None if run is None else check_name(run)
    whole = read_table(table)
    name = name or default_name(whole.meta)
    asked, selection = selection, selection or Selection()
    kept = whole.select(selection) if selection else whole
    if not len(kept):
        raise _nothing(whole, selection)
    rows = labels_for(whole.meta, labels)
    return LoadPlan(
        name=name,
        labels_asked=labels is not None,
        id=run_id(name, whole.sha256, selection),
        table_sha256=whole.sha256,
        table=kept,
        edges=kept.edges(),
        labels=rows,
        label_source=_label_source(labels, rows),
        notes=shortfalls(whole, asked),
    )


def _nothing(whole: AffinityTable, selection: Selection) -> NothingToLoad:
    if not len(whole):
        return NothingToLoad(
            "the table has no rows, so there is nothing to load: make one with headgraph compute "
            "and a wider selection"
        )
    top = whole.frame["pk"].max(), whole.frame["z"].max()
    return NothingToLoad(
        f"the selection ({selection.describe()}) keeps none of the {len(whole):,} pairs in the "
        f"table, whose largest PK is {top[0]:.3g} and largest z {top[1]:.3g}: widen it, or leave "
        "it out to load them all"
    )


def _label_source(labels: AnyLabels, rows: pd.DataFrame) -> str:
    if labels is None:
        return "bundled" if len(rows) else "none"
    return Path(labels).name


def _as_property(value: Any) -> Any:
    """A value as Neo4j can hold it: dictionaries become JSON text, alone or in a list."""
    nested = isinstance(value, dict) or (
        isinstance(value, list) and not all(isinstance(item, str) for item in value)
    )
    # an empty list says nothing of its type: only those that may hold dictionaries become text
    return json.dumps(value, sort_keys=True) if nested or value == [] else value
