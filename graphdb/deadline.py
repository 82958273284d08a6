"""One time limit over several statements."""

import time

from headgraph.base.units import span
from headgraph.graphdb.errors import TookTooLong


class Deadline:
    """So many seconds, from the first time that `left` is called.

    Attributes:
        seconds: how many.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end: float | None = None

    def left(self) -> float:
        """Seconds that are left.

        Raises:
            TookTooLong: none are.
        """
        now = time.monotonic()
        if self._end is None:
            self._end = now + self.seconds
            return self.seconds
        if now >= self._end:
            raise TookTooLong(f"it took longer than {span(self.seconds)}", ENDED)
        return self._end - now


ENDED = "headgraph.Deadline"
"""The `code` of an error that leaves no statement on the server."""
