"""How far a start has come, shown on stderr."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from headgraph.base.terminal import label, say

# Called with a phrase and how much of how much is done (bytes); a total of 0 means unknown.
Progress = Callable[[str, int, int], None]


def silent(phrase: str, done: int, total: int) -> None:
    """Show nothing: what library callers get."""


@contextmanager
def shown() -> Iterator[Progress]:
    """A bar on stderr where that is a terminal; elsewhere one line per phrase."""
    import sys

    if not sys.stderr.isatty():
        yield _lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    console = Console(stderr=True)
    with Bar(*columns, TimeElapsedColumn(), console=console, transient=True) as bar:
        tasks: dict[str, TaskID] = {}

        def show(phrase: str, done: int, total: int) -> None:
            if phrase not in tasks:
                for earlier in tasks.values():
                    bar.update(earlier, visible=False)
                tasks[phrase] = bar.add_task(label(phrase), total=total or None)
            bar.update(tasks[phrase], completed=done)

        yield show


def _lines() -> Progress:
    said: set[str] = set()

    def show(phrase: str, done: int, total: int) -> None:
        if phrase not in said:
            said.add(phrase)
            say(phrase)

    return show
