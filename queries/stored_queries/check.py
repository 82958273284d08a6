"""Checks the catalogue against a real server."""

from headgraph.graphdb.connection.runner import Runner
from headgraph.queries.errors import CatalogueError, Refused
from headgraph.queries.statements.guard import check_statement
from headgraph.queries.stored_queries.library import catalogue
from headgraph.queries.stored_queries.query import Query
from headgraph.queries.stored_queries.values import all_values, example, given_values


def check(graph: Runner) -> dict[str, tuple[str, ...]]:
    """Explain and run every stored query, with its defaults and with a head that need not exist.

    Args:
        graph: an open database. The server makes remarks only where `quiet=False` opened it.

    Returns:
        The server's remarks by name of query, for queries that have any. A property that no node
        has yet gives a remark.

    Raises:
        CatalogueError: a query is not a plain read of the graph, or its columns differ from its
            header.
    """
    return {
        query.name: remarks
        for query in catalogue().values()
        if (remarks := check_query(query, graph))
    }


def check_query(query: Query, graph: Runner, run: str = "no run") -> tuple[str, ...]:
    """Check one query and return the server's remarks on it; errors as `check`.

    The server plans a statement anew for texts of another order of length, so the run that it asks
    about, which need not exist, has a name about as long as others.
    """
    required = {p.name: example(p.type) for p in query.params.values() if p.required}
    required.pop("run", None)
    values = all_values(query, given_values(query, required), run)
    try:
        plan = check_statement(query.cypher, graph, values)
    except Refused as refused:
        raise CatalogueError(f"{query.path.name}: {refused.message.marked}") from refused
    result = graph.read(query.cypher, values)
    declared = [column.name for column in query.columns]
    if list(result.columns) != declared:
        raise CatalogueError(
            f"{query.path.name}: it returns {', '.join(result.columns)} and its header says "
            f"{', '.join(declared)}"
        )
    return plan.notifications
