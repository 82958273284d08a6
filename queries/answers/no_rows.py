"""Why an answer has no rows, as far as the run, the values or the statement show it."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from headgraph.base.names import PAIRINGS, head_key, not_before, parse_head
from headgraph.base.spelling import Message, argument, either, parameter
from headgraph.base.text import listed, short
from headgraph.graphdb.connection.runner import Runner
from headgraph.queries.answers.runs import Runs
from headgraph.queries.stored_queries.query import Query

_METRICS = "MATCH (r:Run {name: $run}) RETURN r.metrics AS metrics"
_ORDER = "MATCH (r:Run {name: $run}) RETURN r.layer_order AS layer_order"
_TYPES = re.compile(r"\[\w*:([A-Z|]+)")


def why_no_rows(query: Query, values: Mapping[str, Any], graph: Runner, runs: Runs) -> Message:
    """A clause for a message, behind `no rows:`: the cause and what helps, or when there are none.

    Args:
        query: the stored query.
        values: the values of all its parameters.
        graph: the database, which is read once more where the run's scores matter.
        runs: the complete runs.
    """
    for cause in _CAUSES:
        for found in cause(query, values, graph, runs):
            return Message(found)
    return Message(f"that is an answer {query.may_be_empty}" if query.may_be_empty else "")


def _reversed(query: Query, values: Mapping[str, Any], graph: Runner, runs: Runs) -> Iterator[str]:
    if not {"source", "target"} <= query.params.keys():
        return
    source, target = values["source"], values["target"]
    if head_key(source)[0] or head_key(target)[0]:  # parts of an encoder-decoder
        return
    order = not_before(source, target)
    if order and graph.read(_ORDER, {"run": values["run"]}).single() == "forward":
        in_one_layer = parse_head(source)[0] == parse_head(target)[0]
        swapped = f"{parameter('source', target)}{either(', ', ' ')}{parameter('target', source)}"
        hint = "" if in_one_layer else f": try {swapped}"
        yield f"edges run from earlier layers to later ones, and {order}{hint}"
    elif "path" in {it.name for it in query.columns} and parse_head(source) == parse_head(target):
        yield f"{source} is both ends: a path leads from one head to another"


def _same(query: Query, values: Mapping[str, Any], graph: Runner, runs: Runs) -> Iterator[str]:
    if {"first", "second"} <= query.params.keys() and values["first"] == values["second"]:
        yield f"{short(values['first'])} is both heads: this query compares two"


def _pairings(query: Query, values: Mapping[str, Any], graph: Runner, runs: Runs) -> Iterator[str]:
    run = str(values.get("run"))
    named = {kind for types in _TYPES.findall(query.cypher) for kind in types.split("|")}
    wanted = [name for name in PAIRINGS if name in {*named, *(values.get("pairings") or ())}]
    there = runs[run].pairings if run in runs else []
    if there and wanted and not set(wanted) & set(there):
        yield (
            f"run {run} has edges of {listed(there, 16)}, but none of {listed(wanted)}, which this "
            f"query reads; {_computed_again(run, pairings='all')} add them"
        )


def _scores(query: Query, values: Mapping[str, Any], graph: Runner, runs: Runs) -> Iterator[str]:
    run = str(values.get("run"))
    if run in runs and re.search(r"\be\.cs\b", query.cypher):
        metrics = graph.read(_METRICS, {"run": run}).single() or []
        if "cs" not in metrics:
            again = _computed_again(run, metrics="pk,cs")
            yield f"the edges of run {run} have {listed(metrics)} but no cs; {again} add it"


def _communities(
    query: Query, values: Mapping[str, Any], graph: Runner, runs: Runs
) -> Iterator[str]:
    if "h.community" in query.cypher:
        run = values["run"]
        command = either(
            f"communities(graph, run={run!r}, write=True)",
            f"headgraph communities --run {short(run)} --write",
        )
        yield (
            f"no head of run {run} is in a community yet; {command} finds them and puts them on "
            "the heads"
        )


def _series(query: Query, values: Mapping[str, Any], graph: Runner, runs: Runs) -> Iterator[str]:
    run = str(values.get("run"))
    if query.over_series and run in runs and runs[run].series is None:
        tables = either(
            "trajectory(RUN, tables=FOLDER)", "headgraph trajectory RUN --tables FOLDER"
        )
        yield (
            f"run {run} is not a checkpoint of a training run; {tables} writes tables; load them "
            "to get checkpoints"
        )


def _computed_again(run: str, **option: str) -> str:
    """The two calls, or the two commands, that compute a table again and replace the run."""
    ((name, value),) = option.items()
    given = argument(name, value)
    compute = either(f"table = compute(MODEL, {given})", f"headgraph compute MODEL {given} -o FILE")
    load = either(
        f"load(table, graph, run={run!r}, replace=True)",
        f"headgraph load FILE --run {short(run)} --replace",
    )
    return f"{compute} and {load}"


_Cause = Callable[[Query, Mapping[str, Any], Runner, Runs], Iterator[str]]
_CAUSES: tuple[_Cause, ...] = (_series, _reversed, _same, _pairings, _scores, _communities)
