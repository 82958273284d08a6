"""Why an answer has no rows, as far as the run, the values or the statement say it."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from headgraph.base.names import PAIRINGS, not_before, parse_head
from headgraph.base.text import listed
from headgraph.graphdb.runner import Runner
from headgraph.queries._runs import Runs
from headgraph.queries.stored_query import Query

_METRICS = "MATCH (r:Run {name: $run}) RETURN r.metrics AS metrics"
_ORDER = "MATCH (r:Run {name: $run}) RETURN r.layer_order AS layer_order"
_TYPES = re.compile(r"\[\w*:([A-Z|]+)")
_AGAIN = "headgraph compute MODEL {option} -o FILE and headgraph load FILE --run {run} --replace"


def why_empty(query: Query, values: Mapping[str, Any], graph: Runner, runs: Runs) -> str:
    """A clause to stand behind `no rows:`: the cause and what helps, or when there are none.

    Args:
        query: that was asked.
        values: of all its parameters.
        graph: the database, which is asked once more where the run's scores matter.
        runs: the runs that are whole.
    """
    for cause in _CAUSES:
        for found in cause(query, values, graph, runs):
            return found
    return f"that is an answer {query.may_be_empty}" if query.may_be_empty else ""


def _reversed(query: Query, values: Mapping[str, Any], graph: Runner, runs: Runs) -> Iterator[str]:
    if not {"source", "target"} <= query.params.keys():
        return
    source, target = values["source"], values["target"]
    order = not_before(source, target)
    if order and graph.read(_ORDER, {"run": values["run"]}).single() == "forward":
        in_one_layer = parse_head(source)[0] == parse_head(target)[0]
        swapped = "" if in_one_layer else f": try -p source={target} -p target={source}"
        yield f"edges run from earlier layers to later ones, and {order}{swapped}"
    elif "path" in {it.name for it in query.columns} and parse_head(source) == parse_head(target):
        yield f"{source} is both ends: a path leads from one head to another"


def _pairings(query: Query, values: Mapping[str, Any], graph: Runner, runs: Runs) -> Iterator[str]:
    run = str(values.get("run"))
    named = {kind for types in _TYPES.findall(query.cypher) for kind in types.split("|")}
    wanted = [name for name in PAIRINGS if name in {*named, *(values.get("pairings") or ())}]
    there = runs[run].pairings if run in runs else []
    if there and wanted and not set(wanted) & set(there):
        again = _AGAIN.format(option="--pairings all", run=run)
        yield (
            f"run {run} has no edges of {listed(wanted)}, which this question reads, but of "
            f"{listed(there, 16)}; {again} bring them"
        )


def _scores(query: Query, values: Mapping[str, Any], graph: Runner, runs: Runs) -> Iterator[str]:
    run = str(values.get("run"))
    if run in runs and re.search(r"\be\.cs\b", query.cypher):
        metrics = graph.read(_METRICS, {"run": run}).single() or []
        if "cs" not in metrics:
            again = _AGAIN.format(option="--metrics pk,cs", run=run)
            yield f"the edges of run {run} have no cs, but {listed(metrics)}; {again} bring it"


def _communities(
    query: Query, values: Mapping[str, Any], graph: Runner, runs: Runs
) -> Iterator[str]:
    if "h.community" in query.cypher:
        run = values["run"]
        yield (
            f"no head of run {run} is in a community yet; headgraph communities --run {run} "
            "--write finds them and puts them on the heads"
        )


def _series(query: Query, values: Mapping[str, Any], graph: Runner, runs: Runs) -> Iterator[str]:
    run = str(values.get("run"))
    if query.over_series and run in runs and runs[run].series is None:
        yield (
            f"run {run} is no checkpoint of a training run; headgraph trajectory RUN --tables "
            "FOLDER writes tables that headgraph load makes checkpoints of"
        )


_Cause = Callable[[Query, Mapping[str, Any], Runner, Runs], Iterator[str]]
_CAUSES: tuple[_Cause, ...] = (_series, _reversed, _pairings, _scores, _communities)
