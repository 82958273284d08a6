"""A load before it reaches a database: name, id, edges, sums and labels of the run."""

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from headgraph.base.files.documents import shown
from headgraph.base.spelling import Message, either
from headgraph.base.text import together
from headgraph.base.version import VERSION
from headgraph.graphdb import schema
from headgraph.loader._disk_space import needed
from headgraph.loader._runs import check_name, default_name, run_id
from headgraph.loader.errors import NothingToLoad
from headgraph.loader.loading import decoys, unequal
from headgraph.loader.loading.coverage import shortfalls
from headgraph.loader.loading.edges import edge_properties, head_sums, kept
from headgraph.loader.loading.head_scores import derived_roles, head_scores
from headgraph.pk_engine.errors import LabelsError
from headgraph.pk_engine.labels import labels_for
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.pk_engine.table.meta import TableMeta
from headgraph.pk_engine.table.selection import Selection
from headgraph.pk_engine.table.sources import AnyTable, read_table

AnyLabels = str | os.PathLike[str] | None


@dataclass(frozen=True, eq=False, kw_only=True)
class LoadPlan:
    """A run as it will be in the database.

    Attributes:
        name: of the run.
        id: hash of name, table and selection.
        table_sha256: hash of the table as given, before the selection.
        table: its rows after the selection.
        edges: one row per edge between query heads.
        labels: one row per role of a head; may be empty.
        label_source: origin of the labels: `bundled`, `none`, or the name of a file.
        labels_given: whether the caller chose the labels; they then replace those of an existing
            run.
        notes: pairs that the selection includes and the file lacks, and pairings of which it keeps
            nothing.
    """

    name: str
    id: str
    table_sha256: str
    table: AffinityTable
    edges: pd.DataFrame
    labels: pd.DataFrame
    label_source: str
    labels_given: bool
    notes: tuple[Message, ...]

    @property
    def n_heads(self) -> int:
        """Number of heads of the model, with or without edges."""
        return self.table.meta.head_count

    @property
    def n_edges(self) -> int:
        """Number of edges between query heads."""
        return len(self.edges)

    @property
    def edge_names(self) -> tuple[str, ...]:
        """Names of the properties of edges, in the order of the batches."""
        return edge_properties(self.table)

    @property
    def disk_bytes(self) -> int:
        """Upper estimate of the bytes of disk that the load takes."""
        return needed(self.n_heads, len(self.edges), len(edge_properties(self.table)))

    @property
    def selection_text(self) -> str:
        """The rules in words, those of the file first."""
        rules = [Selection(**rules).describe() for rules in self.table.meta.selection]
        return "; ".join(rules) or Selection().describe()

    @property
    def labels_sha256(self) -> str:
        """Hash of the labels; equal labels from different files have equal hashes."""
        rows = self.labels.to_numpy().tolist()
        return hashlib.sha256(json.dumps(rows, default=str).encode()).hexdigest()

    def label_properties(self) -> dict[str, Any]:
        """Properties of the Run node that describe its labels."""
        return {"label_source": self.label_source, "labels_sha256": self.labels_sha256}

    def run_properties(self) -> dict[str, Any]:
        """Properties of the Run node, except those that publication adds."""
        provenance = asdict(self.table.meta)
        provenance["selection_rules"] = provenance.pop("selection")
        provenance["table_format"] = self.table.meta.format
        for name in ("nulls", "origin", "layers", "tower"):
            if not provenance[name]:
                del provenance[name]
        for name in ("heads", "decoys"):  # on the heads, and as properties of their own below
            del provenance[name]
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
            **kept(self.edges, self.table.meta),
            **unequal.run_properties(self.table.meta),
            **decoys.run_properties(self.table.meta),
            "graph_version": schema.VERSION,
            "loader_version": VERSION,
        }

    def head_rows(self) -> list[list[Any]]:
        """Name, layer, head, key/value head, and scores with sums of every head, by layer, then
        head.
        """
        meta = self.table.meta
        scores, sums = head_scores(meta), head_sums(self.edges, meta)
        reach = unequal.head_properties(meta)
        return [
            [meta.head_name(layer, head), layer, head, head // meta.groups_of(layer),
             dict(sorted((scores.get(place, {}) | sums.get(place, {}) | reach.get(layer, {}))
                         .items()))]
            for place, (layer, head) in enumerate(meta.places())
        ]  # fmt: skip

    def role_rows(self) -> dict[str, list[dict[str, Any]]]:
        """By role, a row per head: its name as `head`, and `properties` of its HAS_ROLE.

        Roles of the labels come first, then the derived ones.
        """
        rows: dict[str, list[dict[str, Any]]] = {}
        for label in self.labels.to_dict("records"):
            properties = {
                name: label[name] for name in ("circuit", "source", "note") if label[name]
            }
            head = self.table.meta.head_name(int(label["layer"]), int(label["head"]))
            rows.setdefault(str(label["role"]), []).append({"head": head, "properties": properties})
        return rows | derived_roles(self.table.meta)


def plan_load(
    table: AnyTable,
    run: str | None,
    selection: Selection | None,
    labels: AnyLabels,
    *,
    keyword: str = "run",
) -> LoadPlan:
    """Read a table and select its pairs, without a database.

    Args:
        table: as for `load`.
        run: as for `load`.
        selection: as for `load`.
        labels: as for `load`.
        keyword: the argument that `run` was given as, for messages.

    Raises:
        EngineError: a table, selection or label file that cannot be used.
        BadRunName: `run` cannot be a name.
        NothingToLoad: the selection keeps no pair.
    """
    name = None if run is None else check_name(run, keyword)
    whole = read_table(table)
    name = name or default_name(whole.meta)
    rules = selection or Selection()
    selected = whole.select(rules) if rules else whole
    if not len(selected):
        raise _nothing(whole, rules)
    rows = labels_for(whole.meta, labels)
    _refuse_derived(rows, labels, whole.meta)
    return LoadPlan(
        name=name,
        id=run_id(name, whole.sha256, rules),
        table_sha256=whole.sha256,
        table=selected,
        edges=selected.edges(),
        labels=rows,
        label_source=_label_source(labels, rows),
        labels_given=labels is not None,
        notes=(*shortfalls(whole, selection), *_emptied(whole, selected)),
    )


def _refuse_derived(rows: pd.DataFrame, labels: AnyLabels, meta: TableMeta) -> None:
    """Raise LabelsError for a label that would look like a role derived from the weights."""
    for column, reserved in (
        ("role", schema.DERIVED_ROLES),
        ("circuit", (schema.DERIVED_CIRCUIT,)),
    ):
        found = rows[rows[column].isin(reserved)]
        if len(found):
            layer, head, name = found[["layer", "head", column]].iloc[0].tolist()
            raise LabelsError(
                f"the label file {shown(labels or '')} gives {meta.head_name(layer, head)} the "
                f"{column} {name}, which marks what headgraph derives from the weights: expected "
                f"another {column}"
            )


def _emptied(whole: AffinityTable, selected: AffinityTable) -> list[Message]:
    """A sentence if pairings of the table have no row left."""
    before, after = (set(table.columns["pairing"].tolist()) for table in (whole, selected))
    gone = [pairing for pairing in whole.meta.pairings if pairing in before - after]
    return [Message(f"the selection keeps no pair of {together(gone)}")] if gone else []


def _nothing(whole: AffinityTable, selection: Selection) -> NothingToLoad:
    if not len(whole):
        compute = either("compute()", "headgraph compute")
        return NothingToLoad(
            f"the table has no rows, so there is nothing to load: make one with {compute} and a "
            "wider selection"
        )
    top = whole.frame["pk"].max(), whole.frame["z"].max()
    least = ""
    if selection.max_decoy is not None:
        least = f" and smallest decoy_q {whole.frame[schema.DECOY_Q].min():.3g}"
    return NothingToLoad(
        f"the selection ({selection.describe()}) keeps none of the {len(whole):,} pairs in the "
        f"table, whose largest PK is {top[0]:.3g} and largest z {top[1]:.3g}{least}: widen it, or "
        "leave it out to load them all"
    )


def _label_source(labels: AnyLabels, rows: pd.DataFrame) -> str:
    if labels is None:
        return "bundled" if len(rows) else "none"
    return Path(labels).name


def _as_property(value: Any) -> Any:
    """A value that Neo4j can hold: dictionaries become JSON text, alone or in a list."""
    nested = isinstance(value, dict) or (
        isinstance(value, list) and not all(isinstance(item, str) for item in value)
    )
    # An empty list does not show its type. Only lists that may hold dictionaries can be empty.
    return json.dumps(value, sort_keys=True) if nested or value == [] else value
