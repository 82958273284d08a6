"""Progress: what long work reports, and how a terminal shows it, beside the data on stdout."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from headgraph.base.terminal import label

if TYPE_CHECKING:
    from rich.progress import TaskID

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is in all."""


@contextmanager
def bar() -> Iterator[Progress]:
    """A callback that draws one line per thing that is being done, with the time left."""
    from rich.console import Console
    from rich.progress import Progress as Bars

    with Bars(console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, TaskID] = {}
        reached: dict[str, int] = {}

        def show(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(label(what), total=total)
            if done < reached.get(what, 0):
                bars.reset(tasks[what])  # begun again, for the next group of layers
            reached[what] = done
            bars.update(tasks[what], completed=done, total=total)

        yield show
