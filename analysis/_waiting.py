"""What is shown while an answer takes its time."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headgraph.base.progress import Progress


@contextmanager
def progress_shown() -> "Iterator[Progress | None]":
    """A callback that draws bars on a terminal; none where stderr goes elsewhere."""
    if not sys.stderr.isatty():
        yield None
        return
    from headgraph.base.progress import bar

    with bar() as progress:
        yield progress
