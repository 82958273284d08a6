"""Holds the catalogue against a real server: what files alone cannot show."""

from headgraph.graphdb.runner import Runner
from headgraph.queries.errors import CatalogueError, Refused
from headgraph.queries.guard import check_statement
from headgraph.queries.library import catalogue
from headgraph.queries.runner import all_values, given_values
from headgraph.queries.stored_query import Query
from headgraph.queries.values import example


def check(graph: Runner) -> dict[str, tuple[str, ...]]:
    """Explain and run every stored query, with its defaults and a head that there may not be.

    Returns:
        The server's remarks by name of query, for those that have any. A graph that was opened with
        `quiet=False` makes them, and a property that no node has yet is one.

    Raises:
        CatalogueError: a query is no plain read of the graph, or its columns are not those of its
            header.
    """
    return {
        query.name: remarks
        for query in catalogue().values()
        if (remarks := check_query(query, graph))
    }


def check_query(query: Query, graph: Runner, run: str = "") -> tuple[str, ...]:
    """Check one query; the server's remarks on it."""
    required = {p.name: example(p.type) for p in query.params.values() if p.required}
    required.pop("run", None)
    values = all_values(query, given_values(query, required), run)
    try:
        check_statement(query.cypher, graph, values)
    except Refused as refused:
        raise CatalogueError(f"{query.path.name}: {refused}") from refused
    result = graph.read(query.cypher, values)
    wanted = [column.name for column in query.columns]
    if list(result.columns) != wanted:
        raise CatalogueError(
            f"{query.path.name}: it returns {', '.join(result.columns)} and its header says "
            f"{', '.join(wanted)}"
        )
    return graph.plan(query.cypher, values).notifications
