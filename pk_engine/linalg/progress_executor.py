"""Progress of a long comparison: an executor that reports each part when it is done.

A score hands its parts to the `map` of an executor: tiles of the kernel, or sources with some
targets. `ProgressExecutor` passes them on and reports after each part, so that no score has to
report progress itself.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from typing import Any

from headgraph.base.progress import Progress

STEPS = 100
"""Steps of progress in one comparison."""


class ProgressExecutor(Executor):
    """Runs parts on another executor or in the caller's thread, and reports progress.

    Args:
        inner: where the parts run; None is the caller's thread.
        progress: called after each part.
        comparisons: the number of comparisons; `finish_comparison` ends each of them.
    """

    def __init__(self, inner: Executor | None, progress: Progress, comparisons: int) -> None:
        self.inner, self._progress = inner, progress
        self._done, self._total = 0, comparisons * STEPS

    def finish_comparison(self) -> None:
        """Report a whole comparison as done."""
        self._done += STEPS
        self._report(0)

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
            self._report(STEPS * done // (len(items) + 1))  # finish_comparison is the last step

    def _report(self, steps: int) -> None:
        self._progress("Comparing heads", self._done + steps, self._total)


def without_progress(executor: Executor | None) -> Executor | None:
    """The executor itself, for parts that run before the comparison begins."""
    return executor.inner if isinstance(executor, ProgressExecutor) else executor
