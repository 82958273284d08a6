"""A ceiling on what one statement sends, held at this end of the wire.

The server's own limits are not enough: `RETURN range(1, 50000000)` passes its memory limit and
sends 50 million numbers as one row. So the bytes are counted where the driver reads them, and the
connection is cut when they are too many. The server then ends the transaction, and the driver opens
another connection next time.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from headgraph.base.units import size
from headgraph.graphdb.errors import LimitExceeded


@contextmanager
def metered(tx: Any, max_bytes: int | None) -> Iterator[None]:
    """Cut the connection of `tx` when it has sent `max_bytes`.

    Raises:
        LimitExceeded: it was cut.
    """
    if max_bytes is None:
        yield
        return
    from neo4j import exceptions as driver

    # The driver has no public way to look at what arrives; the tests say when this moves.
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
    """Stands in for a connection's `recv_into`."""

    def __init__(self, receive: Any, max_bytes: int) -> None:
        self.receive, self.max_bytes = receive, max_bytes
        self.received = 0
        self.cut: str | None = None

    def recv_into(self, buffer: Any, nbytes: int) -> int:
        count: int = self.receive(buffer, nbytes)
        self.received += count
        if self.received > self.max_bytes:
            self.cut = f"the answer is larger than {size(self.max_bytes)}"
            raise OSError(self.cut)  # which the driver takes for a broken connection
        return count
