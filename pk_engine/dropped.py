"""Pairs that no rule can keep any more, on disk, for the places of those that are kept.

The place of a pair in the ranking counts every stronger pair, and which pairs will be kept is known
at the end only. No method that goes over the pairs once finds exact places in less than their
number (Munro and Paterson 1980, doi:10.1016/0304-3975(80)90061-4), so this number lies in a
temporary file, 12 bytes a pair, and memory holds a piece of it at a time.
"""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from headgraph.base.files import temporary_space
from headgraph.pk_engine.errors import EngineError

PAIR = np.dtype([("pk", "<f4"), ("source", "<i4"), ("target", "<i4")])
AT_ONCE = 1_000_000
"""Pairs read at a time when places are counted."""


class Dropped:
    """A growing list of pairs; the file is made when the first comes and gone after `close`."""

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None

    def add(self, columns: Mapping[str, NDArray[Any]]) -> None:
        """Take pairs: `pk`, `source` and `target`, of one length."""
        if not len(columns["pk"]):
            return
        if self._file is None:
            with temporary_space(EngineError):
                self._file = tempfile.TemporaryFile()  # noqa: SIM115  closed by close()
        pairs = np.empty(len(columns["pk"]), PAIR)
        for name in PAIR.names or ():
            pairs[name] = columns[name]
        with temporary_space(EngineError):
            self._file.write(pairs.tobytes())

    def pairs(self) -> NDArray[Any]:
        """All of them, as a view of the file."""
        if self._file is None:
            return np.empty(0, PAIR)
        with temporary_space(EngineError):
            self._file.flush()
        return np.memmap(self._file, PAIR, mode="r")

    def before(self, rows: Mapping[str, NDArray[Any]]) -> NDArray[np.int64]:
        """How many of these pairs come before each row in the ranking.

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
        """Let the file go."""
        if self._file is not None:
            with suppress(OSError):  # what it still had to write to a full disk is of no use
                self._file.close()
            self._file = None

    def _parts(self) -> Iterator[NDArray[Any]]:
        pairs = self.pairs()
        for first in range(0, len(pairs), AT_ONCE):
            yield pairs[first : first + AT_ONCE]
