"""The server plans what a load will send, while the load itself reads its table.

A server that has just started loads and compiles its planner with the first statements, which takes
longer than to write a small run.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from headgraph.graphdb import Graph
from headgraph.graphdb.connection.runner import Runner

END_S = 1.0
"""Seconds to wait for the statement that is being planned."""


@contextmanager
def warming(graph: Runner | None, statements: Sequence[str]) -> Iterator[Callable[[], None]]:
    """EXPLAIN statements in another thread while the block runs; errors there do not count.

    Yields:
        A function that lets no further statement begin, and waits for the one that has. Planning
        beside statements that run only delays these: it needs the same processors, and its locks
        hold up changes of the schema.
    """
    ended = threading.Event()
    if not isinstance(graph, Graph):
        yield ended.set
        return

    def enough() -> None:
        ended.set()
        thread.join(END_S)

    thread = threading.Thread(
        target=_explain, args=(graph, statements, ended), name="headgraph-warming", daemon=True
    )
    thread.start()
    try:
        yield enough
    finally:
        enough()


def _explain(graph: Graph, statements: Sequence[str], ended: threading.Event) -> None:
    from neo4j.exceptions import DriverError, Neo4jError

    # the load itself says what is wrong with the database
    with suppress(DriverError, Neo4jError, OSError):
        for statement in statements:
            if ended.is_set():
                return
            with graph.session(default_access_mode="READ") as session:
                session.run(f"EXPLAIN {statement}").consume()
