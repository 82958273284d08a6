"""The edges of a run as a table, for studies that Python computes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from headgraph.base.spelling import either
from headgraph.base.text import quoted
from headgraph.graphdb.connection.runner import Runner
from headgraph.graphdb.runs import chosen_run
from headgraph.queries.answers.runs import complete_runs
from headgraph.queries.errors import UnknownName

if TYPE_CHECKING:
    import pandas as pd

# a list per source head: one row per edge reads ten times slower
_EDGES = """
MATCH (a:Head {run: $run})-[e]->(b:Head)
WHERE type(e) IN $pairings AND ($strongest IS NULL OR e.pk_rank <= $strongest)
WITH a, e, b ORDER BY b.layer, b.head, type(e)
WITH a, collect([type(e), b.name, b.layer, e.pk_normalized * e.share]) AS edges
RETURN a.name AS source, a.layer AS layer, edges ORDER BY a.layer, a.head
"""
RUNS = either("runs(graph)", "headgraph runs")
COLUMNS = ["pairing", "source", "source_layer", "target", "target_layer", "weight"]


def chosen(run: str | None, graph: Runner) -> str:
    """The run of this name, or the only run.

    Raises:
        UnknownRun: no run has this name, there is no run, or there are several and `run` is None.
    """
    return chosen_run(run, complete_runs(graph))


def edges_of(
    run: str, graph: Runner, pairings: Sequence[str], strongest: int | None = None
) -> "pd.DataFrame":
    """Edges of these pairings, ordered by source, target and pairing.

    Args:
        run: name of the run.
        graph: an open database.
        pairings: pairings whose edges count.
        strongest: edges of each pairing that count, strongest first; None for all.

    Returns:
        `COLUMNS`; `weight` is the normalised Projection Kernel times share, 0 to 1.

    Raises:
        UnknownName: the run has no such edge.
    """
    import pandas as pd

    params = {"run": run, "pairings": list(pairings), "strongest": strongest}
    rows = [
        (pairing, row["source"], row["layer"], target, layer, weight)
        for row in graph.read(_EDGES, params)
        for pairing, target, layer, weight in row["edges"]
    ]
    if not rows:
        raise UnknownName(f"run {quoted(run)} has no edge of {', '.join(pairings)}: see {RUNS}")
    return pd.DataFrame(rows, columns=COLUMNS)
