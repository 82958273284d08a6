"""The graph of a run in the database, its edges read pairing by pairing and layer by layer."""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from headgraph.base.names import PAIRINGS
from headgraph.base.text import listed, short
from headgraph.graphdb import schema
from headgraph.graphdb.result import plain
from headgraph.graphdb.runner import Runner
from headgraph.graphdb.runs import chosen_run
from headgraph.loader._batches import SCORES, Batch
from headgraph.loader.errors import ExportError
from headgraph.loader.exports.content import (
    FIRST,
    ROLE_FIRST,
    HeadNode,
    HeadRole,
    RunGraph,
    in_order,
    in_role_order,
    one_kind,
)

_RUNS = f"""
MATCH (r:{schema.RUN} {{status: $complete}}) WHERE r.name IS NOT NULL
RETURN r.name AS name ORDER BY name
"""
_RUN = f"MATCH (r:{schema.RUN} {{name: $run}}) RETURN properties(r) AS properties"
_HEADS = f"""
MATCH (h:{schema.HEAD} {{run: $run}})
RETURN labels(h) AS labels, properties(h) AS properties ORDER BY h.layer, h.head
"""
_ROLES = f"""
MATCH (h:{schema.HEAD} {{run: $run}})-[has:HAS_ROLE]->(role:{schema.ROLE})
RETURN h.name AS head, role.name AS role, properties(has) AS properties
"""
_KINDS = f"""
MATCH (:{schema.HEAD} {{run: $run}})-[e]->(:{schema.HEAD}) WHERE type(e) IN $pairings
UNWIND keys(e) AS key
RETURN key, collect(DISTINCT valueType(e[key])) AS kinds ORDER BY key
"""
_COUNTS = f"""
MATCH (:{schema.HEAD} {{run: $run}})-[e]->(:{schema.HEAD}) WHERE type(e) IN $pairings
RETURN type(e) AS pairing, count(*) AS edges
"""
# a list per source head: one row per edge reads ten times slower
_EDGES = f"""
MATCH (a:{schema.HEAD} {{run: $run}}) WHERE a.layer = $layer
MATCH (a)-[e:%s]->(b:{schema.HEAD})
WITH a, e, b ORDER BY b.layer, b.head
WITH a, collect([b.layer * $n + b.head] + [key IN $columns | e[key]]) AS edges
RETURN a.layer * $n + a.head AS source, edges ORDER BY source
"""
_NEEDED = ("id", "n_layers", "n_heads", "metrics", "pairings")
_TIMES = ("loaded_at", "started_at")  # of this load, where all else is of the run
_KIND_OF = {"INTEGER": "integer", "FLOAT": "float", "BOOLEAN": "boolean", "STRING": "string"}


def graph_of_run(graph: Runner, run: str | None = None) -> RunGraph:
    """The graph of a complete run.

    Args:
        graph: an open database.
        run: its name; None for the only one there is.

    Raises:
        UnknownRun: no such run, or several where none is named.
        ExportError: a run that headgraph did not make; edges with properties that files do not
            hold; or the run is changed while it is read (while `batches` gives its edges).
        GraphError: the database cannot be asked.
    """
    params = {"run": _chosen(graph, run), "pairings": list(PAIRINGS)}
    properties = _clean(graph.read(_RUN, params).single())
    if lacking := [name for name in _NEEDED if name not in properties]:
        raise ExportError(
            f"the run {short(params['run'])} lacks {listed(lacking)}, so headgraph did not make "
            "it: "
            "expected a run of headgraph load"
        )
    rows = list(graph.read(_HEADS, params))
    heads = {_place(row["properties"], properties): _head(row) for row in rows}
    counts = {row["pairing"]: row["edges"] for row in graph.read(_COUNTS, params)}
    columns = _columns(graph, params, properties)
    reading = _Reading(graph, params["run"], properties, counts, columns)
    return RunGraph(
        run={name: properties[name] for name in sorted(properties) if name not in _TIMES},
        heads=heads,
        roles=_roles(graph, params, heads),
        columns=columns,
        n_edges=sum(counts.values()),
        batches=reading.batches,
    )


class _Reading:
    """Reads the edges of a run, and sees at the end whether it still is the run that it was."""

    def __init__(
        self,
        graph: Runner,
        run: Any,
        properties: Mapping[str, Any],
        counts: Mapping[str, int],
        columns: Mapping[str, str],
    ) -> None:
        self.graph, self.run, self.properties = graph, run, properties
        self.counts, self.columns = counts, columns

    def batches(self) -> Iterator[Batch]:
        """All edges, those of a pairing and of a source's layer at a time."""
        for pairing in (name for name in PAIRINGS if name in self.counts):
            found = 0
            for layer in range(self.properties["n_layers"]):
                groups = self._groups(pairing, layer)
                size = sum(len(edges) for _, edges in groups)
                found += size
                if size:
                    yield Batch(pairing, size, groups)
            self._check(pairing, found)

    def _groups(self, pairing: str, layer: int) -> list[list[Any]]:
        params = {"run": self.run, "layer": layer, "n": self.properties["n_heads"]}
        params["columns"] = list(self.columns)
        rows = self.graph.read(_EDGES % pairing, params).rows
        return [[source, [[_value(it) for it in edge] for edge in edges]] for source, edges in rows]

    def _check(self, pairing: str, found: int) -> None:
        now = self.graph.read(_RUN, {"run": self.run}).rows
        if found != self.counts[pairing] or not now or now[0][0]["id"] != self.properties["id"]:
            raise ExportError(
                f"the run {self.run} was changed while it was read ({found:,} {pairing} edges were "
                f"there, expected {self.counts[pairing]:,}): export it again"
            )


def _chosen(graph: Runner, run: str | None) -> str:
    names = [row["name"] for row in graph.read(_RUNS, {"complete": schema.COMPLETE})]
    return chosen_run(run, names)


def _place(head: Mapping[str, Any], run: Mapping[str, Any]) -> int:
    return int(head["layer"] * run["n_heads"] + head["head"])


def _head(row: Mapping[str, Any]) -> HeadNode:
    labels = sorted(set(row["labels"]) - {schema.HEAD})
    return HeadNode((schema.HEAD, *labels), in_order(_clean(row["properties"]), FIRST))


def _roles(
    graph: Runner, params: Mapping[str, Any], heads: Mapping[int, HeadNode]
) -> list[HeadRole]:
    rows = [
        HeadRole(row["head"], row["role"], in_order(_clean(row["properties"]), ROLE_FIRST))
        for row in graph.read(_ROLES, params)
    ]
    return in_role_order(rows, [head.name for head in heads.values()])


def _columns(graph: Runner, params: Mapping[str, Any], run: Mapping[str, Any]) -> dict[str, str]:
    """As `loader._batches.edge_properties` has them; what somebody added comes after its scores."""
    found = {row["key"]: _kind(row["key"], row["kinds"]) for row in graph.read(_KINDS, params)}
    nulls = json.loads(run.get("nulls", "{}"))
    known = [*SCORES, *(name for name in run["metrics"] if name != "pk")]
    known += [f"{kind}_{name}" for name in nulls for kind in "zpq"]
    kinds = {"kv_head": "integer", **found}
    first = [name for name in known if name in kinds]
    added = sorted(kinds.keys() - {*first, "kv_head"})
    return {name: kinds[name] for name in [*first, *added, "kv_head"]}


def _kind(name: str, kinds: list[str]) -> str:
    """Neo4j's `FLOAT NOT NULL` as one of ours."""
    words = {kind.removesuffix(" NOT NULL") for kind in kinds}
    if strange := sorted(words - _KIND_OF.keys()):
        raise ExportError(
            f"edges have the property {name} of type {strange[0].lower()}: expected numbers, text "
            "or true and false, which files hold"
        )
    return one_kind(name, {_KIND_OF[word] for word in words})


def _clean(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Values that every format holds: dates become text, and what is no number is left out."""
    values = {name: _value(plain(value)) for name, value in properties.items()}
    return {name: value for name, value in values.items() if value is not None}


def _value(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
