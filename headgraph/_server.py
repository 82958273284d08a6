"""`headgraph server start` serves what `queries` has for Browser: the two rooms, joined here."""

from functools import wraps
from typing import Any

from headgraph.graphdb.commands import server, start

__all__ = ["server"]

_start: Any = start.callback


@wraps(_start)
def _start_with_pages(**options: Any) -> str:
    from headgraph.queries.kit import served_files

    return str(_start(pages=served_files, **options))


if not hasattr(_start, "__wrapped__"):
    start.callback = _start_with_pages
