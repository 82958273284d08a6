"""The connection options that every command on a database has. None of them takes a password."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import click


def connection_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--uri --user --database --env-file`; the command gets `graph`, open while it runs."""

    @click.option("--uri", metavar="URI", help="Address, such as bolt://127.0.0.1:7687.")
    @click.option("--user", metavar="NAME", help="User name.  [default: neo4j]")
    @click.option("--database", metavar="NAME", help="Database.  [default: the user's own]")
    @click.option(
        "--env-file",
        metavar="FILE",
        help="File with NEO4J_URI, NEO4J_USERNAME, NEO4J_PASSWORD, NEO4J_DATABASE.",
    )
    @wraps(command)
    def connected(
        *args: Any,
        uri: str | None,
        user: str | None,
        database: str | None,
        env_file: str | None,
        **kwargs: Any,
    ) -> Any:
        from graphdb.graph import connect

        with connect(uri=uri, user=user, database=database, env_file=env_file) as graph:
            return command(*args, graph=graph, **kwargs)

    return connected
