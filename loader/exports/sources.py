"""The source of an exported graph: a table, as a load writes it, or a run in the database."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from headgraph.base.names import PAIRINGS
from headgraph.graphdb import schema
from headgraph.graphdb.connection.runner import Runner
from headgraph.graphdb.properties import (
    EDGE,
    HAS_ROLE,
    checked,
    checked_values,
    edge_kinds,
    read_stored,
)
from headgraph.graphdb.results.result import plain
from headgraph.graphdb.runs import chosen_run
from headgraph.loader.errors import ExportError
from headgraph.loader.exports.content import (
    FIRST,
    ROLE_FIRST,
    HeadNode,
    HeadRole,
    RunGraph,
    in_column_order,
    in_order,
    in_role_order,
    one_kind,
)
from headgraph.loader.loading.edges import Batch, batches, edge_properties
from headgraph.loader.loading.plan import AnyLabels, LoadPlan, plan_load
from headgraph.pk_engine.table.selection import Selection
from headgraph.pk_engine.table.sources import AnyTable

_RUNS = f"""
MATCH (r:{schema.RUN} {{status: $complete}}) WHERE {schema.NAMED}
RETURN r.name AS name ORDER BY name
"""
_RUN = f"MATCH (r:{schema.RUN} {{name: $run}}) RETURN properties(r) AS properties"
_ROLES = f"""
MATCH (h:{schema.HEAD} {{run: $run}})-[has:HAS_ROLE]->(role:{schema.ROLE})
RETURN h.name AS head, properties(role) AS role, properties(has) AS properties
"""
_COUNTS = f"""
MATCH (:{schema.HEAD} {{run: $run}})-[e]->(:{schema.HEAD}) WHERE type(e) IN $pairings
RETURN type(e) AS pairing, count(*) AS edges
"""
# A list per source head; one row per edge reads ten times slower.
_EDGES = f"""
MATCH (a:{schema.HEAD} {{run: $run}}) WHERE a.layer = $layer
MATCH (a)-[e:%s]->(b:{schema.HEAD})
WITH a, e, b ORDER BY b.layer, b.head
WITH a, collect([b.layer * $n + b.head] + [key IN $columns | e[key]]) AS edges
RETURN a.layer * $n + a.head AS source, edges ORDER BY source
"""
_TIMES = ("loaded_at", "started_at")  # of one load; all other properties are of the run
_KIND_OF = {"INTEGER": "integer", "FLOAT": "float", "BOOLEAN": "boolean", "STRING": "string"}
_WHOLE = ("pk_rank", "kv_head")


def content_of(
    source: AnyTable | None,
    graph: "Runner | None",
    *,
    selection: Selection | None,
    labels: AnyLabels,
    name: str | None,
) -> RunGraph:
    """The graph of a table or run; arguments and errors as `to_networkx`."""
    if graph is None:
        if source is None:
            raise ExportError("no graph is named: give a table, or a database that has a run")
        return graph_of_plan(plan_load(source, name, selection, labels, keyword="name"))
    if selection is not None or labels is not None or name is not None:
        raise ExportError(
            "selection, labels and name belong to a table: a run has the edges, roles and name "
            "with which it was loaded"
        )
    if source is not None and not isinstance(source, str):
        raise ExportError(
            f"with a database, expected the name of a run, got {type(source).__name__}: give a "
            "name, or leave out the database"
        )
    return graph_of_run(graph, source)


def graph_of_plan(plan: LoadPlan) -> RunGraph:
    """The graph that a load of this plan would make; edges are made of table rows in batches."""
    roles = _planned_roles(plan)
    names = edge_properties(plan.table)
    run = {**plan.run_properties(), "name": plan.name, "status": schema.COMPLETE}
    return RunGraph(
        run={name: value for name, value in sorted(run.items()) if value is not None},
        heads=_planned_heads(plan, roles),
        roles=roles,
        columns={name: "integer" if name in _WHOLE else "float" for name in names},
        n_edges=len(plan.edges),
        batches=lambda: batches(plan.table, plan.edges),
        notes=plan.notes,
    )


def _planned_roles(plan: LoadPlan) -> list[HeadRole]:
    rows = [
        HeadRole(row["head"], role, row["properties"])
        for role, found in plan.role_rows().items()
        for row in found
    ]
    return in_role_order(rows, [name for name, *_ in plan.head_rows()])


def _planned_heads(plan: LoadPlan, roles: list[HeadRole]) -> dict[int, HeadNode]:
    labels: dict[str, set[str]] = {}
    for head, role, _ in roles:
        labels.setdefault(head, set()).add(schema.role_label(role))
    return {
        place: HeadNode(
            (schema.HEAD, *sorted(labels.get(name, ()))),
            dict(zip(FIRST, (f"{plan.id}:{name}", plan.name, name, *numbers), strict=True)) | sums,
        )
        for place, (name, *numbers, sums) in enumerate(plan.head_rows())
    }


def graph_of_run(graph: Runner, run: str | None = None) -> RunGraph:
    """The graph of a complete run.

    Args:
        graph: an open database.
        run: its name; None for the only one there is.

    Raises:
        UnknownRun: no such run, or several where none is named.
        WrongProperty: a property that headgraph cannot have written.
        ExportError: an edge has a property that files do not hold, or the run is changed while
            `batches` reads its edges.
        GraphError: the database cannot be read.
    """
    name = _chosen(graph, run)
    params = {"run": name, "pairings": list(PAIRINGS)}
    stored = read_stored(graph, name)
    properties = _clean(stored.run)
    # layers can have fewer heads, or none
    places = {_place(head, properties): index for index, head in enumerate(stored.heads)}
    pairs = zip(stored.heads, stored.labels, strict=True)  # by layer, then head
    heads = {index: _head(head, labels) for index, (head, labels) in enumerate(pairs)}
    counts = {row["pairing"]: row["edges"] for row in graph.read(_COUNTS, params)}
    columns = _columns(graph, name, properties)
    reading = _Reading(graph, params["run"], properties, counts, columns, places)
    return RunGraph(
        run={name: properties[name] for name in sorted(properties) if name not in _TIMES},
        heads=heads,
        roles=_roles(graph, params, heads),
        columns=columns,
        n_edges=sum(counts.values()),
        batches=reading.batches,
    )


class _Reading:
    """Edges of a run, read in batches, with a check that the run did not change meanwhile."""

    def __init__(
        self,
        graph: Runner,
        run: Any,
        properties: Mapping[str, Any],
        counts: Mapping[str, int],
        columns: Mapping[str, str],
        places: Mapping[int, int],
    ) -> None:
        self.graph, self.run, self.properties = graph, run, properties
        self.counts, self.columns, self.places = counts, columns, places

    def batches(self) -> Iterator[Batch]:
        """All edges, one pairing and source layer at a time."""
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
        for place, name in enumerate(self.columns, start=1):
            values = (edge[place] for _, edges in rows for edge in edges)
            checked_values(EDGE, name, values, self.run, f"an {pairing} edge")
        at = self.places
        return [
            [at[source], [[at[edge[0]], *(_value(it) for it in edge[1:])] for edge in edges]]
            for source, edges in rows
        ]

    def _check(self, pairing: str, found: int) -> None:
        now = self.graph.read(_RUN, {"run": self.run}).rows
        if found != self.counts[pairing] or not now or now[0][0].get("id") != self.properties["id"]:
            raise ExportError(
                f"the run {self.run} was changed while it was read ({found:,} {pairing} edges were "
                f"there, expected {self.counts[pairing]:,}): export it again"
            )


def _chosen(graph: Runner, run: str | None) -> str:
    names = [row["name"] for row in graph.read(_RUNS, {"complete": schema.COMPLETE})]
    return chosen_run(run, names)


def _place(head: Mapping[str, Any], run: Mapping[str, Any]) -> int:
    return int(head["layer"] * run["n_heads"] + head["head"])


def _head(properties: Mapping[str, Any], labels: list[str]) -> HeadNode:
    others = sorted(set(labels) - {schema.HEAD})
    return HeadNode((schema.HEAD, *others), in_order(_clean(properties), FIRST))


def _roles(
    graph: Runner, params: Mapping[str, Any], heads: Mapping[int, HeadNode]
) -> list[HeadRole]:
    rows = [
        _role(row["head"], row["role"], row["properties"], params["run"])
        for row in graph.read(_ROLES, params)
    ]
    return in_role_order(rows, [head.name for head in heads.values()])


def _role(head: str, role: Mapping[str, Any], has: Mapping[str, Any], run: str) -> HeadRole:
    what = f"a role of head {head}"
    name = checked(schema.ROLE, role, run, what)["name"]
    return HeadRole(head, name, in_order(_clean(checked(HAS_ROLE, has, run, what)), ROLE_FIRST))


def _columns(graph: Runner, run: str, properties: Mapping[str, Any]) -> dict[str, str]:
    """As `loading.edges.edge_properties`, with the properties that were added later."""
    found = {name: _kind(name, kinds) for name, kinds in edge_kinds(graph, run).items()}
    decoys = any(name.startswith(schema.DECOY_SCORED) for name in properties)
    always = {"kv_head": "integer", **({schema.DECOY_Q: "float"} if decoys else {})}
    return in_column_order(always | found, properties)


def _kind(name: str, kinds: list[str]) -> str:
    """One of our kinds for types of Neo4j such as `FLOAT`."""
    if strange := sorted({*kinds} - _KIND_OF.keys()):
        raise ExportError(
            f"edges have the property {name} of type {strange[0].lower()}: expected numbers, text "
            "or true and false, which files hold"
        )
    return one_kind(name, {_KIND_OF[kind] for kind in kinds})


def _clean(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Values that every format holds: dates become text, NaN and infinity are left out."""
    values = {name: _value(plain(value)) for name, value in properties.items()}
    return {name: value for name, value in values.items() if value is not None}


def _value(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
