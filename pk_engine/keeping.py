"""Rows that can still be kept: a selection applied to scores as they come, block by block.

Exact and deterministic: the result is that of ranking all pairs first, whatever the blocks. Rules
on PK alone (`top`, `top_percent`, `min_pk`) keep a prefix of the ranking, so only that prefix is
held and the rest is forgotten. `min_z` and `top_per_target` keep rows from all over the ranking:
their rows are held, and the others go to a file from which the rows' places are counted
(`pk_engine.dropped`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headgraph.pk_engine.columns import Columns, first_of_each, joined, taken
from headgraph.pk_engine.dropped import PAIR, Dropped
from headgraph.pk_engine.selection import Selection

SPARE = 65_536
"""Rows held beyond twice those that were left after the last thinning."""


class Keeper:
    """Collects the rows of one pairing.

    Args:
        selection: what to keep.
        most: an upper bound of the pairs that will be offered.
    """

    def __init__(self, selection: Selection, most: int) -> None:
        self.selection = selection
        self.scored = 0
        self._most = selection.limit(most)
        rules = selection.to_json()
        self._prefix = bool(rules.keys() & {"top", "top_percent", "min_pk"}) or not rules
        self._rows: list[Columns] = []
        self._held = 0
        self._thinned = 0  # rows that were left when all of them were last thinned
        self._dropped = Dropped()

    def offer(self, columns: Mapping[str, NDArray[Any]]) -> None:
        """Take a block's pairs.

        Args:
            columns: `source` and `target`, the heads counted through all layers; `pk`, `z`; and
                whatever else belongs to a row. All of one length.
        """
        self.scored += len(columns["pk"])
        self._rows.append(self._thin(dict(columns)))
        self._held += len(self._rows[-1]["pk"])
        if self._held > 2 * self._thinned + SPARE:
            self._rows = [self._thin(self._joined())]
            self._held = self._thinned = len(self._rows[0]["pk"])

    def state(self) -> Columns:
        """Everything that is held or filed away, as arrays; `restore` takes it back."""
        return {**self._joined(), "*dropped": self._dropped.pairs()}

    def restore(self, state: Columns, scored: int) -> None:
        """Go on from what `state` gave after `scored` pairs."""
        rows = {name: values for name, values in state.items() if name != "*dropped"}
        self.scored = scored
        self._rows = [rows] if rows else []
        self._held = self._thinned = len(rows["pk"]) if rows else 0
        self.close()
        pairs = state["*dropped"]
        self._dropped.add({name: pairs[name] for name in PAIR.names or ()})

    def close(self) -> None:
        """Let go of the file."""
        self._dropped.close()

    def finish(self) -> Columns:
        """The rows kept, strongest first, with `pk_rank`."""
        rows = self._thin(self._joined())
        place = np.arange(1, len(rows["pk"]) + 1) + self._dropped.before(rows)
        self.close()
        return {**rows, "pk_rank": place}

    def _thin(self, rows: Columns) -> Columns:
        """Without the pairs that no rule can still keep."""
        keep = self._can_stay(rows)
        if not self._prefix:
            self._dropped.add(taken(rows, ~keep))
        return taken(rows, keep)

    def _can_stay(self, rows: Columns) -> NDArray[np.bool_]:
        """Mask of the rows that a rule may keep, as far as these rows tell."""
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

    def _joined(self) -> Columns:
        """All rows held, strongest first, ties by source, then target."""
        rows = joined(self._rows)
        return taken(rows, _ranking(rows)) if rows else rows


def _ranking(rows: Columns) -> NDArray[np.int64]:
    """Strongest first, ties by source, then target."""
    return np.lexsort((rows["target"], rows["source"], -rows["pk"]))
