"""One stored query, asked of every checkpoint of a training run."""

from typing import TYPE_CHECKING, Any

from headgraph.graphdb.runner import Runner
from headgraph.queries._runs import checkpoints
from headgraph.queries.errors import QueryError
from headgraph.queries.library import get
from headgraph.queries.runner import given_values
from headgraph.queries.runner import query as ask

if TYPE_CHECKING:
    import pandas as pd


def over_series(name: str, graph: Runner, /, *, series: str, **params: Any) -> "pd.DataFrame":
    """The answers of a stored query for each run of a series, below one another.

    Args:
        name: of the query, see `queries.catalogue`.
        graph: an open database.
        series: that the runs belong to; a table says so in its metadata.
        params: the query's own parameters, the same for each run.

    Returns:
        The columns of `queries.query` after `step` and `checkpoint`, the run's name; by step.

    Raises:
        UnknownName: no run belongs to the series, or a name is missing in one of them.
        QueryError: the query is about several runs itself.
        ParameterError, GraphError: as `queries.query`.
    """
    import pandas as pd

    query = get(name)
    given_values(query, params)
    if query.over_series:
        raise QueryError(f"query {query.name} goes through the checkpoints itself: give --run")
    parts = [
        ask(query.name, graph, run=run, **params).assign(step=step, checkpoint=run)
        for step, run in checkpoints(series, graph)
    ]
    answer = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    answer.attrs["may_be_empty"] = query.may_be_empty
    return answer[["step", "checkpoint", *query.table_columns]]
