"""A training run of 150 checkpoints in one database: `make bench-series`.

Needs a Neo4j that may be written to, without other runs (NEO4J_URI or the local server). It loads
a run of 12 checkpoints, then one of 150, each with GPT-2's 858 edges, and drops both. Writes
docs/project/performance.md.
"""

import os
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import machine, seconds, table, write
from benchmarks.queries import ROUNDS, latencies
from headgraph import graphdb, loader, queries
from headgraph.graphdb import Graph
from headgraph.loader._runs import in_series
from headgraph.pk_engine import AffinityTable, Selection
from headgraph.pk_engine.bundled import table_path
from headgraph.queries.stored_queries.library import get
from headgraph.queries.stored_queries.values import all_values, given_values

FEW, MANY = 12, 150
ASKED: dict[str, dict[str, str]] = {
    "checkpoints": {},
    "head_by_checkpoint": {"head": "L4H7"},
    "edge_by_checkpoint": {"source": "L0H1", "target": "L9H9"},
}
OF_EACH = {"hubs": {"limit": "1"}, "overview": {}}
"""Queries of one run, asked of every checkpoint with `--series`."""


def load(graph: Graph, series: str, count: int, folder: Path) -> float:
    """Seconds of one `load --series`, after its tables were written."""
    gpt2 = AffinityTable.read(table_path("gpt2-small"))
    (folder / series).mkdir()
    for step in range(count):
        meta = replace(gpt2.meta, model=f"bench/{series}", series=series, step=1000.0 * step)
        AffinityTable(gpt2.columns, meta).write(folder / series / f"{step}.parquet")
    work = lambda: loader.load_series(  # noqa: E731
        folder / series, graph, selection=Selection(top_percent=3)
    )
    return seconds(work)


def hits(graph: Graph, name: str, run: str) -> int:
    """Database hits of a stored query's statement."""
    from neo4j import GraphDatabase

    query, about = get(name), graph.settings
    values = all_values(query, given_values(query, ASKED[name]), run)
    credentials = (about.user, about.password or "")
    with GraphDatabase.driver(about.uri, auth=credentials) as driver, driver.session() as session:
        plan = session.run(f"PROFILE {query.cypher}", values).consume().profile
    return _total(plan or {})


def _total(plan: dict[str, Any]) -> int:
    own = int(plan.get("args", {}).get("DbHits", 0))
    return own + sum(_total(child) for child in plan.get("children", ()))


def row(name: str, work: Callable[[], Any]) -> list[str]:
    """Rows of the answer, and its median and 95 % in milliseconds."""
    rows = len(work())
    took = latencies(work)
    middle, high = 1000 * np.percentile(took, [50, 95])
    return [name, str(rows), f"{middle:,.0f}", f"{high:,.0f}", str(len(took))]


def main() -> None:
    """Load, profile, ask and drop, and write the tables."""
    load_before = os.getloadavg()[1]
    with graphdb.connect() as graph, tempfile.TemporaryDirectory() as name:
        load(graph, "bench-few", FEW, Path(name))
        alone = {name: hits(graph, name, "bench-few-step3000") for name in ASKED}
        took = load(graph, "bench-many", MANY, Path(name))
        again = seconds(
            lambda: loader.load_series(
                Path(name) / "bench-many", graph, selection=Selection(top_percent=3)
            )
        )
        beside = {name: hits(graph, name, "bench-few-step3000") for name in ASKED}
        run = "bench-many-step75000"
        rows = [
            row(f"`{name}`", lambda: queries.query(name, graph, run=run, **ASKED[name]))  # noqa: B023
            for name in ASKED
        ]
        rows += [
            row(
                f"`{name} --series`",
                lambda: queries.over_series(name, graph, series="bench-many", **OF_EACH[name]),  # noqa: B023
            )
            for name in OF_EACH
        ]
        rows.append(row("`runs`", lambda: loader.runs(graph, series="bench-many")))
        dropped = seconds(lambda: loader.drop_all(graph, in_series(graph, "bench-many")))
        loader.drop_all(graph, in_series(graph, "bench-few"))
    times = table(["question", "rows", "median ms", "95 %", "n"], rows)
    plans = table(
        ["query", f"db hits of {FEW} checkpoints alone", f"beside {MANY} other runs"],
        [[f"`{name}`", f"{alone[name]:,}", f"{beside[name]:,}"] for name in ASKED],
    )
    write(
        "series",
        f"{machine('neo4j', rounds=ROUNDS)} The machine's load over five minutes was "
        f"{load_before:.1f} before and {os.getloadavg()[1]:.1f} after; client and server account "
        f"for up to 2 of it.\n\n`load --series` of {MANY} tables took {took:.0f} s, and "
        f"{again:.0f} s when repeated with all runs present; `drop --series` took "
        f"{dropped:.0f} s.\n\n"
        f"{times}\n\n{plans}",
    )


if __name__ == "__main__":
    main()
