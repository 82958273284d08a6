"""A database that takes connections and then says nothing, or no longer does."""

from headgraph.graphdb._unreachable import not_reachable
from headgraph.graphdb.address import Settings
from headgraph.graphdb.errors import NotReachable


def lost(settings: Settings, error: BaseException, *, answered: bool) -> NotReachable:
    """The sentence for a connection that broke, or never came to be.

    Args:
        settings: where it was.
        error: the driver's.
        answered: whether this database has answered before, so that it is one and speaks Bolt.
    """
    late = any(isinstance(cause, TimeoutError) for cause in _causes(error))
    if not answered and not late:
        return not_reachable(settings)
    where = f"{settings.uri} (from {settings.origin})"
    if not answered:
        return NotReachable(
            f"{where} takes connections and then sends nothing: it may be busy or still starting, "
            "or be no Neo4j; see its log"
        )
    how = "has stopped answering" if late else "closed the connection"
    return NotReachable(
        f"the database at {where} answered before and {how}: it may be busy, out of memory, or "
        "stopped; see its log (headgraph server logs for the local one)"
    )


def _causes(error: BaseException | None) -> list[BaseException]:
    causes = []
    while error is not None and error not in causes:
        causes.append(error)
        error = error.__cause__ or error.__context__
    return causes
