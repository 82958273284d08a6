"""Whether the disk has room, asked before a run is written to the local server or deleted there.

A disk that fills while Neo4j writes can cost more than the load: see docs/project/decisions.md.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from headgraph.graphdb.address import Settings
from headgraph.graphdb.runner import Runner
from headgraph.loader._batches import edge_properties
from headgraph.loader._plan import LoadPlan

AN_EDGE = 700
"""Bytes of an edge with the usual properties, a quarter more than `benchmarks.disk` found in the
transaction log and the store together, of 1,000,000 edges with their indexes of ranks."""

A_PROPERTY = 40
"""Bytes of each further property; they take about half of it."""

USUAL = 6
"""Properties of an edge that has PK alone."""

A_HEAD = 2_000
"""Bytes of a head; it takes about two thirds of it."""

ROOM = 40_000_000
"""Bytes that any load needs: the next file of the log, the indexes, and some to spare."""


def needed(plan: LoadPlan) -> int:
    """Bytes of the disk that a load of this plan may take, more rather than fewer."""
    further = max(0, len(edge_properties(plan.table)) - USUAL)
    return _bytes(plan.n_heads, len(plan.edges)) + len(plan.edges) * further * A_PROPERTY


def needed_to_drop(runs: Iterable[Mapping[str, Any]]) -> int:
    """Bytes that the log of a deletion may take; the store gives none back."""
    rows = list(runs)
    return _bytes(sum(row["heads"] for row in rows), sum(row["edges"] for row in rows))


def _bytes(heads: int, edges: int) -> int:
    return ROOM + heads * A_HEAD + edges * AN_EDGE


def refuse_without_room(graph: Runner, wanted: int) -> None:
    """Raise ServerError where the database is the local server, and its disk has fewer bytes left.

    Of other databases nobody here can tell how much room they have.
    """
    from headgraph.graphdb.server.home import refuse_full_disk
    from headgraph.graphdb.server.running_server import home_of

    settings: Settings | None = getattr(graph, "settings", None)
    home = None if settings is None else home_of(settings)
    if home is not None:
        refuse_full_disk(home.data, wanted)
