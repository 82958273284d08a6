"""Stored queries as favourites: a title and one statement with its values filled in."""

from dataclasses import dataclass

from headgraph.queries.stored_queries.library import catalogue
from headgraph.queries.stored_queries.query import Param, Query
from headgraph.queries.stored_queries.text import filled, placeholder
from headgraph.queries.stored_queries.values import example


@dataclass(frozen=True)
class Favourite:
    """A favourite of Neo4j Browser; `text` is the title as a comment, then the statement."""

    name: str
    title: str
    text: str


def favourites(run: str) -> list[Favourite]:
    """Every stored query for a run, in the order of the titles.

    A parameter without a default gets the value of the query's example, which users change. A
    second run has no sensible example, so it gets words in angle brackets, as in `show`.
    """
    stored = sorted(catalogue().values(), key=lambda query: query.title.lower())
    return [Favourite(query.name, query.title, _text(query, run)) for query in stored]


def _text(query: Query, run: str) -> str:
    about = run if query.params["run"].required else None  # `runs` lists all runs
    return filled(query.name, run=about, **_examples(query))


def _examples(query: Query) -> dict[str, str]:
    open_ = [p for p in query.params.values() if p.required and p.name != "run"]
    return {param.name: _example(query, param) for param in open_}


def _example(query: Query, param: Param) -> str:
    if param.type == "run":
        return placeholder(param)
    return query.example.get(param.name, example(param.type))
