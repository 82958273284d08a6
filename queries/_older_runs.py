"""Runs loaded before a load wrote sums: refused where a query reads these, and only there."""

from collections.abc import Iterable
from itertools import pairwise
from typing import TYPE_CHECKING

from headgraph.base.text import listed
from headgraph.graphdb import schema
from headgraph.queries._tokens import Token, tokens
from headgraph.queries.errors import OlderRun
from headgraph.queries.stored_query import Query

if TYPE_CHECKING:
    from headgraph.queries._names import Runs

_PROPERTIES = (f"{schema.INLET}_", f"{schema.OUTLET}_", schema.KEPT)


def reads_sums(query: Query) -> bool:
    """Whether the statement names a sum: as `h.inlet_OQ`, or in a string, as `h["inlet_" + p]`.

    A column called `inlet_each` is none.
    """
    pieces = [Token("sign", "", 0, 0), *tokens(query.cypher)]
    return any(
        token.text.strip("\"'").startswith(_PROPERTIES)
        for before, token in pairwise(pieces)
        if token.kind == "string" or (token.is_name and before.is_sign("."))
    )


def check_sums(query: Query, names: Iterable[str], runs: "Runs") -> None:
    """Let a query pass whose sums all the runs have that it reads.

    A query that goes through the checkpoints itself reads every run of their series.

    Raises:
        OlderRun: one was loaded before there were sums; an answer would lack it, or its rows.
    """
    if not reads_sums(query):
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


def without_sums(names: Iterable[str], runs: "Runs") -> list[str]:
    """Those of the runs that were loaded before there were sums, by name."""
    return sorted(name for name in names if runs[name].version < schema.SUMS_SINCE)
