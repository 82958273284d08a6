"""What the tests of clusters share: a job of many groups, and what it says."""

import resource
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from headgraph.base.errors import HeadgraphError
from headgraph.pk_engine.scoring.progress import COMPARING

HOW: dict[str, Any] = {"memory": 1e-9, "backend": "numpy"}


def at_group(number: int, act: Callable[[], Any]) -> Any:
    """Progress that acts once so many groups are done."""

    def listen(what: str, done: int, total: int) -> None:
        if what == COMPARING and done == number:
            act()

    return listen


def said_by(call: Callable[[], object]) -> str:
    """The message of the error that a call raises."""
    with pytest.raises(HeadgraphError) as error:
        call()
    said = str(error.value)
    assert len(said) < 300, said
    return said


def pages() -> int:
    """Pages that this process gets for a hundred arrays of 256 pages, one after another."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(100):
        np.ones(1 << 17)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
