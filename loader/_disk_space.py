"""Room on the local server's disk, checked before a run is written or deleted there.

A disk that fills while Neo4j writes can cost more than the load: see docs/project/decisions.md.
"""

from headgraph.graphdb.connection.address import Settings
from headgraph.graphdb.connection.runner import Runner

AN_EDGE = 700
"""Bytes of an edge with the usual properties: a quarter more than `benchmarks.disk` measured for
transaction log and store together, with 1,000,000 edges and the indexes of their ranks."""

A_PROPERTY = 40
"""Bytes of each further property; the measured size is about half."""

USUAL = 6
"""Properties of an edge that has PK alone."""

A_HEAD = 2_000
"""Bytes of a head; the measured size is about two thirds."""

ROOM = 40_000_000
"""Bytes that any change needs: the next file of the log, the indexes, and a reserve."""


def needed(heads: int, edges: int, properties: int = USUAL) -> int:
    """Upper estimate of the bytes of disk that a load takes, or the log of a deletion.

    A deletion does not free store space.

    Args:
        heads: number of heads.
        edges: number of edges.
        properties: number of properties of each edge.
    """
    further = max(0, properties - USUAL)
    return ROOM + heads * A_HEAD + edges * (AN_EDGE + further * A_PROPERTY)


def refuse_without_room(graph: Runner, wanted: int) -> None:
    """Raise ServerError if the database is the local server and its disk has fewer bytes left.

    The free space of other servers cannot be seen from here.
    """
    from headgraph.graphdb.server.home.folder import refuse_full_disk
    from headgraph.graphdb.server.running_server import home_of

    settings: Settings | None = getattr(graph, "settings", None)
    home = None if settings is None else home_of(settings)
    if home is not None:
        refuse_full_disk(home.data, wanted)
