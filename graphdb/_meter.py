"""A ceiling on what one statement sends and how long it takes, held at this end of the wire.

The server's own limits are not enough: `RETURN range(1, 50000000)` passes its memory limit and
sends 50 million numbers as one row, and its time limit does not end one long expression. So the
bytes are counted where the driver reads them, and the connection is cut when they are too many or
too late. The server then ends the transaction, and the driver opens another connection next time.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from graphdb.amounts import size, span
from graphdb.errors import LimitExceeded

GRACE_S = 2.0
"""Seconds the server gets to end a statement itself, with a better message, before the cut."""

_SILENT = logging.NullHandler()


@contextmanager
def metered(tx: Any, *, timeout: float | None, max_bytes: int | None) -> Iterator[None]:
    """Cut the connection of `tx` when it has sent `max_bytes`, or `timeout` seconds have passed.

    Raises:
        LimitExceeded: it was cut.
    """
    if timeout is None and max_bytes is None:
        yield
        return
    from neo4j import exceptions as driver

    # The driver has no public way to look at what arrives; the tests say when this moves.
    socket = tx._connection.socket
    meter = _Meter(socket, timeout, max_bytes)
    before = socket.get_read_timeout()
    socket.recv_into = meter.recv_into
    # a cut that was meant is no news for stderr, where Python prints errors that nobody handles
    logging.getLogger("neo4j").addHandler(_SILENT)
    try:
        yield
    except (driver.ServiceUnavailable, driver.SessionExpired, OSError) as error:
        if meter.cut is None:
            raise
        raise LimitExceeded(meter.cut) from error
    finally:
        del socket.recv_into
        socket.set_read_timeout(before)


class _Meter:
    """Stands in for a connection's `recv_into`."""

    def __init__(self, socket: Any, timeout: float | None, max_bytes: int | None) -> None:
        self.socket, self.receive = socket, socket.recv_into
        self.timeout, self.max_bytes = timeout, max_bytes
        self.deadline = None if timeout is None else time.monotonic() + timeout + GRACE_S
        self.received = 0
        self.cut: str | None = None

    def recv_into(self, buffer: Any, nbytes: int) -> int:
        self._allow_time()
        try:
            count: int = self.receive(buffer, nbytes)
        except TimeoutError:
            self.cut = self._too_long()
            raise
        self.received += count
        if self.max_bytes is not None and self.received > self.max_bytes:
            self.cut = f"the answer is larger than {size(self.max_bytes)}"
            raise OSError(self.cut)  # which the driver takes for a broken connection
        return count

    def _allow_time(self) -> None:
        if self.deadline is None:
            return
        left = self.deadline - time.monotonic()
        if left <= 0:
            self.cut = self._too_long()
            raise OSError(self.cut)
        self.socket.set_read_timeout(left)

    def _too_long(self) -> str:
        return f"the statement took longer than {span(self.timeout or 0)}"
