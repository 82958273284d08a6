"""An import before it reaches a database: the run as it is written, and its final name and id."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from headgraph.base.errors import HeadgraphError
from headgraph.base.files.documents import parse_json
from headgraph.graphdb import schema
from headgraph.loader._database import new_token
from headgraph.loader._disk_space import needed
from headgraph.loader._runs import check_name, run_id
from headgraph.loader.exports import node_link
from headgraph.loader.exports.content import FIRST, HeadNode, RunGraph
from headgraph.loader.imports.reading import read
from headgraph.pk_engine.table.selection import Selection


@dataclass(frozen=True, eq=False, kw_only=True)
class ImportPlan:
    """A run of a file as it will be in the database.

    Attributes:
        id: of the Run until it is published. Every import has its own, so that a run of the same
            id can be there until then.
        content: the run under its final name and id.
        file: where it comes from.
    """

    id: str
    content: RunGraph
    file: Path

    @property
    def name(self) -> str:
        """The run's final name."""
        return str(self.content.run["name"])

    @property
    def final_id(self) -> str:
        """The run's id from its publication on."""
        return str(self.content.run["id"])

    @property
    def n_heads(self) -> int:
        """Number of heads."""
        return len(self.content.heads)

    @property
    def n_edges(self) -> int:
        """Number of edges."""
        return self.content.n_edges

    @property
    def edge_names(self) -> tuple[str, ...]:
        """Names of the properties of edges, in the order of the batches."""
        return tuple(self.content.columns)

    @property
    def labelled(self) -> int:
        """Number of heads with a role other than those that headgraph derives from the weights."""
        derived = {"circuit": schema.DERIVED_CIRCUIT}.items()
        return len(
            {head for head, _, said in self.content.roles if not derived <= dict(said).items()}
        )

    @property
    def disk_bytes(self) -> int:
        """Upper estimate of the bytes of disk that the import takes."""
        return needed(self.n_heads, self.n_edges, len(self.edge_names))

    def run_properties(self) -> dict[str, Any]:
        """Properties of the Run node, except those that publication adds."""
        run = {key: value for key, value in self.content.run.items() if key != "name"}
        return {**run, "id": self.id}

    def head_rows(self) -> list[list[Any]]:
        """Name, layer, head, key/value head and all other properties of every head."""
        return [
            [*(head.properties.get(name) for name in ("name", "layer", "head", "kv_head")),
             {name: value for name, value in head.properties.items() if name not in FIRST}]
            for head in self.content.heads.values()
        ]  # fmt: skip

    def labels(self) -> dict[str, list[str]]:
        """Labels other than Head -> names of heads."""
        found: dict[str, list[str]] = {}
        for head in self.content.heads.values():
            for label in head.labels[1:]:
                found.setdefault(label, []).append(head.name)
        return found

    def role_rows(self) -> dict[str, list[dict[str, Any]]]:
        """By role, a row per head: its name as `head`, and `properties` of its HAS_ROLE."""
        rows: dict[str, list[dict[str, Any]]] = {}
        for head, role, properties in self.content.roles:
            rows.setdefault(role, []).append({"head": head, "properties": dict(properties)})
        return rows


def plan_import(file: Path, name: str | None, format: str | None) -> ImportPlan:
    """Read and check a file, without a database.

    Args:
        file: an exported file.
        name: of the run; None for that in the file.
        format: as for `reading.read`.

    Raises:
        UnreadableExport, ExportError: as `reading.read`.
        BadRunName: `name` cannot be a name.
    """
    if name is not None:
        check_name(name)
    content = read(file, format)
    if name is not None and name != content.run["name"]:
        content = _renamed(content, name)
    return ImportPlan(id=new_token() + new_token(), content=content, file=file)


def content_sha256(content: RunGraph) -> str:
    """Hash of everything that an export of the run would have."""
    digest = _Digest()
    node_link.write(content, digest)  # type: ignore[arg-type]
    return digest.hash.hexdigest()


class _Digest:
    """A stream that keeps a hash of what is written."""

    def __init__(self) -> None:
        self.hash = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.hash.update(data)
        return len(data)


def _renamed(content: RunGraph, name: str) -> RunGraph:
    new_id = _new_id(content.run, name)
    heads = {
        place: HeadNode(
            head.labels, {**head.properties, "id": f"{new_id}:{head.name}", "run": name}
        )
        for place, head in content.heads.items()
    }
    return replace(content, run={**content.run, "name": name, "id": new_id}, heads=heads)


def _new_id(run: Mapping[str, Any], name: str) -> str:
    """The id that a load of the same table and selection under this name gives.

    The selection of the load is the last of the run's rules, or none of them: the id in the file
    shows which. If it shows neither, the new id is derived from the old one.
    """
    rules = []
    try:
        rules = parse_json(run.get("selection_rules", "[]"), source="", kind=list)
        loads = [Selection(), *(Selection(**rule) for rule in rules[-1:])]
    except (HeadgraphError, TypeError):
        loads = [Selection()]
    for selection in loads:
        if run_id(run["name"], run["table_sha256"], selection) == run["id"]:
            return run_id(name, run["table_sha256"], selection)
    return hashlib.sha256(json.dumps([name, run["id"]]).encode()).hexdigest()
