"""Streaming top-k: a selection that is applied to scores group by group.

The result is exact and deterministic: it equals that of ranking all pairs first. Rules on PK alone
(`top`, `top_percent`, `min_pk`) keep a prefix of the ranking, so only that prefix stays in memory.
`min_z` and `top_per_target` keep rows from any place in the ranking. Their rows stay in memory, and
the other pairs go to a temporary file, 12 bytes a pair, from which the ranks are counted. No
one-pass algorithm finds exact ranks in sublinear memory (Munro and Paterson 1980,
doi:10.1016/0304-3975(80)90061-4).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from headgraph.base.files.output import temporary_space
from headgraph.pk_engine.errors import EngineError
from headgraph.pk_engine.table.columns import Columns, first_of_each, joined, taken
from headgraph.pk_engine.table.selection import Selection

SPARE = 65_536
"""Rows in memory beyond twice those that the last thinning left."""


PAIR = np.dtype([("pk", "<f4"), ("source", "<i4"), ("target", "<i4")])
"""A pair that the rules cannot keep, of which only the place in the ranking matters."""


@dataclass(frozen=True)
class Sifted:
    """Pairs of one pairing, after the rules.

    Attributes:
        rows: those that the rules can still keep.
        discarded: the others, if ranks depend on them.
        scored: the number of all of them.
    """

    rows: Columns
    discarded: NDArray[Any]
    scored: int


class Sieve:
    """Takes the pairs out that a selection cannot keep, whatever other pairs there are.

    Args:
        selection: the rules.
        most: an upper bound of the number of pairs.
    """

    def __init__(self, selection: Selection, most: int) -> None:
        self.selection = selection
        self._most = selection.limit(most)
        rules = selection.to_json()
        self._prefix = bool(rules.keys() & {"top", "top_percent", "min_pk"}) or rules.keys() <= {
            "max_decoy"
        }

    def sift(self, rows: Columns) -> Sifted:
        """The rows that the rules can still keep, and the others."""
        keep = self._can_stay(rows)
        discarded = np.empty(0 if self._prefix else np.count_nonzero(~keep), PAIR)
        if len(discarded):
            for name in PAIR.names or ():
                discarded[name] = rows[name][~keep]
        return Sifted(taken(rows, keep), discarded, len(keep))

    def _can_stay(self, rows: Columns) -> NDArray[np.bool_]:
        """Mask of the rows that the rules may keep, judged by these rows alone."""
        selection = self.selection
        if self._prefix:
            lowest = -np.inf if selection.min_pk is None else np.float32(selection.min_pk)
            keep: NDArray[np.bool_] = rows["pk"] >= lowest
            if len(keep) > self._most:
                keep[_ranking(rows)[self._most :]] = False
            return keep
        if selection.top_per_target is None:
            return np.asarray(rows["z"] >= np.float32(selection.min_z or 0))
        order = np.lexsort((rows["source"], -rows["pk"], rows["target"]))
        return first_of_each(order, [rows["target"]], selection.top_per_target)


class Keeper:
    """Collects the rows of one pairing that a selection can still keep.

    Args:
        selection: the rules.
        most: an upper bound of the number of pairs.
    """

    def __init__(self, selection: Selection, most: int) -> None:
        self.scored = 0
        self._sieve = Sieve(selection, most)
        self._rows: list[Columns] = []
        self._held = 0
        self._thinned = 0  # rows that the last thinning of all rows left
        self._discarded = Discarded()

    def offer(self, columns: Mapping[str, NDArray[Any]]) -> None:
        """Add some pairs.

        Args:
            columns: `source` and `target`, the heads counted through all layers; `pk`, `z`; and
                any other columns. All have one length.
        """
        self.add(self._sieve.sift(dict(columns)))

    def add(self, part: Sifted) -> None:
        """Add the pairs of a group, after the same rules."""
        self.scored += part.scored
        self._discarded.add(part.discarded)
        self._rows.append(part.rows)
        self._held += len(part.rows["pk"])
        if self._held > 2 * self._thinned + SPARE:
            self._rows = [self._thin()]
            self._held = self._thinned = len(self._rows[0]["pk"])

    def state(self) -> Columns:
        """All rows and discarded pairs as arrays, for `include`."""
        return {**self._joined(), _DISCARDED: self._discarded.pairs()}

    def include(self, state: Columns, scored: int) -> None:
        """Add the `state` of another keeper after its `scored` pairs."""
        rows = {name: values for name, values in state.items() if name != _DISCARDED}
        if rows:
            self.add(Sifted(rows, state[_DISCARDED], scored))

    def close(self) -> None:
        """Remove the temporary file."""
        self._discarded.close()

    def finish(self) -> Columns:
        """The remaining rows, strongest first, with `pk_rank`."""
        rows = self._thin()
        place = np.arange(1, len(rows["pk"]) + 1) + self._discarded.before(rows)
        self.close()
        return {**rows, "pk_rank": place}

    def _thin(self) -> Columns:
        """The rows of all groups that the rules can still keep."""
        sifted = self._sieve.sift(self._joined())
        self._discarded.add(sifted.discarded)
        return sifted.rows

    def _joined(self) -> Columns:
        """All rows in memory, strongest first, ties by source, then target."""
        rows = joined(self._rows)
        return taken(rows, _ranking(rows)) if rows else rows


def _ranking(rows: Columns) -> NDArray[np.int64]:
    """Strongest first, ties by source, then target."""
    return np.lexsort((rows["target"], rows["source"], -rows["pk"]))


_DISCARDED = "discarded pairs"
"""Name of the discarded pairs in a state, beside names of columns."""
AT_ONCE = 1_000_000
"""Pairs read at a time when ranks are counted."""


class Discarded:
    """Pairs that the rules cannot keep, in a temporary file.

    The first pair creates the file, and `close` removes it.
    """

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None

    def add(self, pairs: NDArray[Any]) -> None:
        """Add pairs, of the type `PAIR`."""
        if not len(pairs):
            return
        if self._file is None:
            with temporary_space(EngineError):
                self._file = tempfile.TemporaryFile()  # noqa: SIM115  closed by close()
        with temporary_space(EngineError):
            self._file.write(pairs.tobytes())

    def pairs(self) -> NDArray[Any]:
        """All pairs, as a view of the file."""
        if self._file is None:
            return np.empty(0, PAIR)
        with temporary_space(EngineError):
            self._file.flush()
        return np.memmap(self._file, PAIR, mode="r")

    def before(self, rows: Mapping[str, NDArray[Any]]) -> NDArray[np.int64]:
        """The number of discarded pairs before each row in the ranking.

        Args:
            rows: `pk`, `source` and `target`, in ranking order: strongest first, ties by source,
                then target.
        """
        count = np.zeros(len(rows["pk"]), np.int64)
        for part in self._parts():
            both = {name: np.concatenate([rows[name], part[name]]) for name in PAIR.names or ()}
            order = np.lexsort((both["target"], both["source"], -both["pk"]))
            ours = order < len(count)
            count += np.cumsum(~ours)[ours]
        return count

    def close(self) -> None:
        """Remove the file."""
        if self._file is not None:
            with suppress(OSError):  # unwritten pairs are not needed, even if the disk is full
                self._file.close()
            self._file = None

    def _parts(self) -> Iterator[NDArray[Any]]:
        pairs = self.pairs()
        for first in range(0, len(pairs), AT_ONCE):
            yield pairs[first : first + AT_ONCE]
