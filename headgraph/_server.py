"""`headgraph server`, whose `start` serves the pages that `queries` has for Neo4j Browser."""

from typing import Any

from rich_click import RichGroup

from headgraph._compose import enriched, extended
from headgraph.graphdb import commands


def _start(**options: Any) -> Any:
    from headgraph.queries.browser import served_files

    callback: Any = commands.start.callback
    return callback(pages=served_files, **options)


server = extended(
    commands.server,
    RichGroup,
    commands={
        **{name: enriched(it) for name, it in commands.server.commands.items()},
        "start": extended(commands.start, callback=_start),
    },
)
