"""The complete runs of a database: their pairings, their series, their sums and their shapes."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from headgraph.base.files.documents import parse_json
from headgraph.base.spelling import either
from headgraph.base.text import did_you_mean, listed, quoted, short
from headgraph.graphdb import schema
from headgraph.graphdb.connection.runner import Runner
from headgraph.graphdb.properties import checked, checked_values
from headgraph.graphdb.runs import chosen_run
from headgraph.queries.errors import OlderRun, QueryError, UnknownName
from headgraph.queries.stored_queries.query import Query

_RUNS = """
MATCH (r:Run {status: "complete"}) WHERE r.name IS :: STRING NOT NULL
RETURN r.name AS name,
       CASE WHEN r.pairings IS :: LIST<STRING NOT NULL> THEN r.pairings END AS pairings,
       toIntegerOrNull(r.graph_version) AS version,
       CASE WHEN r.series IS :: STRING THEN r.series END AS series
ORDER BY name
"""
_SERIES = """
MATCH (r:Run {status: "complete"})
WHERE r.name IS :: STRING NOT NULL AND r.series IS :: STRING NOT NULL
RETURN r.series AS series, r.step AS step, r.name AS name ORDER BY series, step, name
"""
_SHAPES = """
MATCH (r:Run {status: "complete"}) WHERE r.name IS :: STRING NOT NULL
RETURN r.name AS name, r.n_layers AS layers, r.n_heads AS heads, r.d_model AS d_model,
       r.d_head AS d_head
"""
_LAYERS = """
MATCH (r:Run {name: $run, status: "complete"}) WHERE properties(r).layers IS NOT NULL
RETURN properties(r).layers AS layers, r.layer_order AS layer_order
"""
_COPYING = "MATCH (h:Head {run: $run}) WHERE h.copying IS NOT NULL RETURN 1 AS one LIMIT 1"


class Complete(NamedTuple):
    """A complete run: its pairings, the version of the schema it was written in, its series."""

    pairings: list[str]
    version: int
    series: str | None


Runs = Mapping[str, Complete]
"""Complete runs by name."""


def complete_runs(graph: Runner) -> Runs:
    """The complete runs, by name."""
    return {
        row["name"]: Complete(row["pairings"] or [], row["version"] or 1, row["series"])
        for row in graph.read(_RUNS)
    }


def checkpoints(series: str, graph: Runner) -> list[tuple[float | None, str]]:
    """Step and name of each run of a series, by step.

    Raises:
        UnknownName: no run belongs to the series.
        WrongProperty: a step that is no number.
    """
    rows = list(graph.read(_SERIES))
    own = [row for row in rows if row["series"] == series]
    found = [(checked(schema.RUN, row, row["name"], needed=())["step"], row["name"]) for row in own]
    if not found:
        known = list(dict.fromkeys(row["series"] for row in rows))
        trajectory = either(
            "trajectory(RUN, tables=FOLDER)", "headgraph trajectory RUN --tables FOLDER"
        )
        none = f"none: {trajectory} writes tables of checkpoints to load"
        there = listed(known) if known else none
        raise UnknownName(
            f"no run belongs to a series {quoted(series)}{did_you_mean(series, known)}: the "
            f"database has {there}"
        )
    return found


def check_runs(names: Iterable[str], runs: Runs) -> None:
    """Raise UnknownRun for a name that no complete run has."""
    for name in names:
        chosen_run(name, runs)


def runs_read(query: Query, values: Mapping[str, Any], runs: Runs) -> set[str]:
    """Names of the runs that a query reads edges of; none if it lists all runs."""
    names = {values[p.name] for p in query.params.values() if p.type == "run"} - {None}
    return with_series(query, names, runs)


def with_series(query: Query, names: Iterable[str], runs: Runs) -> set[str]:
    """The runs, and if a query goes through the checkpoints itself, every run of their series."""
    found = set(names)
    if query.over_series:
        series = {runs[name].series for name in found if name in runs} - {None}
        found |= {name for name, run in runs.items() if run.series in series}
    return found


def check_sums(query: Query, names: Iterable[str], runs: Runs) -> None:
    """Raise OlderRun where a query reads sums and a run that it reads has none.

    An older headgraph loaded runs without sums; an answer would lack such a run, or its rows. A
    query that goes through the checkpoints itself reads every run of their series.
    """
    if "sums" not in query.requires:
        return
    wanted = with_series(query, names, runs)
    if old := without_sums(wanted, runs):
        one = len(old) == 1
        drop = either(f"drop(graph, {old[0]!r})", f"headgraph drop {short(old[0])}")
        raise OlderRun(
            f"query {query.name} reads sums that {'run' if one else 'runs'} "
            f"{listed([repr(name) for name in old], 16)} {'lacks' if one else 'lack'}, loaded by "
            f"an older headgraph: {drop}, then load its table again"
        )


def check_copying(query: Query, names: Iterable[str], graph: Runner) -> None:
    """Raise OlderRun where a query reads copying and no head of a run has it."""
    if "copying" not in query.requires:
        return
    for name in names:
        if not graph.read(_COPYING, {"run": name}).rows:
            again = either(
                f"compute(MODEL) makes a table with it, and load(table, graph, run={name!r}, "
                "replace=True) loads it",
                "headgraph compute MODEL -o FILE makes a table with it, and headgraph load FILE "
                f"--run {short(name)} --replace loads it",
            )
            raise OlderRun(
                f"query {query.name} reads copying, which run {quoted(name)} lacks, because its "
                f"table has no scores of heads: {again}"
            )


def check_even(query: Query, names: Iterable[str], graph: Runner) -> None:
    """Raise QueryError where a query counts pairs by layer and a run's layers are uneven."""
    counts = schema.BEFORE in query.cypher  # right in layer order forward
    if "even" not in query.requires and not counts:
        return
    for name in names:
        for row in graph.read(_LAYERS, {"run": name}):
            if _uneven(name, row["layers"]) and not (counts and row["layer_order"] == "forward"):
                raise QueryError(
                    f"query {query.name} counts the pairs of heads that two layers could have, and "
                    f"in run {quoted(name)} layers have different numbers of heads, or read "
                    "different residual streams: ask for edges instead, such as with hubs"
                )


def _uneven(run: str, text: object) -> bool:
    (known,) = checked_values(schema.RUN, "layers", [text], run, "it")
    layers = parse_json(known, source="layers of a run", problem=QueryError, kind=list)
    try:
        kinds = {json.dumps([layer["heads"], layer["streams"]], sort_keys=True) for layer in layers}
        streams = {str(stream) for layer in layers for stream in layer["streams"].values()}
    except (KeyError, TypeError, AttributeError):
        raise QueryError(
            f"run {quoted(run)} has layers {quoted(known, 40)}: expected a list of layers with "
            "their heads and streams, as headgraph writes; load its table again"
        ) from None
    return len(kinds) > 1 or len(streams) > 1


def without_sums(names: Iterable[str], runs: Runs) -> list[str]:
    """Those of the runs that an older headgraph loaded without sums, in alphabetical order."""
    return sorted(name for name in names if runs[name].version < schema.SUMS_SINCE)


def check_shapes(names: list[str], graph: Runner) -> None:
    """Raise QueryError where two runs differ in layers, heads or the dimensions of a head."""
    shapes = {row["name"]: row for row in graph.read(_SHAPES)}
    first, *others = names
    for other in others:
        one, two = shapes[first], shapes[other]
        if (one["layers"], one["heads"]) != (two["layers"], two["heads"]):
            what = (
                f"{first} has {one['layers']} layers of {one['heads']} heads and {other} "
                f"{two['layers']} of {two['heads']}, so heads of one name are not the same head"
            )
        elif (one["d_head"], one["d_model"]) != (two["d_head"], two["d_model"]):
            what = (
                f"{first} has d_head {one['d_head']} and d_model {one['d_model']}, {other} "
                f"{two['d_head']} and {two['d_model']}, so their PK has different scales"
            )
        else:
            continue
        runs = either("query('runs', graph)", "headgraph query runs")
        raise QueryError(
            f"{what}: compare runs of one model, or its checkpoints ({runs} lists them)"
        )
