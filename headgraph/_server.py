"""`headgraph server start` serves what `queries` has for Browser: the two rooms, joined here."""

from functools import partial
from typing import Any

from graphdb.commands import server, start

__all__ = ["server"]


def _pages() -> dict[str, bytes]:
    from queries.kit import served_files

    return dict(served_files())


_start: Any = start.callback
if not isinstance(_start, partial):
    start.callback = partial(_start, pages=_pages)
