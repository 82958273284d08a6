"""The connection options that every command on a database has. None of them takes a password."""

from collections.abc import Callable
from contextlib import ExitStack
from functools import cache, wraps
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from graphdb.graph import Graph


def connection_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--uri --user --database --env-file`; the command gets `graph`, open while it runs."""

    @lazy_connection_options
    @wraps(command)
    def connected(*args: Any, connect: "Callable[[], Graph]", **kwargs: Any) -> Any:
        return command(*args, graph=connect(), **kwargs)

    return connected


def lazy_connection_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the same options to a command that may need no database.

    The command gets `connect`, a function that opens the database when first called and gives the
    same open database after that. It is closed when the command ends.
    """

    @click.option("--uri", metavar="URI", help="Address, such as bolt://127.0.0.1:7687.")
    @click.option("--user", metavar="NAME", help="User name.  [default: neo4j]")
    @click.option("--database", metavar="NAME", help="Database.  [default: the user's own]")
    @click.option(
        "--env-file",
        metavar="FILE",
        help="File with NEO4J_URI, NEO4J_USERNAME, NEO4J_PASSWORD, NEO4J_DATABASE.",
    )
    @wraps(command)
    def with_options(
        *args: Any,
        uri: str | None,
        user: str | None,
        database: str | None,
        env_file: str | None,
        **kwargs: Any,
    ) -> Any:
        with ExitStack() as stack:

            @cache
            def connect() -> "Graph":
                import graphdb

                settings = {"uri": uri, "user": user, "database": database, "env_file": env_file}
                graph: Graph = stack.enter_context(graphdb.connect(**settings))
                return graph

            return command(*args, connect=connect, **kwargs)

    return with_options
