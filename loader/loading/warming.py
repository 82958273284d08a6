"""The server plans what a load will write, beside the first steps of the load.

A server that has just started loads the classes of its planner with the first statement that needs
each, which takes longer than to write a small run.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from headgraph.graphdb import Graph
from headgraph.graphdb.connection.runner import Runner

END_S = 1.0
"""Seconds to wait for the statement that is being planned when the load ends."""


@contextmanager
def warming(graph: Runner | None, statements: Sequence[str]) -> Iterator[None]:
    """EXPLAIN statements in another thread while the block runs; errors there do not count."""
    if not isinstance(graph, Graph):
        yield
        return
    ended = threading.Event()
    thread = threading.Thread(
        target=_explain, args=(graph, statements, ended), name="headgraph-warming", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(END_S)


def _explain(graph: Graph, statements: Sequence[str], ended: threading.Event) -> None:
    from neo4j.exceptions import DriverError, Neo4jError

    # the load itself says what is wrong with the database
    with suppress(DriverError, Neo4jError, OSError):
        for statement in statements:
            if ended.is_set():
                return
            with graph.session(default_access_mode="READ") as session:
                session.run(f"EXPLAIN {statement}").consume()
