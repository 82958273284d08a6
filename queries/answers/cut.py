"""What an answer says about runs that hold some of the scored pairs only, and about its own limit.

Such a run is cut: a question about weaker pairs finds nothing, because they are not in the graph.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from headgraph.base.decoys import is_bound
from headgraph.base.names import PAIRINGS
from headgraph.base.spelling import Message, either, parameter
from headgraph.graphdb import schema
from headgraph.graphdb.connection.runner import Runner
from headgraph.graphdb.results.result import Result
from headgraph.queries.stored_queries.query import Query

IN_FULL = 2
"""Runs of which each pairing is named; of more runs, only the share of all pairs."""
SHORT = 3
"""Runs of which the share is named; more are counted."""

# a condition that `$runs` may be null would keep the planner from seeking the names
_NAMED = 'MATCH (r:Run) WHERE r.name IN $runs AND r.status = "complete"'
_ALL = 'MATCH (r:Run {status: "complete"}) WHERE r.name IS :: STRING NOT NULL'
_WHAT = """
RETURN toIntegerOrNull(r.pairs) AS pairs, toIntegerOrNull(r.pairs_scored) AS pairs_scored,
       r.scored AS scored,
       CASE WHEN r.kept_pairings IS :: LIST<STRING NOT NULL> THEN r.kept_pairings END AS pairings,
       r.kept_pairs AS kept, r.kept_pk_min AS pk, r.kept_z_min AS z,
       CASE WHEN r.kept_pairings IS :: LIST<STRING NOT NULL>
            THEN [p IN r.kept_pairings | r["decoy_share_" + p]] END AS decoys,
       CASE WHEN r.kept_pairings IS :: LIST<STRING NOT NULL>
            THEN [p IN r.kept_pairings | CASE WHEN r["decoy_share_further_" + p] IS NOT NULL
                  THEN r["decoy_share_neighbours_" + p] END] END AS near,
       r.name AS name
ORDER BY name
"""
_EXACT = 1e12
"""PK and z are far smaller; a larger number in a Run was written by hand."""
_NOTHING = "about {} may mean nothing (decoys)"
_FEWER = "at most {} may mean nothing (no decoy is as strong)"
_NEAR = "about {} may mean nothing (decoys; neighbouring layers {})"


class End(NamedTuple):
    """Where a pairing is cut: figures, and words with a place for each of them."""

    words: str
    figures: tuple[str, ...]

    @property
    def short(self) -> str:
        """The figures alone, where the words were said before."""
        first, *more = self.figures
        return f"{first} ({', '.join(more)})" if more else first


class Kept(NamedTuple):
    """What a run keeps of a pairing.

    Attributes:
        pairing: name of the pairing.
        pairs: scored pairs that it keeps.
        scored: pairs that were scored.
        pk_min: the least PK that it keeps; None if it keeps no pair.
        z_min: the least z that it keeps; None if it keeps no pair, or an older headgraph loaded it.
        decoys: share of decoys among the kept pairs; None if the table has no decoys.
        near: the same between neighbouring layers; None if the run does not have it, or has no
            other pairs.
    """

    pairing: str
    pairs: int
    scored: int
    pk_min: float | None
    z_min: float | None
    decoys: float | None
    near: float | None

    @property
    def share(self) -> str:
        """The share of the scored pairs that it keeps, in words."""
        return _percent(self.pairs, self.scored) if self.pairs else "none"

    @property
    def ends(self) -> list[End]:
        """Where it is cut, and how many mean nothing; empty for a whole pairing."""
        if not 0 < self.pairs < self.scored:
            return []
        least = {"from PK {}": self.pk_min, "z {}": self.z_min}
        ends = [End(words, (_floor(low),)) for words, low in least.items() if low is not None]
        if isinstance(self.decoys, float):
            if is_bound(self.decoys, self.pairs):
                return [*ends, End(_FEWER, (f"{100 * self.decoys:.0f} %",))]
            known = isinstance(self.near, float)
            both = (self.decoys, self.near) if known else (self.decoys,)
            figures = tuple(
                f"{100 * it:.0f} %" if it < 1 else "all" for it in both if it is not None
            )
            ends.append(End(_NEAR if known else _NOTHING, figures))
        return ends


def cut_note(graph: Runner, runs: Iterable[str] | None = None, **limits: Any) -> str:
    """A sentence on which of the runs are cut and where; empty if none is.

    Args:
        graph: the database.
        runs: names of runs; None for all.
        limits: limits of the look-up, as for `Runner.read`.
    """
    names = None if runs is None else sorted(set(runs))
    rows: list[Mapping[str, Any]] = []
    if names is None:
        rows = list(graph.read(_ALL + _WHAT, **limits))
    elif names:
        rows = list(graph.read(_NAMED + _WHAT, {"runs": names}, **limits))
    cut = [row for row in rows if _is_cut(row)]
    if not cut:
        return ""
    if len(cut) <= IN_FULL:
        return "; ".join(f"run {row['name']} holds {_in_full(row)}" for row in cut)
    shares = [f"{row['name']} {_share(row)}" for row in cut[:SHORT]]
    more = f", and {len(cut) - SHORT} more" if len(cut) > SHORT else ""
    which = "all" if len(cut) == len(rows) else f"{len(cut)} of the {len(rows)}"
    lists = either("query('overview', graph, run=NAME)", "headgraph query overview --run NAME")
    return Message(
        f"{which} runs hold some of the scored pairs only ({', '.join(shares)}{more}): {lists} "
        "says where a run is cut"
    )


def limit_note(query: Query, values: Mapping[str, Any], result: Result) -> str:
    """How many edges of a head an answer shows of how many; empty if it shows all of them.

    This is for a query whose rows have a `direction`, and in `edges` the edges of this direction.
    """
    if not {"direction", "edges"} <= set(result.columns) or "limit" not in query.params:
        return ""
    shown: dict[str, list[int]] = {}
    for row in result:
        count = shown.setdefault(row["direction"], [0, row["edges"]])
        count[0] += 1
    ways = {"in": "edges that enter", "out": "edges that leave"}
    parts = [
        f"{count} of {edges} {ways[way]} {values['head']}"
        for way, (count, edges) in shown.items()
        if count < edges
    ]
    more = parameter("limit", max(edges for _, edges in shown.values())) if parts else ""
    return Message(f"shows {' and '.join(parts)}: {more} shows all") if parts else ""


def _is_cut(row: Mapping[str, Any]) -> bool:
    kept = _by_pairing(row)
    if kept:
        return any(it.pairs < it.scored for it in kept)
    return row["pairs"] is not None and (row["pairs_scored"] or 0) > row["pairs"]


def _by_pairing(row: Mapping[str, Any]) -> list[Kept]:
    """What a run keeps of each pairing that was scored.

    Empty if an older headgraph loaded the run, or if its properties were changed by hand to
    something that a load does not write.
    """
    figures = ("pairings", "kept", "pk", "z", "decoys", "near")
    names, kept, pk, z, decoys, near = (row[it] for it in figures)
    if not (names and kept and pk and row["scored"]):
        return []
    nothing = [None] * len(names)
    columns = [names, kept, pk, z or nothing, decoys or nothing, near or nothing]
    counts = schema.scored_counts(row["scored"])
    if not isinstance(kept, list) or not all(type(pairs) is int for pairs in kept):
        return []
    if counts is None or not all(_is_list(column, len(names)) for column in columns[1:]):
        return []
    found = {name: own for name, *own in zip(*columns, strict=True)}
    return [
        Kept(name, *_values(found.get(name), counts[name])) for name in PAIRINGS if counts.get(name)
    ]


def _is_list(value: Any, length: int) -> bool:
    """Whether these are so many numbers, or None for what is not known."""
    return (
        isinstance(value, list)
        and len(value) == length
        and all(item is None or type(item) in (int, float) for item in value)
    )


def _values(
    found: list[Any] | None, scored: int
) -> tuple[int, int, float | None, float | None, float | None, float | None]:
    pairs, pk_min, z_min, decoys, near = found or (0, None, None, None, None)
    return pairs, scored, pk_min, z_min, decoys, near


def _in_full(row: Mapping[str, Any]) -> str:
    kept = _by_pairing(row)
    if not kept:
        older = "an older headgraph loaded it and did not write where it is cut"
        return f"{_share(row)} of pairs ({older})"
    if len({it.share for it in kept}) == 1:
        whole = f"{kept[0].share} of pairs: "
        return whole + "; ".join(_joined([it.pairing, *ends]) for it, ends in _worded(kept))
    return "; ".join(", ".join([f"{it.pairing} {it.share}", *ends]) for it, ends in _worded(kept))


def _joined(words: list[str]) -> str:
    return f"{words[0]} {', '.join(words[1:])}".rstrip()


def _worded(kept: Iterable[Kept]) -> Iterator[tuple[Kept, list[str]]]:
    """Where each pairing is cut; figures of the same kinds as the last ones need no words."""
    words = None
    for it in kept:
        own = [end.words for end in it.ends]
        yield it, [end.short if own == words else end.words.format(*end.figures) for end in it.ends]
        words = own or words


def _share(row: Mapping[str, Any]) -> str:
    return _percent(row["pairs"], row["pairs_scored"])


def _percent(part: int, whole: int) -> str:
    """A share in per cent that is 100 for the whole only, and 0 for nothing only.

    >>> _percent(311, 10368), _percent(10367, 10368), _percent(10368, 10368), _percent(1, 300000)
    ('3 %', '99.9 %', '100 %', '0.00033 %')
    """
    share = 100 * part / whole
    if share < 1:
        return f"{share:.2g} %" if share >= 1e-4 else f"{share:.1e} %"
    text = f"{share:.0f}"
    if text == "100" and part < whole:
        text = f"{min(math.floor(share * 10) / 10, 99.9)}"
    return f"{text} %"


def _floor(value: float) -> str:
    """A lower bound with two decimals, or one from 10 on.

    >>> _floor(12.2699), _floor(9.2699), _floor(-0.001)
    ('12.2', '9.26', '-0.01')
    """
    if abs(value) >= _EXACT:
        return f"{value:.3g}"
    decimals = 1 if abs(value) >= 10 else 2
    return f"{math.floor(value * 10**decimals) / 10**decimals:.{decimals}f}"
