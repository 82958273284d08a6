"""Reads that get no memory: refused if they need too much, tried again if others hold it.

Neo4j has a limit for all transactions together and one for each of them
(`db.memory.transaction.max`), which a transaction reaches first if it is lower: see
`server.home.config`. So the limit that an error names tells the two cases apart. Where the limit
for each is not lower, nothing tells them apart, and a statement is refused at once.
"""

import math
import random
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from time import monotonic, sleep
from typing import Any, TypeVar

from headgraph.graphdb.errors import MemoryTaken, OutOfMemory
from headgraph.graphdb.results.result import one_line

T = TypeVar("T")

PAUSES_S = (0.5, 1.0, 2.0, 4.0, 8.0, 8.0)
"""Seconds between two tries, on average: reads that failed together must not begin together."""

_TOGETHER = "memory.transaction.total.max"
_SIZE = re.compile(r"([\d.,]+) ?([KMGT]?)i?B")
_LIMIT = "SHOW SETTINGS 'db.memory.transaction.max' YIELD value RETURN value"


def with_memory(attempt: Callable[[float | None], T], timeout: float | None) -> T:
    """What `attempt` returns, tried again while others hold the memory.

    Args:
        attempt: gets the seconds that are left, if there is a limit.
        timeout: seconds for all tries.

    Raises:
        MemoryTaken: others held it for about as long as all pauses, or as `timeout` allows.
    """
    end = None if timeout is None else monotonic() + timeout
    left = timeout
    for mean in PAUSES_S:
        try:
            return attempt(left)
        except MemoryTaken:
            pause = mean * random.uniform(0.5, 1.5)
            if end is not None:
                left = end - monotonic() - pause
                if left <= 0:
                    raise
            sleep(pause)
    return attempt(left)


def lack_of_memory(
    error: Any, session: Callable[[], AbstractContextManager[Any]]
) -> OutOfMemory | None:
    """Our error for a driver's that says that a transaction got no memory; None for any other.

    Args:
        error: the driver's error.
        session: opens a session beside the one that failed.
    """
    code = error.code or ""
    if "OutOfMemory" not in code:
        return None
    message = one_line(error.message)
    if _TOGETHER in message and _limits_each(session, _size(message.partition(" limit ")[2])):
        return MemoryTaken(
            f"other statements hold the server's memory: try again later (Neo4j: {message})", code
        )
    return OutOfMemory(message, code)


def _limits_each(session: Callable[[], AbstractContextManager[Any]], of_all: float) -> bool:
    """Whether each transaction has a lower limit of its own, so that it was not the reason."""
    from neo4j import exceptions as driver

    try:
        with session() as another:
            values = another.run(_LIMIT).value()
    except driver.Neo4jError as error:
        # this little gets no memory only if others hold it; else the user may not see settings
        return "OutOfMemory" in (error.code or "")
    return any(0 < _size(value) < of_all for value in values)


def _size(text: str) -> float:
    """The first size in a text of Neo4j's, such as `496.00MiB`, in bytes; infinity if none."""
    found = _SIZE.search(text)
    if found is None:
        return math.inf
    return float(found[1].replace(",", ".")) * 1024.0 ** " KMGT".index(found[2] or " ")
