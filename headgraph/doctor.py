"""`headgraph doctor`: leftovers of interrupted commands in the database and on this machine.

It uses `loader` for runs and `graphdb` for files, so it is above both rooms.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import click

from headgraph.base.terminal import is_sure, say
from headgraph.graphdb.options import deferred_connection_options

if TYPE_CHECKING:
    from headgraph.graphdb import Graph
    from headgraph.graphdb.server.leftovers import Leftover
    from headgraph.loader import Attempt


@click.command()
@click.option("--yes", is_flag=True, help="Remove without asking.")
@click.option("--dry-run", is_flag=True, help="Print what would be removed, and change nothing.")
@deferred_connection_options
def doctor(connect: Callable[[], Any], yes: bool, dry_run: bool) -> str:
    """Find what interrupted commands left behind, and remove it if you confirm.

    In the database, these are unfinished runs whose loader has ended. For the local server,
    these are files of imports, replaced stores and partial downloads.

    Example: headgraph doctor --dry-run
    """
    with _database(connect) as graph:
        attempts = _attempts(graph)
        online = graph is not None and _is_local(graph)
        files = _files(online=online)
        found = [*map(str, attempts), *map(str, files or [])]
        if not found:
            return _nothing(database=graph is not None, files=files is not None)
        if dry_run:
            return "\n".join(f"would remove {it}" for it in found)
        if not yes and not _is_sure(found):
            return "nothing was removed"
        return "\n".join(
            f"removed {it}" for it in _remove(graph, attempts, files or [], online=online)
        )


def _database(connect: Callable[[], Any]) -> "AbstractContextManager[Graph | None]":
    """The graph, or None if no database answers: files are checked all the same."""
    from headgraph.graphdb.errors import NotReachable

    try:
        return connect()  # type: ignore[no-any-return]
    except NotReachable as error:
        _note(f"the database was not checked ({error.message.marked})")
        return nullcontext()


def _attempts(graph: "Graph | None") -> "list[Attempt]":
    from headgraph.loader import unfinished

    if graph is None:
        return []
    found = unfinished(graph)
    for attempt in found:
        if attempt.alive:
            _note(f"left alone: {attempt}")
    return [attempt for attempt in found if not attempt.alive]


def _is_local(graph: "Graph") -> bool:
    from headgraph.graphdb.server import running

    server = running()
    return server is not None and graph.settings.uri == server.bolt_uri


def _files(*, online: bool) -> "list[Leftover] | None":
    """Leftover files, or None if they could not be checked."""
    from headgraph.graphdb.errors import ServerError
    from headgraph.graphdb.server.leftovers import leftovers

    try:
        return leftovers(online=online)
    except ServerError as error:
        _note(f"files were not checked ({error.message.marked})")
        return None


def _nothing(*, database: bool, files: bool) -> str:
    if database and files:
        return "nothing to remove in the database or among the local server's files"
    if database:
        return "nothing to remove in the database; the local server's files were not checked"
    if files:
        return "nothing to remove among the local server's files; the database was not checked"
    return "nothing was checked"


def _is_sure(found: list[str]) -> bool:
    for it in found:
        say(f"would remove {it}")
    return is_sure("remove them?" if len(found) > 1 else "remove it?")


def _remove(
    graph: "Graph | None", attempts: "list[Attempt]", files: "list[Leftover]", *, online: bool
) -> list[str]:
    from headgraph.graphdb.server.leftovers import clear
    from headgraph.loader.removal import remove

    gone = [] if graph is None or not attempts else [str(it) for it in remove(graph, attempts)]
    return gone + ([str(it) for it in clear(files, online=online)] if files else [])


def _note(text: str) -> None:
    say(f"note: {text}")
