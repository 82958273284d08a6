"""The heads, roles and strongest edges of a run, read from the database."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headgraph.analysis.figures.roles import Head
from headgraph.base.errors import UnknownRun
from headgraph.base.names import PAIRINGS
from headgraph.base.spelling import either
from headgraph.base.text import short
from headgraph.graphdb import schema
from headgraph.graphdb.runner import Runner
from headgraph.graphdb.runs import chosen_run

if TYPE_CHECKING:
    import pandas as pd

_RUNS = f"""
MATCH (r:{schema.RUN} {{status: $complete}}) WHERE r.name IS NOT NULL
RETURN r.name AS name, r.model AS model, r.n_layers AS n_layers, r.n_heads AS n_heads,
       r.n_kv_heads AS n_kv_heads, properties(r).layers IS NOT NULL AS unequal, r.edges AS edges,
       r.selection AS selection ORDER BY name
"""
_TITLES = f"""
MATCH (h:{schema.HEAD} {{run: $run}})
RETURN DISTINCT h.layer AS layer, split(h.name, "H")[0] AS title
"""
_HEADS = f"""
MATCH (h:{schema.HEAD} {{run: $run}})
RETURN h.layer AS layer, h.head AS head, properties(h) AS facts
"""
# pages derive the roles that follow from the weights from the scores of the heads
_LABELS = f"""
MATCH (h:{schema.HEAD} {{run: $run}})-[has:HAS_ROLE]->(role:{schema.ROLE})
WITH h, has, role WHERE NOT role.name IN $derived
RETURN h.layer AS layer, h.head AS head, role.name AS role, coalesce(has.circuit, '') AS circuit
"""
# the number of edges of each rank, so that only edges of the page are sent
_PLACES = f"""
MATCH (:{schema.HEAD} {{run: $run}})-[e]->(:{schema.HEAD}) WHERE type(e) IN $pairings
RETURN e.pk_rank AS place, count(*) AS edges ORDER BY place
"""
_EDGES = f"""
MATCH (a:{schema.HEAD} {{run: $run}})-[e]->(b:{schema.HEAD})
WHERE type(e) IN $pairings AND e.pk_rank <= $last
RETURN type(e) AS pairing, a.layer AS source_layer, a.head AS source_head,
       b.layer AS target_layer, b.head AS target_head, properties(e) AS figures
"""
EDGE_COLUMNS = ("pairing", "source_layer", "source_head", "target_layer", "target_head", "pk",
                "pk_normalized", "z", "pk_rank", "share", "kv_head")  # fmt: skip
_NOT_FACTS = {"id", "run", "name", "layer", "head"}
# sums over all edges of the run; the page sums the edges that it shows
_SUMS = (f"{schema.INLET}_", f"{schema.OUTLET}_")


@dataclass(frozen=True)
class StoredRun:
    """A run in the database; `labels` have the columns of `pk_engine.labels.labels_for`."""

    run: str
    model: str
    selection: str
    n_layers: int
    n_heads: int
    total: int
    edges: "pd.DataFrame"
    labels: "pd.DataFrame"
    facts: Mapping[Head, Mapping[str, Any]]
    unequal: bool = False
    layers: tuple[str, ...] = ()


def read_run(graph: Runner, run: str | None, most: int) -> StoredRun:
    """Read a run's heads and its edges of the best ranks, about `most` of them.

    Raises:
        UnknownRun: no such run, or several runs and no name.
        GraphError: the database cannot be queried.
    """
    import pandas as pd

    found = _choose({row["name"]: row for row in graph.read(_RUNS, {"complete": schema.COMPLETE})},
                    run)  # fmt: skip
    params = {"run": found["name"], "pairings": list(PAIRINGS)}
    last = _last_place([(row["place"], row["edges"]) for row in graph.read(_PLACES, params)], most)
    rows = [
        {**row["figures"], **{key: value for key, value in row.items() if key != "figures"}}
        for row in map(dict, graph.read(_EDGES, {**params, "last": last}))
    ]
    labels = graph.read(_LABELS, {**params, "derived": [*schema.DERIVED_ROLES]})
    grouped = found["n_kv_heads"] != found["n_heads"]
    return StoredRun(
        run=found["name"],
        model=found["model"],
        selection=found["selection"],
        n_layers=found["n_layers"],
        n_heads=found["n_heads"],
        total=found["edges"],
        edges=edge_frame(rows),
        labels=pd.DataFrame(labels.rows, columns=["layer", "head", "role", "circuit"]),
        facts=_facts(graph, params, grouped=grouped),
        unequal=found["unequal"],
        layers=_titles(graph, params, found["n_layers"]) if found["unequal"] else (),
    )


def _titles(graph: Runner, params: Mapping[str, Any], n_layers: int) -> tuple[str, ...]:
    found = {row["layer"]: row["title"] for row in graph.read(_TITLES, params)}
    return part_names(found, n_layers)


def part_names(titles: Mapping[int, str], n_layers: int) -> tuple[str, ...]:
    """Names of all layers from those of layers with heads; empty if they are `L0`, `L1` and so on.

    >>> part_names({0: "E0", 2: "X0"}, 3)
    ('E0', 'L1', 'X0')
    """
    names = tuple(titles.get(layer, f"L{layer}") for layer in range(n_layers))
    return () if all(name == f"L{layer}" for layer, name in enumerate(names)) else names


def edge_frame(rows: list[dict[str, Any]]) -> "pd.DataFrame":
    """Edges with the columns that every edge has, then any other figures."""
    import pandas as pd

    frame = pd.DataFrame(rows)
    frame = frame.reindex(columns=[*EDGE_COLUMNS, *sorted(set(frame.columns) - set(EDGE_COLUMNS))])
    return frame.assign(
        kv_head=frame["kv_head"].fillna(-1).astype(int), share=frame["share"].fillna(1.0)
    )


def facts_of(properties: Mapping[str, Any], *, grouped: bool) -> dict[str, Any]:
    """A head's properties other than its name and place."""
    unwanted = _NOT_FACTS if grouped else {*_NOT_FACTS, "kv_head"}
    return {
        name: value
        for name, value in sorted(properties.items())
        if name not in unwanted
        and not name.startswith(_SUMS)
        and isinstance(value, str | int | float)
    }


def _facts(graph: Runner, params: Mapping[str, Any], *, grouped: bool) -> dict[Head, Any]:
    return {
        (row["layer"], row["head"]): facts_of(row["facts"], grouped=grouped)
        for row in graph.read(_HEADS, params)
    }


def _last_place(places: list[tuple[int, int]], most: int) -> int:
    """The last rank up to which there are at most `most` edges, but at least the first rank."""
    last, edges = (places[0][0] if places else 0), 0
    for place, more in places:
        edges += more
        if edges > most:
            break
        last = place
    return last


def _choose(runs: Mapping[str, Any], run: str | None) -> Any:
    try:
        return runs[chosen_run(run, runs)]
    except UnknownRun as error:
        if run is None or not runs:
            raise
        compute = either(
            f"compute({short(run)!r}) makes", f"headgraph compute {short(run)} -o FILE writes"
        )
        raise UnknownRun(
            f"{error.message.both}; {either('headgraph.view', 'headgraph view')} takes a table's "
            f"file as well, and {compute} one of a model"
        ) from error
