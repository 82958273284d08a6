"""Faults planted in the code, each of which a few kills must find.

    python -m tests.torture.kills --planted

kills a command with each of them until the fault is found.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple


class Plant(NamedTuple):
    """A fault.

    Attributes:
        command: the command that has it.
        sow: puts it into the modules of this process.
    """

    command: str
    sow: Callable[[], None]


def _everywhere(module: str, name: str, new: Any) -> None:
    """Put something in the place of a function, in each module that has imported it."""
    old = getattr(sys.modules[module], name)
    for there in list(sys.modules.values()):
        if getattr(there, name, None) is old:
            setattr(there, name, new)


def _written_in_place() -> None:
    @contextmanager
    def beside(path: Path) -> Iterator[IO[Any]]:
        with path.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())

    _everywhere("headgraph.base.files.output", "beside", beside)


def _leftovers_stay() -> None:
    _everywhere("headgraph.base.files._temporary", "clear_files", lambda folder: None)


def _transactions_in_parts() -> None:
    from headgraph.graphdb import Graph

    Graph.write_all = lambda self, statements: [  # type: ignore[method-assign]
        self.write(cypher, params) for cypher, params in statements
    ]


def _a_group_is_left_out() -> None:
    from headgraph.pk_engine.scoring.resume import Partial

    restore = Partial.restore

    def more(self: Partial, state: Any) -> None:
        restore(self, state)
        if state.done:
            state.done.add(max(state.done) + 1)

    Partial.restore = more  # type: ignore[method-assign]


def _a_group_counts_twice() -> None:
    from headgraph.pk_engine.scoring.resume import Partial

    restore = Partial.restore

    def fewer(self: Partial, state: Any) -> None:
        restore(self, state)
        state.done.discard(max(state.done, default=0))

    Partial.restore = fewer  # type: ignore[method-assign]


PLANTS = {
    "files are written in place": Plant("view", _written_in_place),
    "temporary files stay": Plant("export", _leftovers_stay),
    "a transaction is several": Plant("load --replace", _transactions_in_parts),
    "a resumed compute leaves out a group": Plant("compute", _a_group_is_left_out),
    "a resumed part counts a group twice": Plant("compute --target-layers", _a_group_counts_twice),
}
