"""The versions of Neo4j that headgraph's statements run on."""

import re

from headgraph.graphdb.connection.address import Settings
from headgraph.graphdb.errors import START, OldServer

OLDEST = (5, 23)
"""The first version that reads `CALL (x) { ... }`, which loads and stored queries use."""

TESTED = ("5.26.31", "2026.09.0")
"""The versions that the tests run on."""

_AGENT = re.compile(r"Neo4j/((\d+)\.(\d+)\S*)")


LABEL_VALUES = (5, 26)
"""The first version on which `SET x:$(label)` was tried; it came with 5.24."""


def version_in(agent: str) -> tuple[int, int] | None:
    """Major and minor version in what a server calls itself; None for another product."""
    found = _AGENT.match(agent)
    return found and (int(found[2]), int(found[3]))


def refuse_old(agent: str, settings: Settings) -> None:
    """Refuse a server that is older than `OLDEST`.

    Args:
        agent: what the server calls itself, such as `Neo4j/5.26.31`. Other products and versions
            that cannot be read pass.
        settings: address of the database.

    Raises:
        OldServer: the server is too old.
    """
    version = version_in(agent)
    if version is None or version >= OLDEST:
        return
    raise OldServer(
        f"the database at {settings.uri} (from {settings.origin}) is {agent.replace('/', ' ')}, "
        f"and headgraph needs Neo4j {'.'.join(map(str, OLDEST))} or newer: upgrade the server, or "
        f"start the local one with {START}"
    )
