"""How far a long comparison is: an executor that tells of each part as it comes back.

Scores hand their parts to an executor's `map` (tiles of the kernel, or sources with some targets).
`Watched` passes them on and says after each how much of all comparisons is done, so that no score
needs to know that somebody waits.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from typing import Any

from headgraph.base.progress import Progress

STEPS = 100
"""Steps that one comparison counts for."""


class Watched(Executor):
    """Runs parts on another executor, or in the caller's thread.

    Args:
        inner: where the parts run; None is the caller's thread.
        progress: told after each part.
        comparisons: how many there will be; `next` goes on to the following one.
    """

    def __init__(self, inner: Executor | None, progress: Progress, comparisons: int) -> None:
        self.inner, self._progress = inner, progress
        self._done, self._total = 0, comparisons * STEPS

    def next(self) -> None:
        """A comparison is finished."""
        self._done += STEPS
        self._tell(0)

    def map(
        self,
        fn: Callable[..., Any],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int = 1,
        **_: Any,
    ) -> Iterator[Any]:
        """As `Executor.map`."""
        items = list(zip(*iterables, strict=True))
        columns = list(zip(*items, strict=True))
        if self.inner is None:
            found: Iterator[Any] = map(fn, *columns)
        else:
            found = self.inner.map(fn, *columns, timeout=timeout, chunksize=chunksize)
        for done, part in enumerate(found, start=1):
            yield part
            self._tell(STEPS * done // (len(items) + 1))  # the last step is `next`

    def _tell(self, steps: int) -> None:
        self._progress("Comparing heads", self._done + steps, self._total)


def unwatched(executor: Executor | None) -> Executor | None:
    """The executor itself, for parts that are done before the comparison begins."""
    return executor.inner if isinstance(executor, Watched) else executor
