"""Statements in transactions of their own, two at once, their results in the order they came in."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, wait
from functools import partial

from headgraph.graphdb._interruptible import in_thread
from headgraph.graphdb.result import Result
from headgraph.graphdb.runner import Params, Statement

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
