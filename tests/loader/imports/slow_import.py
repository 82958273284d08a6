"""An import in a process of its own, for tests that kill it.

    python -m tests.loader.imports.slow_import FILE WHERE [--replace]

Connects as the environment says and prints a line when it reaches WHERE, then waits to be killed:
`heads` (before the first edge), `edges` (after the first batch), `writing` (the same, and goes on),
`published` (before what was replaced is deleted).
"""

import sys
import time
from typing import Any

from headgraph import graphdb
from headgraph.loader.imports import _import as import_module
from headgraph.loader.loading import writer


def reached(*_: Any, **__: Any) -> Any:
    """Say so, and wait for the end."""
    print("reached", flush=True)
    time.sleep(120)


def main(file: str, where: str, *options: str) -> None:
    """Import, up to a point."""
    progress = None
    if where == "heads":
        writer.write_edges = reached
    elif where == "published":
        import_module.index_ranks = reached
    elif where == "edges":
        progress = reached
    else:
        progress = lambda done, total: print("reached", flush=True)  # noqa: E731
    with graphdb.connect() as graph:
        import_module.import_runs(file, graph, replace="--replace" in options, progress=progress)


if __name__ == "__main__":
    main(*sys.argv[1:])
