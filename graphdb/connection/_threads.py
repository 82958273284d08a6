"""Threads for the driver: a caller can leave a call at once, and two statements write at a time.

The driver does not return at once on Ctrl-C: it first reads the answer to what it has sent (a
transaction rolls back, a session closes), however long the server takes. It also has no single time
limit over name lookup, connecting, planning, running and retrying.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, wait
from functools import partial
from typing import Any, TypeVar

from headgraph.base.text import span
from headgraph.graphdb.connection.runner import Params, Statement
from headgraph.graphdb.errors import TookTooLong
from headgraph.graphdb.results.result import Result

T = TypeVar("T")

GRACE_S = 2.0
"""Seconds the server gets to end a statement itself before the connection is cut."""

_LOOK_S = 0.2  # on Windows, Ctrl-C reaches a waiting thread only between two waits


class Call:
    """One piece of work, and the session that it uses.

    Attributes:
        session: the driver's session; None until it is open.
    """

    def __init__(self) -> None:
        self.session: Any = None
        self._given_up = False

    def result(self, work: Callable[[], T], *, timeout: float | None = None) -> T:
        """Return or raise what `work` does.

        Raises:
            TookTooLong: it took longer than `timeout` and `GRACE_S`; its connection was cut.
        """
        if timeout is None and threading.current_thread() is not threading.main_thread():
            return work()  # no limit to keep, and Ctrl-C reaches only the main thread
        end = None if timeout is None else time.monotonic() + timeout + GRACE_S
        try:
            future = in_thread(work)  # Ctrl-C may come before this returns
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
        """Check, before the work sends a statement, that its caller still waits.

        Raises:
            GivenUp: the caller has left. The driver does not retry after this error.
        """
        if self._given_up:
            raise GivenUp

    def give_up(self) -> None:
        """Cut the connection that the work uses, and let the work send nothing more."""
        self._given_up = True
        # The driver has no public way to end a connection without a goodbye that waits.
        connection = getattr(self.session, "_connection", None)
        if connection is not None:
            connection.kill()


def cut_in_use(driver: Any) -> None:
    """Cut each connection of the driver that a thread uses."""
    pool = getattr(driver, "_pool", None)  # not public either
    for connections in list(getattr(pool, "connections", {}).values()):
        for connection in list(connections):
            if connection.in_use:
                connection.kill()


class GivenUp(Exception):
    """The caller of this work has left."""


def in_thread(work: Callable[[], T], name: str = "headgraph-database") -> Future[T]:
    """Run `work` in a daemon thread; at exit, Python waits for the threads of an executor."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, name=name, daemon=True).start()
    return future


WRITERS = 2
"""Threads that write: one commits while the other creates. More were no faster on 2 CPUs."""

Write = Callable[[str, Params], Result]


def write_each(write: Write, statements: Iterable[Statement]) -> Generator[Result, None, None]:
    """The results of `write`, which runs in `WRITERS` threads.

    The next statement is taken from `statements` while those before it are written. If one fails,
    its error is raised in its turn, after all that had begun has ended. Only Ctrl-C does not wait,
    because a server that does not answer must not delay it.
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
