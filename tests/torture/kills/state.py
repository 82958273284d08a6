"""What there is: in a database, all of it and the part that is published; and in folders."""

import time
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import headgraph
from headgraph.base.errors import HeadgraphError
from headgraph.graphdb import Graph
from headgraph.graphdb.schema import LOADING_HEAD

TIMES = ("loaded_at", "started_at", "alive_at")
_NODES = "MATCH (n) RETURN elementId(n), labels(n), properties(n)"
_EDGES = "MATCH (a)-[e]->(b) RETURN elementId(a), elementId(b), type(e), properties(e)"
_OTHERS = """
SHOW TRANSACTIONS YIELD currentQuery WHERE NOT currentQuery CONTAINS 'SHOW TRANSACTIONS'
RETURN count(*) AS n
"""
_SCHEMA = [
    "SHOW CONSTRAINTS YIELD name, type, labelsOrTypes, properties",
    "SHOW INDEXES YIELD name, type, labelsOrTypes, properties",
]
QUERIES = ("overview", "hubs", "strongest_edges", "roles")


class Found(NamedTuple):
    """The contents of a database, in a form that can be compared.

    Attributes:
        everything: all nodes and relationships with all properties but times, constraints, indexes,
            and transactions that do not end.
        published: those that neither belong to an unfinished run nor to one that is being deleted.
        answers: what stored queries say of each run, or the class of the error.
    """

    everything: list[str]
    published: list[str]
    answers: dict[str, str]


def found(
    graph: Graph, runs: tuple[str, ...], told: dict[tuple[str, ...], dict[str, str]] | None = None
) -> Found:
    """The contents, after the transactions of killed commands have come to their ends.

    Args:
        graph: the database.
        runs: that stored queries are asked about.
        told: answers by all that was there: the same contents are not asked again.
    """
    deadline = time.monotonic() + 60
    while (others := graph.read(_OTHERS).single()) and time.monotonic() < deadline:
        time.sleep(0.01)
    everything, published, names = [f"{others} open transactions"] if others else [], [], {}
    everything += [str(row) for statement in _SCHEMA for row in graph.read(statement).rows]
    for id, labels, own in graph.read(_NODES).rows:
        shown = {key: value for key, value in sorted(own.items()) if key not in TIMES}
        text = f"{sorted(labels)} {shown}"
        names[id] = (f"{labels} {own.get('id', own.get('name'))}", _is_published(labels, own))
        everything.append(text)
        if names[id][1]:
            published.append(text)
    for a, b, kind, own in graph.read(_EDGES).rows:
        text = f"{names[a][0]} {kind} {names[b][0]} {sorted(own.items())}"
        everything.append(text)
        if names[a][1] and names[b][1]:
            published.append(text)
    everything.sort()
    told = {} if told is None else told
    answers = told.get(tuple(everything))
    if answers is None:
        asked = product(QUERIES, runs)
        answers = {f"{query} of {run}": _answer(graph, query, run) for query, run in asked}
        told[tuple(everything)] = answers
    return Found(everything, sorted(published), answers)


def _is_published(labels: list[str], own: dict[str, Any]) -> bool:
    return LOADING_HEAD not in labels and ("Run" not in labels or "name" in own)


def _answer(graph: Graph, query: str, run: str) -> str:
    try:
        return str(headgraph.query(query, graph, run=run).to_csv())
    except HeadgraphError as error:
        return type(error).__name__


def files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, and every empty folder."""
    return {
        str(path.relative_to(folder)): b"" if path.is_dir() else path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() or not any(path.iterdir())
    }
