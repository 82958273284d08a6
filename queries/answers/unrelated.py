"""A note that two runs share hardly a pair that they keep, as unrelated models do."""

from headgraph.graphdb.results.result import Result

UNRELATED, FEW = 0.15, 20
"""The share of common pairs below which runs look unrelated, and the fewest pairs that count.

They are those of `headgraph diff`.
"""


def unrelated_note(result: Result) -> str:
    """The note for an answer with the totals of `compare_runs`; empty where the runs share more.

    Runs that keep all pairs share them all, so they have no note.
    """
    if not {"change", "total", "kept_from"} <= set(result.columns):
        return ""
    totals = {row["change"]: int(row["total"]) for row in result}
    both = totals.get("changed", 0) + totals.get("same", 0)
    alone = sum(totals.get(kind, 0) for kind in ("gained", "lost", "undecided"))
    kept = both + alone / 2
    if kept < FEW or both >= UNRELATED * kept:
        return ""
    return (
        f"the runs share {both:,} of the {kept:,.0f} pairs that each keeps on average: these look "
        "like unrelated models, whose heads do not correspond"
    )
