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
    from distributed import Client, Future

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


def version_asked(client: Client, worker: str) -> Future:
    """The question for the version of headgraph on a worker.

    It needs no code of headgraph there, as pydoc belongs to Python. It is a task, so that a worker
    which does not answer keeps nobody waiting.
    """
    name = "headgraph.base.version.VERSION"
    return client.submit(pydoc.locate, name, workers=[worker], pure=False)


def other_version(answer: object) -> str:
    """Why a worker with this answer is refused; empty if it has the version of this machine."""
    if answer == VERSION:
        return ""
    has = f"headgraph {quoted(answer)}" if isinstance(answer, str) else "no headgraph"
    return f"it has {has}, and this machine has headgraph {VERSION}; install the same version there"


def words_of(error: BaseException) -> str:
    """The text of an error of a worker, in one line."""
    text = " ".join(str(error).split()) or type(error).__name__
    if len(text) <= LONGEST and isinstance(error, HeadgraphError):
        return error.message.marked
    return short(text, LONGEST)
