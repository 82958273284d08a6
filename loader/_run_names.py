"""Which runs are meant: by name, by pattern, or by the id of an unfinished one."""

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any

from headgraph.graphdb.runs import unknown_run
from headgraph.loader._identity import SHORT
from headgraph.loader.errors import UnknownRun

_LEAST = 4  # characters of an id: fewer would find something by accident

Row = dict[str, Any]
"""A run with at least `id` and `name`, which is None where it is unfinished."""


def is_pattern(word: str) -> bool:
    """Whether it has a `*`, `?` or `[`, which no name has."""
    return re.search(r"[*?[]", word) is not None


def matches(value: str | None, pattern: str) -> bool:
    """Whether a value is meant by a name or pattern; so is a path by its last part."""
    if value is None:
        return False
    last = re.split(r"[/\\]", value.rstrip("/\\"))[-1]
    return any(fnmatchcase(text, pattern) for text in (value, last))


def meant(rows: list[Row], words: Iterable[str]) -> list[Row]:
    """The runs that names, ids and patterns mean, each once, in the order of the words.

    A pattern means complete runs alone, as an id is nothing to be guessed at.

    Raises:
        UnknownRun: a word means no run, or an id more than one.
    """
    found: dict[str, Row] = {}
    for word in words:
        for row in _matching(rows, word) if is_pattern(word) else [find(rows, word)]:
            found[row["id"]] = row
    return list(found.values())


def find(rows: list[Row], run: str) -> Row:
    """The one run of this name, or of this id; the start of an id does for an unfinished one.

    Raises:
        UnknownRun: there is none, or several ids begin so.
    """
    for row in rows:
        if run in (row["name"], row["id"]):
            return row
    unfinished = [row for row in rows if row["name"] is None]
    begun = [row for row in unfinished if len(run) >= _LEAST and row["id"].startswith(run)]
    if len(begun) == 1:
        return begun[0]
    if begun:
        raise UnknownRun(
            f"{len(begun)} unfinished runs begin with {run}: give more of the id, "
            f"{' or '.join(row['id'][:24] for row in begun)}"
        )
    for row in unfinished:
        if row.get("called") == run:
            raise UnknownRun(
                f"no complete run {run!r}, and an unfinished one: headgraph drop {shown(row)} "
                "removes that, and headgraph runs says whose it is"
            )
    raise unknown_run(run, [shown(row) for row in rows])


def shown(row: Row) -> str:
    """The name, or as much of the id as `headgraph runs` shows."""
    return str(row["name"] or row["id"][:SHORT])


def _matching(rows: list[Row], pattern: str) -> list[Row]:
    found = [row for row in rows if row["name"] and fnmatchcase(row["name"], pattern)]
    left = [
        row for row in rows if not row["name"] and fnmatchcase(row.get("called") or "", pattern)
    ]
    if not found and left:
        raise UnknownRun(
            f"no complete run for {pattern!r}, and {len(left)} unfinished: a pattern means "
            f"complete runs alone, so give an id, such as headgraph drop {shown(left[0])}"
        )
    if not found:
        raise unknown_run(pattern, [shown(row) for row in rows])
    return found
