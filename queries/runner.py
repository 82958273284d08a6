"""Ask a stored query: values checked and converted, names looked up, rows as a table or a graph."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from headgraph.base.suggestions import did_you_mean
from headgraph.base.text import listed, quoted
from headgraph.graphdb.result import Result
from headgraph.graphdb.runner import Runner
from headgraph.graphdb.runs import chosen_run
from headgraph.queries._empty import why_empty
from headgraph.queries._names import check_names
from headgraph.queries._node_link import to_node_link
from headgraph.queries._runs import complete_runs
from headgraph.queries.errors import MissingParameter, ParameterError, QueryError
from headgraph.queries.library import get
from headgraph.queries.stored_query import Query
from headgraph.queries.values import convert, example

if TYPE_CHECKING:
    import pandas as pd


def query(name: str, graph: Runner, /, *, run: str | None = None, **params: Any) -> "pd.DataFrame":
    """The answer of a stored query, as a table.

    Args:
        name: of the query, see `queries.catalogue`.
        graph: an open database.
        run: name of the run to ask about; None for the only one there is.
        params: the query's own parameters; those left out take their defaults.

    Returns:
        Rows; `frame.attrs["may_be_empty"]` says when none is an answer, and where there is none
        `frame.attrs["no_rows"]` why, and what helps.

    Raises:
        UnknownQuery, ParameterError, MissingParameter: the question cannot be asked so.
        UnknownName: the database has no such run, head, role or pairing.
        GraphError: the database cannot be asked.
    """
    query = get(name)
    _, result, why = _ask(query, graph, run, params)
    from headgraph.queries._answer import Answer

    frame = Answer(_columns(result, query.table_columns).frame())
    frame.attrs |= {"may_be_empty": query.may_be_empty, "no_rows": why}
    return frame


def node_link(name: str, graph: Runner, /, *, run: str | None = None, **params: Any) -> Any:
    """The answer of a stored query as a graph, in node-link form; arguments as `run`.

    Returns:
        A dictionary that JSON can hold and that `networkx.node_link_graph(..., edges="links")`
        reads: `nodes` with `id`, `labels`, `properties`, and `links` with `source`, `target`,
        `key`, `type`, `properties`. Where nothing answers, `graph` has `no_rows`: why.

    Raises:
        QueryError: the query has no graph form; else as `run`.
    """
    query = get(name)
    if not query.graph_columns:
        raise QueryError(f"query {query.name} answers with rows alone: leave out --graph")
    values, result, why = _ask(query, graph, run, params)
    about = {"query": query.name, "title": query.title, "params": values}
    if why:
        about["no_rows"] = why
    return to_node_link(_columns(result, query.graph_columns), about)


def given_values(
    query: Query, params: Mapping[str, Any], *, complete: bool = True
) -> dict[str, Any]:
    """Converted values of the parameters that were given; `run` is none of them.

    Args:
        query: whose parameters they are.
        params: values by name.
        complete: whether all that have no default must be there.

    Raises:
        ParameterError: the query has no such parameter, or it cannot take the value.
        MissingParameter: one without a default was not given.
    """
    own = [name for name in query.params if name != "run"]
    for name in params:
        if name not in own:
            has = f"it has {listed(own)}" if own else "it has none but the run"
            raise ParameterError(
                f"query {query.name} has no parameter {quoted(name)}{did_you_mean(name, own)}: "
                f"{has}"
            )
    missing = [name for name in own if query.params[name].required and params.get(name) is None]
    if missing and complete:
        options = " ".join(f"-p {name}={example(query.params[name].type)}" for name in missing)
        raise MissingParameter(
            f"query {query.name} needs {' and '.join(missing)}: give {options}, with a value of "
            "your own"
        )
    return {name: convert(query.params[name], value) for name, value in params.items()}


def all_values(query: Query, given: Mapping[str, Any], run: str | None) -> dict[str, Any]:
    """Values for every parameter, in the header's order."""
    defaults = {name: param.default for name, param in query.params.items()}
    return {**defaults, **given, "run": run}


def choose_run(query: Query, run: str | None, graph: Runner) -> str | None:
    """The run that a query is asked about: the one named, or the only one.

    Raises:
        UnknownRun: there is none, or there are several.
    """
    if run is None and query.params["run"].required:
        return chosen_run(None, complete_runs(graph))
    return run


def _ask(
    query: Query, graph: Runner, run: str | None, params: Mapping[str, Any]
) -> tuple[dict[str, Any], Result, str]:
    """All values, the rows, and where there are none why; empty else."""
    given = given_values(query, params)
    runs = complete_runs(graph)
    if run is None and query.params["run"].required:
        run = chosen_run(None, runs)
    check_names(query, {**given, "run": run}, graph, runs)
    values = all_values(query, given, run)
    result = graph.read(query.cypher, values)
    return values, result, "" if result.rows else why_empty(query, values, graph, runs)


def _columns(result: Result, names: list[str]) -> Result:
    places = [result.columns.index(name) for name in names if name in result.columns]
    rows = tuple(tuple(row[place] for place in places) for row in result.rows)
    return replace(result, columns=tuple(result.columns[place] for place in places), rows=rows)
