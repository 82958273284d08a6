"""The edges of a run as a table, for studies that Python computes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from headgraph.base.spelling import either
from headgraph.base.text import quoted
from headgraph.graphdb.connection.runner import Runner
from headgraph.graphdb.properties import EDGE, checked_values, read_stored
from headgraph.graphdb.runs import chosen_run
from headgraph.queries.answers.runs import complete_runs
from headgraph.queries.errors import UnknownName

if TYPE_CHECKING:
    import pandas as pd

# a list per source head: one row per edge reads ten times slower
_EDGES = """
MATCH (a:Head {run: $run})-[e]->(b:Head {run: $run})
WHERE type(e) IN $pairings AND ($strongest IS NULL OR coalesce(e.pk_rank <= $strongest, true))
WITH a, e, b ORDER BY b.layer, b.head, type(e)
WITH a, collect([type(e), b.name, e.pk_normalized, e.share, e.pk_rank]) AS edges
RETURN a.name AS source, edges ORDER BY a.layer, a.head
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
        WrongProperty: a property that headgraph cannot have written.
    """
    import pandas as pd

    places = read_stored(graph, run).places
    params = {"run": run, "pairings": list(pairings), "strongest": strongest}
    found = [
        (pairing, row["source"], places[row["source"]][0], target, places[target][0], *scores)
        for row in graph.read(_EDGES, params)
        for pairing, target, *scores in row["edges"]
    ]
    if not found:
        raise UnknownName(f"run {quoted(run)} has no edge of {', '.join(pairings)}: see {RUNS}")
    *ends, normalized, shares, ranks = zip(*found, strict=True)
    for name, values in (("pk_normalized", normalized), ("share", shares), ("pk_rank", ranks)):
        checked_values(EDGE, name, values, run, "an edge")
    scores = [pk * share for pk, share in zip(normalized, shares, strict=True)]
    return pd.DataFrame(dict(zip(COLUMNS, [*ends, scores], strict=True)))
