"""Where indexes pay: `make bench-profiles` counts what stored queries read with and without them.

On a server of its own, with two runs of 100,000 OQ edges and more. PROFILE counts, so a busy
machine gives the same figures. Writes docs/reference/graph.md.
"""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks import queries as latency
from benchmarks.common import DOCS, table, write
from benchmarks.load import empty_database
from headgraph import loader, queries
from headgraph.graphdb import Graph, schema
from headgraph.pk_engine import AffinityTable
from headgraph.pk_engine.bundled import table_path
from headgraph.queries.stored_queries.values import all_values, given_values

RUN = "bench-large"
HEAD = "L40H7"
"""Asked about. No hub: indexes are for finding a head, and a hub's edges are read in any case."""
ASKED = ("neighbours", "hubs", "strongest_edges", "triangles")
SIZES = {"OQ": 100_000, "OK": 30_000, "OV": 30_000}
Counts = dict[str, tuple[str, int]]
"""Query -> first operators of the plan, and db hits."""


def counts(graph: Graph) -> Counts:
    """What each query begins with, and how much it reads."""
    graph.command("CALL db.clearQueryCaches()")
    return {name: _profile(name, graph) for name in ASKED}


def _profile(name: str, graph: Graph) -> tuple[str, int]:
    query = queries.get(name)
    values = {**latency.VALUES[RUN], "head": HEAD}
    given = given_values(query, latency.arguments(query, values))
    with graph.session(default_access_mode="READ") as session:
        result = session.run("PROFILE " + query.cypher, all_values(query, given, RUN))
        profile = result.consume().profile
    steps = list(_steps(profile))
    leaves = [_operator(step) for step in steps if not step.get("children")]
    starts = dict.fromkeys(leaf for leaf in leaves if leaf not in ("Argument", "EmptyRow"))
    return ", ".join(f"`{start}`" for start in starts), sum(int(it["dbHits"]) for it in steps)


def _steps(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield plan
    for child in plan.get("children", ()):
        yield from _steps(child)


def _operator(step: Mapping[str, Any]) -> str:
    return str(step["operatorType"]).partition("@")[0]


def without_indexes(graph: Graph) -> None:
    """Drop every index that is no constraint's."""
    ranks = [schema.rank_index(pairing) for pairing in SIZES]
    for statement in (*schema.INDEXES, *ranks):
        graph.command(f"DROP INDEX {statement.split()[2]} IF EXISTS")


def main() -> None:
    """Load, count, drop the indexes, count again."""
    latency.LARGE.clear()
    latency.LARGE.update(SIZES)
    names = AffinityTable.read(table_path("gpt2-small"))
    with tempfile.TemporaryDirectory() as path, empty_database(Path(path)) as graph:
        for seed, run in enumerate((RUN, f"{RUN}-other")):
            loader.load(latency.synthetic(seed, names), graph, run=run, labels="none")
        graph.command("CALL db.awaitIndexes(300)")
        indexed = counts(graph)
        without_indexes(graph)
        plain = counts(graph)
    rows = [
        [f"`{name}`", indexed[name][0], f"{indexed[name][1]:,}", plain[name][0],
         f"{plain[name][1]:,}"]
        for name in ASKED
    ]  # fmt: skip
    head = ["query", "begins with", "db hits", "without indexes", "db hits"]
    write("profiles", table(head, rows), DOCS / "reference" / "graph.md")


if __name__ == "__main__":
    main()
