"""The heads, roles and strongest edges of a run, read from the database."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headgraph.analysis.figures.roles import Head
from headgraph.base.errors import UnknownRun
from headgraph.base.names import PAIRINGS
from headgraph.base.spelling import either
from headgraph.base.text import short
from headgraph.graphdb import schema
from headgraph.graphdb.connection.runner import Runner
from headgraph.graphdb.properties import (
    EDGE,
    HAS_ROLE,
    checked,
    checked_values,
    read_stored,
)
from headgraph.graphdb.runs import chosen_run

if TYPE_CHECKING:
    import pandas as pd

_RUNS = f"""
MATCH (r:{schema.RUN} {{status: $complete}}) WHERE {schema.NAMED}
RETURN r.name AS name ORDER BY name
"""
# pages derive the roles that follow from the weights from the scores of the heads
_LABELS = f"""
MATCH (h:{schema.HEAD} {{run: $run}})-[has:HAS_ROLE]->(role:{schema.ROLE})
WHERE role.name IS NULL OR NOT role.name IN $derived
RETURN h.name AS head, properties(role) AS role, properties(has) AS has
"""
# the number of edges of each rank, so that only edges of the page are sent
_PLACES = f"""
MATCH (:{schema.HEAD} {{run: $run}})-[e]->(:{schema.HEAD} {{run: $run}}) WHERE type(e) IN $pairings
RETURN e.pk_rank AS place, count(*) AS edges ORDER BY place
"""
_EDGES = f"""
MATCH (a:{schema.HEAD} {{run: $run}})-[e]->(b:{schema.HEAD} {{run: $run}})
WHERE type(e) IN $pairings AND e.pk_rank <= $last
RETURN type(e) AS pairing, a.name AS source, b.name AS target, properties(e) AS figures
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
        WrongProperty: a property that headgraph cannot have written.
        GraphError: the database cannot be queried.
    """
    name = _choose([row["name"] for row in graph.read(_RUNS, {"complete": schema.COMPLETE})], run)
    stored = read_stored(graph, name)
    found, places = stored.run, stored.places
    edges = _edges(graph, name, places, most)
    grouped = found.get("n_kv_heads") not in (None, found["n_heads"])
    return StoredRun(
        run=name,
        model=found.get("model", name),
        selection=found.get("selection", "of no known selection"),
        n_layers=found["n_layers"],
        n_heads=found["n_heads"],
        total=found.get("edges", len(edges)),
        edges=edges,
        labels=_labels(graph, name, places),
        facts={places[head["name"]]: facts_of(head, grouped=grouped) for head in stored.heads},
        unequal=found.get("layers") is not None,
        layers=part_names(
            ((head["layer"], head["name"]) for head in stored.heads), found["n_layers"]
        ),
    )


def part_names(heads: Iterable[tuple[int, str]], n_layers: int) -> tuple[str, ...]:
    """Names of all layers from the heads' layers and names; empty if they are `L0`, `L1` and so on.

    >>> part_names([(0, "E0H0"), (0, "E0H1"), (2, "X0H0")], 3)
    ('E0', 'L1', 'X0')
    """
    titles = {layer: name.split("H")[0] for layer, name in heads}
    names = tuple(titles.get(layer, f"L{layer}") for layer in range(n_layers))
    return () if all(name == f"L{layer}" for layer, name in enumerate(names)) else names


def _edges(graph: Runner, run: str, places: Mapping[str, Head], most: int) -> "pd.DataFrame":
    params = {"run": run, "pairings": list(PAIRINGS)}
    ranks = list(graph.read(_PLACES, params))
    checked_values(EDGE, "pk_rank", (row["place"] for row in ranks), run, "an edge")
    last = _last_place([(row["place"], row["edges"]) for row in ranks], most)
    return edge_frame([
        edge_row(row["pairing"], (row["source"], row["target"]), places, row["figures"], run)
        for row in graph.read(_EDGES, {**params, "last": last})
    ])  # fmt: skip


def _labels(graph: Runner, run: str, places: Mapping[str, Head]) -> "pd.DataFrame":
    import pandas as pd

    rows = []
    for row in graph.read(_LABELS, {"run": run, "derived": [*schema.DERIVED_ROLES]}):
        what = f"a role of head {row['head']}"
        role = checked(schema.ROLE, row["role"], run, what)["name"]
        has = checked(HAS_ROLE, row["has"], run, what)
        rows.append((*places[row["head"]], role, has.get("circuit", "")))
    return pd.DataFrame(rows, columns=["layer", "head", "role", "circuit"])


def edge_row(
    pairing: str,
    ends: tuple[str, str],
    places: Mapping[str, Head],
    figures: Mapping[str, Any],
    run: object,
    names: tuple[str, str] | None = None,
) -> dict[str, Any]:
    """An edge as a row of `edge_frame`, without properties that a page cannot show.

    Args:
        pairing: its type.
        ends: keys of its source and target in `places`.
        places: layer and index of each head.
        figures: its properties.
        run: name of the run, for messages.
        names: of the two heads, for messages; by default their keys.

    Raises:
        WrongProperty: a property that headgraph cannot have written.
    """
    source, target = (places[end] for end in ends)
    what = "edge " + f"-{pairing}-".join(names or ends)
    return {
        **_shown(checked(EDGE, figures, run, what)),
        "pairing": pairing,
        "source_layer": source[0],
        "source_head": source[1],
        "target_layer": target[0],
        "target_head": target[1],
    }


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
        for name, value in sorted(_shown(properties).items())
        if name not in unwanted and not name.startswith(_SUMS)
    }


def _shown(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Those properties that a page can show; a user's own may be lists or dates."""
    return {
        name: value for name, value in properties.items() if isinstance(value, str | int | float)
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


def _choose(runs: list[str], run: str | None) -> str:
    try:
        return chosen_run(run, runs)
    except UnknownRun as error:
        if run is None or not runs:
            raise
        compute = either(
            f"compute({short(run)!r}) makes", f"headgraph compute {short(run)} -o FILE writes"
        )
        raise UnknownRun(
            f"{error.message.marked}; {either('headgraph.view', 'headgraph view')} takes a table's "
            f"file as well, and {compute} one of a model"
        ) from error
