"""What every error is: one line, which can be printed, of under 300 characters."""

from collections.abc import Callable
from pathlib import Path

import pytest

from headgraph.base.errors import HeadgraphError
from tests.hostile import obeyed


def fault_of(said: str, folder: Path | None = None) -> str | None:
    """What is wrong with an error's text, if anything; the folder's name does not count."""
    short = said if folder is None else said.replace(str(folder), "")
    if obeyed(said, keep=""):
        return f"its message is not printable on one line: {said[:300]!r}"
    if len(short) >= 300:
        return f"its message has {len(short)} characters: {short}"
    return None


def refused(
    what: Callable[[], object],
    problem: type[HeadgraphError] = HeadgraphError,
    folder: Path | None = None,
) -> str:
    """The text of the error that a call raises, which is one short line."""
    with pytest.raises(problem) as error:
        what()
    assert fault_of(str(error.value), folder) is None
    return str(error.value)
