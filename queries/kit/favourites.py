"""Stored queries as favourites: a title and one statement with its values filled in."""

from dataclasses import dataclass

from headgraph.queries.library import catalogue
from headgraph.queries.paste import filled, placeholder
from headgraph.queries.stored_query import Param, Query
from headgraph.queries.values import example


@dataclass(frozen=True)
class Favourite:
    """A favourite of Neo4j Browser; `text` is the title as a comment, then the statement."""

    name: str
    title: str
    text: str


def favourites(run: str) -> list[Favourite]:
    """Every stored query, about a run where it asks for one, in the order of its titles.

    What has no default gets the value of the query's example, for its user to change; another run,
    which nobody can guess, the words in angle brackets that `show` gives it.
    """
    stored = sorted(catalogue().values(), key=lambda query: query.title.lower())
    return [Favourite(query.name, query.title, _text(query, run)) for query in stored]


def _text(query: Query, run: str) -> str:
    about = run if query.params["run"].required else None  # the list of runs is of all
    return filled(query.name, run=about, **_examples(query))


def _examples(query: Query) -> dict[str, str]:
    open_ = [p for p in query.params.values() if p.required and p.name != "run"]
    return {param.name: _example(query, param) for param in open_}


def _example(query: Query, param: Param) -> str:
    if param.type == "run":
        return placeholder(param)
    return query.example.get(param.name, example(param.type))
