"""Notes on two compared runs: other options, or hardly a strong pair that both have."""

import math

from headgraph.graphdb import schema
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
_STRONGEST = 0.03
"""The part of each pairing that counts as its strongest pairs."""
_KEPT = """
MATCH (r:Run {status: "complete"}) WHERE r.name IN $runs
RETURN r.name AS name, r.pairs >= r.pairs_scored AS whole, r.scored AS scored
ORDER BY whole, name
"""
_COMMON = """
MATCH (a:Head {run: $run})-[e]->(b:Head) WHERE e.pk_rank <= $most[type(e)]
MATCH (:Head {run: $other, name: a.name})-[f]->(:Head {run: $other, name: b.name})
WHERE type(f) = type(e)
RETURN count(*) AS strong, count(CASE WHEN f.pk_rank <= $most[type(f)] THEN 1 END) AS both
"""


def compared_note(result: Result, runs: set[str], graph: Runner) -> str:
    """The notes on an answer with the totals of `compare_runs`; empty for other answers."""
    if not {"change", "total", "kept_from"} <= set(result.columns):
        return ""
    few = unrelated_note(result) or _whole_note(sorted(runs), graph)
    notes = (_options_note(sorted(runs), graph), few)
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


def _whole_note(runs: list[str], graph: Runner) -> str:
    """The same for a run that keeps all pairs: it shares every pair, so the strongest count."""
    rows = [dict(row) for row in graph.read(_KEPT, {"runs": runs})]
    if len(rows) != 2 or not rows[1]["whole"]:
        return ""
    run, other = rows[0]["name"], rows[1]["name"]
    scored = schema.scored_counts(rows[1]["scored"]) or {}
    most = {pairing: math.ceil(_STRONGEST * count) for pairing, count in scored.items()}
    for row in graph.read(_COMMON, {"run": run, "other": other, "most": most}):
        if row["strong"] >= FEW and row["both"] < UNRELATED * row["strong"]:
            return (
                f"only {row['both']:,} of the {row['strong']:,} strongest pairs of {run} are among "
                f"the strongest of {other}: these look like unrelated models, whose heads do not "
                "correspond"
            )
    return ""


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
