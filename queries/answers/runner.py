"""Run a stored query: values checked and converted, names looked up, rows as a table or a graph."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from headgraph.base.spelling import Message, either
from headgraph.graphdb.connection.runner import Runner
from headgraph.graphdb.errors import StatementError
from headgraph.graphdb.properties import check_stored
from headgraph.graphdb.results.result import Result
from headgraph.graphdb.runs import chosen_run
from headgraph.queries.answers.cut import cut_note, limit_note
from headgraph.queries.answers.names import check_names
from headgraph.queries.answers.no_rows import why_no_rows
from headgraph.queries.answers.node_link import to_node_link
from headgraph.queries.answers.runs import Runs, checkpoints, complete_runs, runs_read
from headgraph.queries.answers.unrelated import compared_note
from headgraph.queries.errors import QueryError
from headgraph.queries.stored_queries.library import get
from headgraph.queries.stored_queries.query import Query
from headgraph.queries.stored_queries.values import all_values, given_values

if TYPE_CHECKING:
    import pandas as pd


_OF_VALUES = tuple(
    f"Neo.ClientError.Statement.{word}Error" for word in ("Type", "Arithmetic", "Argument")
)


def query(name: str, graph: Runner, /, *, run: str | None = None, **params: Any) -> "pd.DataFrame":
    """The answer of a stored query, as a table.

    Args:
        name: name of the query; `queries.catalogue` lists them.
        graph: an open database.
        run: name of the run; None for the only run.
        params: the query's own parameters; those left out take their defaults.

    Returns:
        Rows; `frame.attrs["may_be_empty"]` says when no rows are a valid answer. Without rows,
        `frame.attrs["no_rows"]` says why, and what helps. `frame.attrs["cut"]` says which share of
        the scored pairs the run holds, and where it is cut; empty if it holds all of them.
        `frame.attrs["limited"]` says how many edges of a head are shown of how many, or
        that two compared runs look like unrelated models.

    Raises:
        UnknownQuery, ParameterError, MissingParameter: the query cannot run with these arguments.
        UnknownName: the database has no such run, head, role or pairing.
        GraphError: the database cannot be read.
    """
    query = get(name)
    _, result, notes = _run(query, graph, run, params)
    from headgraph.queries.answer import Answer

    frame = Answer(_columns(result, query.table_columns).frame())
    frame.attrs |= {"may_be_empty": query.may_be_empty, **notes}
    return frame


def node_link(name: str, graph: Runner, /, *, run: str | None = None, **params: Any) -> Any:
    """The answer of a stored query as a graph, in node-link form; arguments as `query`.

    Returns:
        A dictionary that JSON can hold and that `networkx.node_link_graph(..., edges="links")`
        reads: `nodes` with `id`, `labels`, `properties`, and `links` with `source`, `target`,
        `key`, `type`, `properties`. Without rows, `no_rows` in `graph` says why; `cut` and
        `limited` are there as in `query`, where they say something.

    Raises:
        QueryError: the query has no graph form; otherwise as `query`.
    """
    query = get(name)
    if not query.graph_columns:
        table = either("call query() for a table", "leave out --graph")
        raise QueryError(f"query {query.name} answers with rows alone: {table}")
    values, result, notes = _run(query, graph, run, params)
    about = {"query": query.name, "title": query.title, "params": values}
    about |= {name: note for name, note in notes.items() if note}
    return to_node_link(_columns(result, query.graph_columns), about)


def over_series(name: str, graph: Runner, /, *, series: str, **params: Any) -> "pd.DataFrame":
    """The answers of a stored query for each checkpoint of a training run, below one another.

    Args:
        name: name of the query; `queries.catalogue` lists them.
        graph: an open database.
        series: name of the training run that the runs are checkpoints of, as in the metadata
            of their tables.
        params: the query's own parameters, the same for each run.

    Returns:
        The columns of `queries.query` after `step` and `checkpoint`, the run's name; by step.
        `frame.attrs["cut"]` is as in `queries.query`.

    Raises:
        UnknownName: no run belongs to the series, or one of the runs lacks a name in `params`.
        QueryError: the query goes through the checkpoints itself.
        ParameterError, GraphError: as `queries.query`.
    """
    import pandas as pd

    stored = get(name)
    given_values(stored, params)
    if stored.over_series:
        one = either(f"call query({stored.name!r}, graph, run=NAME)", "give --run")
        raise QueryError(f"query {stored.name} goes through the checkpoints itself: {one}")
    runs = checkpoints(series, graph)
    there = complete_runs(graph)  # once, and not for each checkpoint
    parts = []
    for step, run in runs:
        _, result, _ = _run(stored, graph, run, params, there, notes=False)
        part = _columns(result, stored.table_columns).frame()
        parts.append(part.assign(step=step, checkpoint=run))
    answer = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    answer.attrs = {
        "may_be_empty": stored.may_be_empty,
        "cut": cut_note(graph, [name for _, name in runs]),
    }
    return answer[["step", "checkpoint", *stored.table_columns]]


def choose_run(query: Query, run: str | None, graph: Runner) -> str | None:
    """The run that a query reads: the one named, or the only one.

    Raises:
        UnknownRun: there is none, or there are several.
    """
    if run is None and query.params["run"].required:
        return chosen_run(None, complete_runs(graph))
    return run


def _run(
    query: Query,
    graph: Runner,
    run: str | None,
    params: Mapping[str, Any],
    runs: Runs | None = None,
    *,
    notes: bool = True,
) -> tuple[dict[str, Any], Result, dict[str, str]]:
    """All values, the rows, and notes on them: `no_rows`, `cut` and `limited`, empty or a text.

    Args:
        query: the stored query.
        graph: the database.
        run: name of the run.
        params: the other values.
        runs: the complete runs, where they are known.
        notes: whether to look up the notes.
    """
    given = given_values(query, params)
    runs = complete_runs(graph) if runs is None else runs
    if run is None and query.params["run"].required:
        run = chosen_run(None, runs)
    check_names(query, {**given, "run": run}, graph, runs)
    values = all_values(query, given, run)
    read = runs_read(query, values, runs)
    cut = cut_note(graph, read) if notes else ""
    result = _rows(query, graph, values, read)
    if not notes:
        return values, result, {}
    why = Message("") if result.rows else why_no_rows(query, values, graph, runs)
    said = {
        "no_rows": why,
        "cut": cut,
        "limited": limit_note(query, values, result) or compared_note(result, read, graph),
    }
    return values, result, said


def _rows(query: Query, graph: Runner, values: Mapping[str, Any], runs: Iterable[str]) -> Result:
    try:
        return graph.read(query.cypher, values)
    except StatementError as error:
        if error.code.startswith(_OF_VALUES):
            for run in sorted(runs):
                check_stored(graph, run)
        raise


def _columns(result: Result, names: list[str]) -> Result:
    places = [result.columns.index(name) for name in names if name in result.columns]
    rows = tuple(tuple(row[place] for place in places) for row in result.rows)
    return replace(result, columns=tuple(result.columns[place] for place in places), rows=rows)
