"""The stored queries: all of them, one by name, and their list."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from headgraph.base.spelling import either
from headgraph.base.text import did_you_mean, quoted
from headgraph.queries.errors import CatalogueError, UnknownQuery
from headgraph.queries.stored_queries.header import read_query
from headgraph.queries.stored_queries.query import Query

if TYPE_CHECKING:
    import pandas as pd

FOLDER = Path(__file__).parents[1] / "catalogue"


def catalogue() -> Mapping[str, Query]:
    """All stored queries by name, in alphabetical order.

    >>> list(catalogue())[:2]
    ['hubs', 'ioi_circuit']
    """
    return _shipped()


@cache
def _shipped() -> Mapping[str, Query]:
    return MappingProxyType(read_folder(FOLDER))


def read_folder(folder: Path) -> dict[str, Query]:
    """The queries in the `.cypher` files of a folder.

    Raises:
        CatalogueError: a file violates the format, or two files have the same title.
    """
    titles: dict[str, str] = {}
    found = {}
    for path in sorted(folder.glob("*.cypher")):
        query = read_query(path)
        other = titles.setdefault(query.title.lower(), path.name)
        if other != path.name:
            raise CatalogueError(
                f"{path.name}, line 1: {other} has the title {query.title!r} too: expected another "
                "title, because Browser tells favourites apart by title"
            )
        found[query.name] = query
    return found


def get(name: str) -> Query:
    """The stored query of this name.

    Raises:
        UnknownQuery: there is none; the message suggests the nearest names.
    """
    queries = catalogue()
    spelt = name.strip().lower().replace("-", "_")
    if spelt not in queries:
        raise UnknownQuery(
            f"no stored query is called {quoted(name)}{did_you_mean(spelt, queries)}; "
            f"{either('queries.catalogue()', 'headgraph query')} lists them all"
        )
    return queries[spelt]


def listing(*, in_full: bool = False) -> "pd.DataFrame":
    """A row for each stored query: `name`, `title`, `params`.

    Args:
        in_full: each parameter as an object, for programs; otherwise the names of all but `run`.
    """
    import pandas as pd

    rows = [
        (query.name, query.title, _in_full(query) if in_full else _names(query))
        for query in catalogue().values()
    ]
    return pd.DataFrame(rows, columns=["name", "title", "params"])


def _names(query: Query) -> str:
    return ", ".join(name for name in query.params if name != "run")


def _in_full(query: Query) -> list[dict[str, Any]]:
    return [
        {
            "name": param.name,
            "type": param.type,
            # a database with one run needs no name of it
            "required": param.required and param.name != "run",
            "default": param.default,
            "text": param.text,
        }
        for param in query.params.values()
    ]
