"""Rows that can still be kept: a selection applied to scores as they come, block by block.

Exact and deterministic: the result is that of ranking all pairs first, whatever the blocks. Rules
on PK alone (`top`, `top_percent`, `min_pk`) keep a prefix of the ranking, so only that prefix is
held. `min_z` and `top_per_target` keep rows from all over the ranking: their rows are held, and of
the other pairs the PK alone (4 bytes), which the rows' places are counted from. Among equal PK
those that are held come first there.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pk_engine.selection import Selection

Columns = dict[str, NDArray[Any]]


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
        self._all_pk: list[NDArray[Any]] = []

    def offer(self, columns: Mapping[str, NDArray[Any]]) -> None:
        """Take a block's pairs.

        Args:
            columns: `source` and `target`, the heads counted through all layers; `pk`, `z`; and
                whatever else belongs to a row. All of one length.
        """
        rows = dict(columns)
        self.scored += len(rows["pk"])
        if not self._prefix:
            self._all_pk.append(rows["pk"].astype(np.float32))
        self._rows.append(self._thin(rows))
        self._held += len(self._rows[-1]["pk"])
        if self._prefix and self._held > 2 * self._most + 65_536:
            self._rows = [_take(self._joined(), slice(0, self._most))]
            self._held = len(self._rows[0]["pk"])

    def state(self) -> Columns:
        """Everything that is held, as arrays; `restore` takes it back."""
        rest = {"*all": np.concatenate(self._all_pk)} if self._all_pk else {}
        return {**self._joined(), **rest}

    def restore(self, state: Columns, scored: int) -> None:
        """Go on from what `state` gave after `scored` pairs."""
        rows = {name: values for name, values in state.items() if name != "*all"}
        self.scored = scored
        self._rows = [rows] if rows else []
        self._held = len(rows["pk"]) if rows else 0
        self._all_pk = [state["*all"]] if "*all" in state else []

    def finish(self) -> pd.DataFrame:
        """The rows kept, strongest first, with `pk_rank`."""
        rows = self._joined()
        place = np.arange(1, len(rows["pk"]) + 1)
        if not self._prefix:
            place = place + self._stronger_and_dropped(rows)
        return pd.DataFrame({**rows, "pk_rank": place})

    def _thin(self, rows: Columns) -> Columns:
        """Without the pairs that no rule can still keep."""
        selection = self.selection
        if selection.min_pk is not None and self._prefix:
            return _take(rows, rows["pk"] >= np.float32(selection.min_pk))
        if self._prefix:
            return rows
        if selection.top_per_target is None:
            return _take(rows, rows["z"] >= np.float32(selection.min_z or 0))
        order = np.lexsort((rows["source"], -rows["pk"].astype(np.float64), rows["target"]))
        targets = rows["target"][order]
        first = np.flatnonzero(np.r_[True, targets[1:] != targets[:-1]]) if len(order) else order
        starts = np.repeat(first, np.diff(np.r_[first, len(order)]))
        within = np.arange(len(order)) - starts
        return _take(rows, order[within < selection.top_per_target])

    def _joined(self) -> Columns:
        """All rows held, strongest first, ties by source, then target."""
        names = self._rows[0].keys() if self._rows else ()
        rows = {name: np.concatenate([part[name] for part in self._rows]) for name in names}
        return _take(rows, np.lexsort((rows["target"], rows["source"], -rows["pk"])))

    def _stronger_and_dropped(self, rows: Columns) -> NDArray[np.int64]:
        """For each row held, how many pairs before it in the ranking are not held."""
        everything = np.sort(np.concatenate(self._all_pk))
        held = np.sort(rows["pk"].astype(np.float32))
        pk = rows["pk"].astype(np.float32)

        def stronger(values: NDArray[Any]) -> NDArray[np.int64]:
            return len(values) - np.searchsorted(values, pk, side="right")

        return stronger(everything) - stronger(held)


def _take(rows: Columns, at: NDArray[Any] | slice) -> Columns:
    return {name: values[at] for name, values in rows.items()}
