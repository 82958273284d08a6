"""A load or an import in a process of its own, for tests that kill it.

    python -m tests.loader.slow load TABLE NAME WHERE [--replace]
    python -m tests.loader.slow import FILE WHERE [--replace]

Connects as the environment says, writes in small batches and prints a line when it reaches WHERE,
then waits to be killed: `heads` (before the first edge), `edges` (after the first batch, while
others are under way), `writing` (the same, and goes on, but not to publication), `published`
(before what was replaced is deleted).
"""

import sys
import time
from functools import partial
from typing import Any

from headgraph import graphdb
from headgraph.loader.imports import _import as import_module
from headgraph.loader.imports import checks
from headgraph.loader.loading import load as load_module
from headgraph.loader.loading import writer

BATCH = 500
"""Edges in a batch: a small table has many."""


def wait(*_: Any, **__: Any) -> None:
    """Wait for the end."""
    time.sleep(300)


def reached(*_: Any, **__: Any) -> Any:
    """Say so, and wait for the end."""
    print("reached", flush=True)
    wait()


def main(command: str, file: str, *rest: str) -> None:
    """Load or import, up to a point."""
    checks.BATCH = BATCH
    load_module.batches = partial(load_module.batches, size=BATCH)
    *name, where = (word for word in rest if word != "--replace")
    progress = None
    if where == "heads":
        writer.write_edges = reached
    elif where == "published":
        load_module.sweep = import_module.index_ranks = reached
    elif where == "edges":
        progress = reached
    else:
        progress = lambda done, total: print("reached", flush=True)  # noqa: E731
        writer.publish = import_module.publish = wait
    replace = "--replace" in rest
    with graphdb.connect() as graph:
        if command == "load":
            load_module.load(file, graph, run=name[0], replace=replace, progress=progress)
        else:
            import_module.import_runs(file, graph, replace=replace, progress=progress)


if __name__ == "__main__":
    main(*sys.argv[1:])
