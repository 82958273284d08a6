"""How much of the disk a load takes: `python -m benchmarks.disk`.

Runs of several sizes go into a server with an empty database. Bytes of the transaction log are
taken right after the load, those of the store after a stop, which writes all of it; nothing is
pruned of the log in between. `loader._disk_space` has its figures from here.
"""

import tempfile
from pathlib import Path

from benchmarks.common import table
from benchmarks.queries import synthetic
from headgraph import loader
from headgraph.graphdb import connect
from headgraph.graphdb.server import ANY_PORTS, ServerHome, start, stop
from headgraph.graphdb.server.store.exchange import PARTS
from headgraph.loader.loading.edges import edge_properties
from headgraph.loader.loading.plan import plan_load
from headgraph.pk_engine import AffinityTable, Selection
from headgraph.pk_engine.bundled import table_path


def main() -> None:
    """Load each, and print bytes an edge."""
    bundled = AffinityTable.read(table_path("gpt2-small"))
    large = synthetic(0, bundled)
    rows = []
    for number, scores in enumerate(
        (bundled, large.select(Selection(top=20_000)), large)
    ):  # heads count most where there are few edges
        with tempfile.TemporaryDirectory() as folder:
            rows.append(_taken(ServerHome(Path(folder)), scores, f"run{number}"))
    columns = ("edges", "heads", "properties", "log", "store", "both", "asked for", "log of a drop")
    print(table(columns, rows))


def _taken(home: ServerHome, scores: AffinityTable, name: str) -> list[str]:
    plan = plan_load(scores, name, None, "none")
    home.prepare()
    home.overrides.write_text("db.tx_log.preallocate=false\n")  # files as long as what is in them
    server = start(home, ports=ANY_PORTS)
    try:
        before = [_bytes(home.data / part) for part in PARTS]
        with connect(settings=server.settings()) as graph:
            loader.load(scores, graph, run=name, labels="none")
            log = _bytes(home.data / PARTS[1]) - before[1]
            loader.drop(graph, name)
            dropped = _bytes(home.data / PARTS[1]) - before[1] - log
    finally:
        stop(home)
    store = _bytes(home.data / PARTS[0]) - before[0]
    taken = (log, store, log + store, plan.disk_bytes, dropped)
    an_edge = [count / len(plan.edges) for count in taken]
    counts = (len(plan.edges), plan.n_heads, len(edge_properties(plan.table)))
    return [*(f"{count:,}" for count in counts), *(f"{each:.0f}" for each in an_edge)]


def _bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


if __name__ == "__main__":
    main()
