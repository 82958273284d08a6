"""The list of stored queries: for people, and in full for programs."""

from typing import TYPE_CHECKING, Any

from headgraph.queries.library import catalogue
from headgraph.queries.stored_query import Query

if TYPE_CHECKING:
    import pandas as pd


def listing(*, in_full: bool = False) -> "pd.DataFrame":
    """A row for each stored query: `name`, `title`, `params`.

    Args:
        in_full: each parameter as an object; else the names of those beside the run.
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
            # the only run there is needs no name
            "required": param.required and param.name != "run",
            "default": param.default,
            "text": param.text,
        }
        for param in query.params.values()
    ]
