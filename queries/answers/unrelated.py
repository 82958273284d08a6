"""Notes on two compared runs: other options, or hardly a pair that both keep."""

from headgraph.graphdb.connection.runner import Runner
from headgraph.graphdb.results.result import Result

UNRELATED, FEW = 0.15, 20
"""The share of common pairs below which runs look unrelated, and the fewest pairs that count.

They are those of `headgraph diff`.
"""
_OPTIONS = """
MATCH (r:Run {status: "complete"}) WHERE r.name IN $runs
RETURN r.name AS name, r.kv AS kv, r.layer_order AS layer_order, r.fold_ln AS fold_ln,
       r.center_writing AS center_writing
ORDER BY name
"""


def compared_note(result: Result, runs: set[str], graph: Runner) -> str:
    """The notes on an answer with the totals of `compare_runs`; empty for other answers."""
    if not {"change", "total", "kept_from"} <= set(result.columns):
        return ""
    notes = (_options_note(sorted(runs), graph), unrelated_note(result))
    return "; ".join(note for note in notes if note)


def unrelated_note(result: Result) -> str:
    """The note that the runs of `compare_runs` share few pairs; empty where they share more.

    Undecided pairs do not count: a run that keeps fewer pairs of the same model lacks them too.
    """
    totals = {row["change"]: int(row["total"]) for row in result}
    both = totals.get("changed", 0) + totals.get("same", 0)
    alone = totals.get("gained", 0) + totals.get("lost", 0)
    kept = both + alone / 2
    if kept < FEW or both >= UNRELATED * kept:
        return ""
    return (
        f"the runs share {both:,} pairs, and {alone:,} are gained or lost: these look like "
        "unrelated models, whose heads do not correspond"
    )


def _options_note(runs: list[str], graph: Runner) -> str:
    """The note that the runs were scored with other options, which change PK by themselves."""
    rows = [dict(row) for row in graph.read(_OPTIONS, {"runs": runs})]
    differing = []
    for option in ("kv", "layer_order", "fold_ln", "center_writing"):
        values = [str(row[option]).lower() for row in rows]
        if len(set(values)) > 1:
            each = (f"{row['name']} {value}" for row, value in zip(rows, values, strict=True))
            differing.append(f"{option} ({', '.join(each)})")
    if not differing:
        return ""
    return f"the runs differ in {', '.join(differing)}, which alone can change these pairs"
