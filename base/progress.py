"""Progress callbacks of long work, and how a terminal shows them on stderr."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from headgraph.base.terminal import label, say

if TYPE_CHECKING:
    from rich.progress import TaskID

Progress = Callable[[str, int, int], None]
"""Called with the current step, the amount done and the total; a total of 0 means unknown."""


def silent(what: str, done: int, total: int) -> None:
    """Show nothing, the default for library callers."""


@contextmanager
def bar(*, in_turn: bool = False) -> Iterator[Progress]:
    """A callback that draws a bar on stderr for each step.

    Args:
        in_turn: whether steps follow one another, so that only the last is shown.
    """
    from rich.console import Console
    from rich.progress import Progress as Bars

    with Bars(console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, TaskID] = {}
        reached: dict[str, int] = {}

        def show(what: str, done: int, total: int) -> None:
            if what not in tasks:
                for earlier in tasks.values():
                    bars.update(earlier, visible=not in_turn)
                tasks[what] = bars.add_task(label(what), total=total or None)
            if done < reached.get(what, 0):
                bars.reset(tasks[what])  # begun again, for the next group of layers
            reached[what] = done
            bars.update(tasks[what], completed=done, total=total or None)

        yield show


@contextmanager
def bar_on_terminal() -> Iterator[Progress | None]:
    """`bar` if stderr is a terminal; otherwise None."""
    if not sys.stderr.isatty():
        yield None
        return
    with bar() as show:
        yield show


@contextmanager
def bar_or_lines() -> Iterator[Progress]:
    """A bar for one step after another on a terminal; otherwise a line for each."""
    if not sys.stderr.isatty():
        yield _lines()
        return
    with bar(in_turn=True) as show:
        yield show


def _lines() -> Progress:
    said: set[str] = set()

    def show(what: str, done: int, total: int) -> None:
        if what not in said:
            said.add(what)
            say(what)

    return show
