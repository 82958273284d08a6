"""Work of the driver in threads of its own: the thread that waits can leave, and two can write.

The driver does not let go at once: before an interruption comes out of it, it reads the answer to
the statement it has sent (a transaction rolls back, a session closes), however long the server
takes. It has no limit over looking up a name, connecting, planning, running and retrying together.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, wait
from functools import partial
from typing import Any, TypeVar

from headgraph.base.units import span
from headgraph.graphdb.errors import TookTooLong
from headgraph.graphdb.result import Result
from headgraph.graphdb.runner import Params, Statement

T = TypeVar("T")

GRACE_S = 2.0
"""Seconds the server gets to end a statement itself before the connection is cut."""

_LOOK_S = 0.2  # Windows tells a waiting thread of Ctrl-C only between two waits


class Call:
    """One piece of work, and the session that it uses.

    Attributes:
        session: the driver's session, once there is one.
    """

    def __init__(self) -> None:
        self.session: Any = None
        self._given_up = False

    def result(self, work: Callable[[], T], *, timeout: float | None = None) -> T:
        """What `work` returns or raises.

        Raises:
            TookTooLong: it took longer than the time limit and `GRACE_S`; its connection was cut.
        """
        if timeout is None and threading.current_thread() is not threading.main_thread():
            return work()  # no limit, and Ctrl-C interrupts the main thread alone
        future = in_thread(work)
        end = None if timeout is None else time.monotonic() + timeout + GRACE_S
        try:
            while not future.done():
                left = _LOOK_S if end is None else min(_LOOK_S, end - time.monotonic())
                if left <= 0:
                    raise TookTooLong(f"the statement took longer than {span(timeout or 0)}")
                wait([future], left)
        except BaseException:
            self.give_up()
            raise
        return future.result()

    def go_on(self) -> None:
        """To be called by the work before it sends a statement: nobody waits for it any more?

        Raises:
            GivenUp: which no driver takes for a fault that passes, so nothing is tried again.
        """
        if self._given_up:
            raise GivenUp

    def give_up(self) -> None:
        """End the connection that the work uses, and let it send nothing more."""
        self._given_up = True
        # The driver has no public way to end a connection without a farewell that waits.
        connection = getattr(self.session, "_connection", None)
        if connection is not None:
            connection.kill()


class GivenUp(Exception):
    """Nobody waits for this work."""


def in_thread(work: Callable[[], T], name: str = "headgraph-database") -> Future[T]:
    """`work` in a thread that Python's end does not wait for, as it would for an executor's."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, name=name, daemon=True).start()
    return future


WRITERS = 2
"""One commits while the other creates; more of them gained nothing on two processors."""

Write = Callable[[str, Params], Result]


def write_each(write: Write, statements: Iterable[Statement]) -> Generator[Result, None, None]:
    """The results of `write`, which is at work in as many threads as there are `WRITERS`.

    The next statement is taken from `statements` while those before it are written. When one fails,
    its error is raised in its turn, and then all that had begun has ended. Ctrl-C alone waits for
    nothing, since a server that does not answer must not hold it up.
    """
    begun: deque[Future[Result]] = deque()
    try:
        for cypher, params in statements:
            if len(begun) == WRITERS:
                yield begun.popleft().result()
            begun.append(in_thread(partial(write, cypher, params), "headgraph-write"))
        while begun:
            yield begun.popleft().result()
    except KeyboardInterrupt:
        raise
    except BaseException:
        wait(begun)
        raise
