"""The stored queries: which there are, and one by its name."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from headgraph.base.suggestions import did_you_mean
from headgraph.base.text import quoted
from headgraph.queries.errors import CatalogueError, UnknownQuery
from headgraph.queries.header import read_query
from headgraph.queries.stored_query import Query

FOLDER = Path(__file__).parent / "catalogue"


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
        CatalogueError: a file contradicts the format, or two files have the same title.
    """
    titles: dict[str, str] = {}
    found = {}
    for path in sorted(folder.glob("*.cypher")):
        query = read_query(path)
        other = titles.setdefault(query.title.lower(), path.name)
        if other != path.name:
            raise CatalogueError(
                f"{path.name}, line 1: the title {query.title!r} is that of {other} as well, and "
                "Browser's favourites are told apart by title"
            )
        found[query.name] = query
    return found


def get(name: str) -> Query:
    """The stored query of this name.

    Raises:
        UnknownQuery: there is none; the nearest names are said.
    """
    queries = catalogue()
    spelt = name.strip().lower().replace("-", "_")
    if spelt not in queries:
        raise UnknownQuery(
            f"no stored query is called {quoted(name)}{did_you_mean(spelt, queries)}; headgraph "
            "query lists them all"
        )
    return queries[spelt]
