"""The plan of a statement as rows, to be read from the bottom up."""

from typing import TYPE_CHECKING

from headgraph.graphdb.results.result import Plan

if TYPE_CHECKING:
    import pandas as pd


def plan_table(plan: Plan) -> "pd.DataFrame":
    """A row for each step: the root first, and a side branch above the branch that it joins.

    Returns:
        `operator` (with a bar for each side branch that the step is in), `estimated_rows`, then
        `rows` and `db_hits` if the statement ran, and `details`.
    """
    import pandas as pd

    frame = pd.DataFrame(
        [
            {
                "operator": "| " * step.depth + step.operator,
                "estimated_rows": step.estimated_rows,
                "rows": step.rows,
                "db_hits": step.db_hits,
                "details": step.details,
            }
            for step in plan.steps
        ],
        columns=["operator", "estimated_rows", "rows", "db_hits", "details"],
    )
    ran = [name for name in ("rows", "db_hits") if frame[name].notna().any()]
    return frame[["operator", "estimated_rows", *ran, "details"]]
