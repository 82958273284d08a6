"""Progress on a terminal, out of the way of the data on stdout."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress as Bars
from rich.progress import TaskID

from headgraph.base.terminal import label
from headgraph.pk_engine.linalg.stacks import Progress


@contextmanager
def bar() -> Iterator[Progress]:
    """A callback that draws one line per thing that is being done, with the time left."""
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
