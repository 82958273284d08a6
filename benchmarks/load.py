"""How fast 1,000,000 edges are loaded, beside the other ways: `make bench-load`.

Each way gets a server of its own with the local server's settings and an empty database; nothing
of the user's is touched. `LOAD CSV` needs one setting more, which then all of them have. Writes
docs/project/performance.md.
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import pandas as pd

from benchmarks.common import machine, ratio, seconds, table, write
from benchmarks.queries import synthetic
from headgraph import loader
from headgraph.graphdb import Graph, Settings, schema
from headgraph.graphdb.server import ANY_PORTS, ServerHome, start, stop
from headgraph.graphdb.server.home import config
from headgraph.graphdb.server.store.importer import build_store, workplace
from headgraph.pk_engine import AffinityTable
from headgraph.pk_engine.bundled import table_path

ROUNDS = 3
ROWS = 10_000
"""Row maps in a statement, as people have it."""
SAMPLE = 1_500
"""Edges written one at a time; the rest is extrapolated."""
SCORES = ("pk", "pk_normalized", "z", "pk_rank", "cs", "share")
CSV_FILES = "dbms.security.allow_csv_import_from_file_urls"

_HEADS = f"UNWIND $heads AS name CREATE (:{schema.HEAD} {{id: name, run: 'bench', name: name}})"
_ENDS = f"MATCH (a:{schema.HEAD} {{id: row.source}}) MATCH (b:{schema.HEAD} {{id: row.target}})"
_ROW = f"WITH $row AS row {_ENDS} MERGE (a)-[e:%s]->(b) SET e += row.scores"
_MAPS = f"UNWIND $rows AS row {_ENDS} MERGE (a)-[e:%s]->(b) SET e += row.scores"
_CSV = f"""
LOAD CSV WITH HEADERS FROM '%s' AS row CALL (row) {{
  {_ENDS} CREATE (a)-[e:%s {{{
    ", ".join(
        f"{name}: {'toInteger' if name == 'pk_rank' else 'toFloat'}(row.{name})" for name in SCORES
    )
}}}]->(b)
}} IN TRANSACTIONS OF 20000 ROWS
"""

Way = Callable[[Graph], float]
"""Seconds for all edges, into a database that holds no more than heads (ours: nothing)."""


class Ways:
    """The same edges, written in different ways."""

    def __init__(self, scores: AffinityTable, folder: Path) -> None:
        self.scores, self.folder = scores, folder
        edges = scores.edges()
        ends = {
            end: "L" + edges[f"{end}_layer"].astype(str) + "H" + edges[f"{end}_head"].astype(str)
            for end in ("source", "target")
        }
        self.rows = edges[["pairing", *SCORES]].assign(**ends)
        meta = scores.meta
        self.heads = [f"L{i}H{j}" for i in range(meta.n_layers) for j in range(meta.n_heads)]

    def headgraph(self, graph: Graph) -> float:
        """Our loader: from the table to the published run."""
        return seconds(lambda: loader.load(self.scores, graph, run="bench", labels="none"))

    def one_at_a_time(self, graph: Graph) -> float:
        """A statement an edge."""
        self._heads(graph)
        sample = self.rows.sample(SAMPLE, random_state=0)
        maps = list(zip(sample["pairing"], _maps(sample), strict=True))

        def work() -> None:
            for pairing, row in maps:
                graph.write(_ROW % pairing, {"row": row})

        return seconds(work) * len(self.rows) / SAMPLE

    def row_maps(self, graph: Graph) -> float:
        """UNWIND of maps, and MERGE."""
        self._heads(graph)

        def work() -> None:
            for pairing, rows in self.rows.groupby("pairing", sort=False):
                for first in range(0, len(rows), ROWS):
                    params = {"rows": _maps(rows.iloc[first : first + ROWS])}
                    graph.write(_MAPS % pairing, params)

        return seconds(work)

    def load_csv(self, graph: Graph) -> float:
        """LOAD CSV and CREATE; the files are there already."""
        self._heads(graph)
        files = {}
        for pairing, rows in self.rows.groupby("pairing", sort=False):
            files[pairing] = self.folder / f"{pairing}.csv"
            rows.drop(columns="pairing").to_csv(files[pairing], index=False)

        def work() -> None:
            for pairing, file in files.items():
                graph.command(_CSV % (file.as_uri(), pairing))

        return seconds(work)

    def offline(self, graph: Graph) -> float:
        """Neo4j's importer, from its start to its end; the files are there already."""
        files = self.folder / "offline"
        if not files.exists():
            loader.export(self.scores, files, format="csv", name="bench", labels="none")
        home = ServerHome(self.folder / "imported")

        def work() -> None:
            with workplace(home) as scratch:
                build_store(scratch, files / "nodes.csv", files / "relationships.csv")

        return seconds(work)

    def _heads(self, graph: Graph) -> None:
        graph.write(_HEADS, {"heads": self.heads})


def _maps(rows: pd.DataFrame) -> list[dict[str, object]]:
    scores = rows[list(SCORES)].to_dict("records")
    ends = zip(rows["source"], rows["target"], scores, strict=True)
    return [{"source": source, "target": target, "scores": it} for source, target, it in ends]


@contextmanager
def empty_database(folder: Path) -> Iterator[Graph]:
    """A server that has just started, with constraints and indexes, and nothing else in it."""
    with tempfile.TemporaryDirectory(dir=folder) as path:
        home = ServerHome(Path(path) / "server")
        try:
            running = start(home, ports=ANY_PORTS)
            with Graph(Settings(uri=running.bolt_uri, password=running.password())) as graph:
                for statement in (*schema.CONSTRAINTS, *schema.INDEXES):
                    graph.command(statement)
                # the first statement ever waits for the server's own planner, whoever sends it
                graph.write("CREATE (n) DELETE n")
                yield graph
        finally:
            stop(home)


def edges_there(graph: Graph) -> int:
    """Edges between heads."""
    query = f"MATCH (:{schema.HEAD})-[e]->(:{schema.HEAD}) RETURN count(e)"
    return int(graph.read(query).rows[0][0])


def main() -> None:
    """Every way in each round, each into an empty database, and the table."""
    config.HARDENING[CSV_FILES] = "true"
    with tempfile.TemporaryDirectory() as path:
        folder = Path(path)
        ways = Ways(synthetic(0, AffinityTable.read(table_path("gpt2-small"))), folder)
        names: dict[str, Way] = {
            "`headgraph load`": ways.headgraph,
            f"`UNWIND` of {ROWS:,} row maps, `MERGE`": ways.row_maps,
            "`LOAD CSV`, `CREATE`, from files that are there": ways.load_csv,
            f"`MERGE`, a statement an edge ({SAMPLE:,} edges, extrapolated)": ways.one_at_a_time,
            "`neo4j-admin database import`, from files that are there": ways.offline,
        }
        took: dict[str, list[float]] = {name: [] for name in names}
        for _ in range(ROUNDS):
            for name, way in names.items():
                with empty_database(folder) as graph:
                    took[name].append(way(graph))
                    if way not in (ways.one_at_a_time, ways.offline):
                        assert edges_there(graph) == len(ways.rows), name
                print(name, took[name], flush=True)
    write("load", report(took, len(ways.rows)))


def report(took: dict[str, list[float]], edges: int) -> str:
    """The block for the page."""
    ours = next(iter(took.values()))
    head = [f"{edges:,} edges among 5,120 heads", "s", "edges/s", "times headgraph's"]
    lines = [
        [
            name,
            f"{median(times):,.1f}",
            f"{edges / median(times):,.0f}",
            f"{ratio(times, ours):.2f}",
        ]
        for name, times in took.items()
    ]
    return f"{machine('neo4j', rounds=ROUNDS)}\n\n{table(head, lines)}"


if __name__ == "__main__":
    main()
