"""The connection options of every command on a database. None of them takes a password."""

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial, wraps
from typing import Any

import click

from headgraph.base.terminal import say, secret
from headgraph.graphdb.connection.limits import Deadline

Command = Callable[..., Any]


def connection_options(command: Command) -> Command:
    """Add `--uri --user --database --env-file`; the command gets `graph`, open while it runs."""

    @deferred_connection_options
    @wraps(command)
    def connected(*args: Any, connect: Callable[[], Any], **kwargs: Any) -> Any:
        with connect() as graph:
            return command(*args, graph=graph, **kwargs)

    return connected


def deferred_connection_options(command: Command) -> Command:
    """Add the same options; the command gets `connect`, which opens the graph when it is called.

    For commands that check something first, or that work without a database. `connect` takes a
    `Deadline`, which starts after the password prompt.
    """

    @click.option(
        "--uri", metavar="URI", help="Address of the database, such as bolt://127.0.0.1:7687."
    )
    @click.option("--user", metavar="NAME", help="User name.  [default: neo4j]")
    @click.option(
        "--database",
        metavar="NAME",
        help="Name of the database.  [default: the user's home database]",
    )
    @click.option(
        "--env-file",
        metavar="FILE",
        help="File with NEO4J_URI, NEO4J_USERNAME, NEO4J_PASSWORD, NEO4J_DATABASE.",
    )
    @wraps(command)
    def addressed(
        *args: Any,
        uri: str | None,
        user: str | None,
        database: str | None,
        env_file: str | None,
        **kwargs: Any,
    ) -> Any:
        where = {"uri": uri, "user": user, "database": database, "env_file": env_file}
        return command(*args, connect=partial(_connect, where), **kwargs)

    return addressed


def _connect(where: dict[str, Any], deadline: Deadline | None = None) -> Any:
    from headgraph.graphdb.connection.graph import connect
    from headgraph.graphdb.connection.settings import resolve, seen_by_others

    settings = resolve(**where)
    if (env_file := where["env_file"]) and seen_by_others(env_file):
        say(
            f"note: other users of this machine can read the password in {env_file}: run "
            f"chmod 600 {env_file}",
        )
    if settings.password is None and sys.stdin.isatty():
        asked = f"Password of {settings.user} at {settings.uri}"
        settings = replace(settings, password=secret(asked) or None)
    return connect(settings=settings, timeout=None if deadline is None else deadline.left())
