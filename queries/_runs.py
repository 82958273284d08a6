"""The runs that a database has: which are whole, their series, their sums, and their shapes."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from headgraph.base.suggestions import did_you_mean
from headgraph.base.text import listed, quoted
from headgraph.graphdb import schema
from headgraph.graphdb.runner import Runner
from headgraph.graphdb.runs import chosen_run
from headgraph.queries.errors import OlderRun, QueryError, UnknownName
from headgraph.queries.stored_query import Query

_RUNS = """
MATCH (r:Run {status: "complete"}) WHERE r.name IS NOT NULL
RETURN r.name AS name, r.pairings AS pairings, r.graph_version AS version, r.series AS series
ORDER BY name
"""
_SERIES = """
MATCH (r:Run {status: "complete"}) WHERE r.name IS NOT NULL AND r.series IS NOT NULL
RETURN r.series AS series, r.step AS step, r.name AS name ORDER BY series, step, name
"""
_SHAPES = """
MATCH (r:Run {status: "complete"}) WHERE r.name IS NOT NULL
RETURN r.name AS name, r.n_layers AS layers, r.n_heads AS heads
"""


class Complete(NamedTuple):
    """A run that is whole: its pairings, the schema's version it was written in, its series."""

    pairings: list[str]
    version: int
    series: str | None


Runs = Mapping[str, Complete]
"""By name."""


def complete_runs(graph: Runner) -> Runs:
    """The runs that are whole."""
    return {
        row["name"]: Complete(row["pairings"] or [], row["version"] or 1, row["series"])
        for row in graph.read(_RUNS)
    }


def checkpoints(series: str, graph: Runner) -> list[tuple[float | None, str]]:
    """Step and name of each run of a series, by step.

    Raises:
        UnknownName: no run belongs to it.
    """
    rows = list(graph.read(_SERIES))
    found = [(row["step"], row["name"]) for row in rows if row["series"] == series]
    if not found:
        known = list(dict.fromkeys(row["series"] for row in rows))
        none = (
            "none: headgraph trajectory MODEL --tables FOLDER writes tables of checkpoints to load"
        )
        there = listed(known) if known else none
        raise UnknownName(
            f"no run belongs to a series {quoted(series)}{did_you_mean(series, known)}: the "
            f"database has {there}"
        )
    return found


def check_runs(names: Iterable[str], runs: Runs) -> None:
    """Let names of complete runs pass.

    Raises:
        UnknownRun: there is no such run.
    """
    for name in names:
        chosen_run(name, runs)


def check_sums(query: Query, names: Iterable[str], runs: Runs) -> None:
    """Let a query pass whose sums all the runs have that it reads.

    A query that goes through the checkpoints itself reads every run of their series.

    Raises:
        OlderRun: one was loaded before there were sums; an answer would lack it, or its rows.
    """
    if "sums" not in query.requires:
        return
    wanted = set(names)
    if query.over_series:
        series = {runs[name].series for name in wanted} - {None}
        wanted |= {name for name, run in runs.items() if run.series in series}
    if old := without_sums(wanted, runs):
        one = len(old) == 1
        raise OlderRun(
            f"query {query.name} reads sums that {'run' if one else 'runs'} "
            f"{listed([repr(name) for name in old], 16)} {'lacks' if one else 'lack'}, loaded by "
            f"an older headgraph: headgraph drop {old[0]}, then load its table again"
        )


def without_sums(names: Iterable[str], runs: Runs) -> list[str]:
    """Those of the runs that were loaded before there were sums, by name."""
    return sorted(name for name in names if runs[name].version < schema.SUMS_SINCE)


def check_shapes(names: list[str], graph: Runner) -> None:
    """Raise QueryError where runs that are compared have heads of different models' shapes."""
    shapes = {row["name"]: (row["layers"], row["heads"]) for row in graph.read(_SHAPES)}
    first, *others = names
    for other in others:
        if shapes[other] != shapes[first]:
            (layers, heads), (other_layers, other_heads) = shapes[first], shapes[other]
            raise QueryError(
                f"{first} has {layers} layers of {heads} heads and {other} {other_layers} of "
                f"{other_heads}, so heads of one name are not the same head: compare runs of one "
                "model, or its checkpoints (headgraph query runs tells them)"
            )
