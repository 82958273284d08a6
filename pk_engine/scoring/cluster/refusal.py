"""Workers of a cluster that may not take part, and what the user is told of them."""

from __future__ import annotations

import pydoc
import warnings
from collections.abc import Collection
from typing import TYPE_CHECKING

from headgraph.base.errors import HeadgraphError
from headgraph.base.progress import Progress
from headgraph.base.text import quoted, short
from headgraph.base.version import VERSION
from headgraph.pk_engine.errors import EngineError
from headgraph.pk_engine.scoring.progress import REFUSED

if TYPE_CHECKING:
    from distributed import Client

LONGEST = 180
"""Letters of a worker's message."""


class Refused:
    """The workers that get no tasks, each with the sentence that says why.

    Args:
        progress: as for `compute`; without it, the user gets warnings.
    """

    def __init__(self, progress: Progress | None = None) -> None:
        self.progress = progress
        self._why: dict[str, EngineError] = {}
        self._told: set[str] = set()

    def __contains__(self, worker: str) -> bool:
        return worker in self._why

    def add(self, worker: str, reason: str) -> None:
        """Refuse a worker; the first reason stays."""
        self._why.setdefault(worker, EngineError(f"{REFUSED}{worker} is refused: {reason}"))

    def keep(self, there: Collection[str]) -> None:
        """Forget workers that left: what comes back at their address may be in order."""
        self._why = {worker: why for worker, why in self._why.items() if worker in there}

    def tell(self) -> None:
        """Tell the user of each worker once."""
        for why in self._why.values():
            if str(why) in self._told:
                continue
            self._told.add(str(why))
            if self.progress:
                self.progress(why.message, 0, 0)
            else:
                warnings.warn(str(why), stacklevel=2)

    def raise_if_all(self, there: Collection[str]) -> None:
        """Raise the first reason if these are workers and all of them are refused."""
        if there and all(worker in self for worker in there):
            raise next(iter(self._why.values()))


def of_same_version(client: Client, workers: list[str], refused: Refused) -> list[str]:
    """The workers that answer and have this version of headgraph; the others are refused.

    The question needs no code of headgraph there: pydoc belongs to Python.
    """
    if not workers:
        return []
    name = "headgraph.base.version.VERSION"
    answers = client.run(pydoc.locate, name, workers=workers, on_error="return")
    there = {it: answer for it, answer in answers.items() if not isinstance(answer, OSError)}
    for worker, version in there.items():
        if version != VERSION:
            has = f"headgraph {quoted(version)}" if isinstance(version, str) else "no headgraph"
            refused.add(
                worker,
                f"it has {has}, and this machine has headgraph {VERSION}; install the same "
                "version there",
            )
    return [worker for worker in there if worker not in refused]


def words_of(error: BaseException) -> str:
    """The text of an error of a worker, in one line."""
    text = " ".join(str(error).split()) or type(error).__name__
    if len(text) <= LONGEST and isinstance(error, HeadgraphError):
        return error.message.marked
    return short(text, LONGEST)
