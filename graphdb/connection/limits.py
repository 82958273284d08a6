"""Limits on statements: seconds over several of them, bytes of the answer to one.

The server's own limits are not enough: `RETURN range(1, 50000000)` passes its memory limit and
sends 50 million numbers as one row. So bytes are counted where the driver reads them, and the
connection is cut at the limit. The server then ends the transaction, and the driver opens another
connection for the next statement.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from headgraph.base.text import size, span
from headgraph.graphdb.errors import LimitExceeded, TookTooLong


class Deadline:
    """A time limit over several statements, from the first call of `left`.

    Attributes:
        seconds: the limit.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end: float | None = None

    def left(self) -> float:
        """Seconds left.

        Raises:
            TookTooLong: there are none.
        """
        now = time.monotonic()
        if self._end is None:
            self._end = now + self.seconds
            return self.seconds
        if now >= self._end:
            raise TookTooLong(f"it took longer than {span(self.seconds)}", ENDED)
        return self._end - now


ENDED = "headgraph.Deadline"
"""The `code` of an error after which no statement runs on the server."""


@contextmanager
def metered(tx: Any, max_bytes: int | None) -> Iterator[None]:
    """Cut the connection of a transaction when it has received more than `max_bytes`.

    Raises:
        LimitExceeded: the connection was cut.
    """
    if max_bytes is None:
        yield
        return
    from neo4j import exceptions as driver

    # The driver has no public way to watch what arrives; tests fail if this attribute moves.
    socket = tx._connection.socket
    meter = _Meter(socket.recv_into, max_bytes)
    socket.recv_into = meter.recv_into
    try:
        yield
    except (driver.ServiceUnavailable, driver.SessionExpired, OSError) as error:
        if meter.cut is None:
            raise
        raise LimitExceeded(meter.cut) from error
    finally:
        del socket.recv_into


class _Meter:
    """Counts the bytes of a connection, in place of its `recv_into`."""

    def __init__(self, receive: Any, max_bytes: int) -> None:
        self.receive, self.max_bytes = receive, max_bytes
        self.received = 0
        self.cut: str | None = None

    def recv_into(self, buffer: Any, nbytes: int) -> int:
        count: int = self.receive(buffer, nbytes)
        self.received += count
        if self.received > self.max_bytes:
            self.cut = f"the answer is larger than {size(self.max_bytes)}"
            raise OSError(self.cut)  # the driver treats it as a broken connection
        return count
