"""Steps of progress of a job, besides those of reading layers and comparing heads."""

from headgraph.base.progress import Progress
from headgraph.base.spelling import Message
from headgraph.base.terminal import say

COMPARING = "Comparing groups of layers"
"""The groups that are done."""
RESUMED = "Resuming an interrupted compute"
"""Once, at the beginning: the groups that were done before."""
DAMAGED = "The file of an interrupted compute is damaged and is not used"
"""Once, at the beginning, in place of `RESUMED`."""
WAITING = "Waiting for a worker of the cluster"
"""While a cluster has no worker."""

REFUSED = "the worker "
"""How a sentence begins about a worker that gets no tasks."""


def noting(bar: Progress | None) -> Progress:
    """Progress on a bar, if there is one; what a user should know is a line in any case."""
    said: set[str] = set()

    def show(what: str, done: int, total: int) -> None:
        if what in (RESUMED, DAMAGED, WAITING) or what.startswith(REFUSED):
            of = f": {done} of {total} groups of layers are done" if total else ""
            text = what.marked if isinstance(what, Message) else what
            if what not in said:
                say(f"note: {text[0].lower()}{text[1:]}{of}")
            said.add(what)
        elif bar is not None:
            bar(what, done, total)

    return show
