"""Entries of a header, each a parameter or a column: `name (type) = default: words`."""

import json
import re
from collections.abc import Sequence
from itertools import groupby

from headgraph.base.text import quoted
from headgraph.queries.errors import ParameterError
from headgraph.queries.stored_queries.query import GRAPH, Column, Param
from headgraph.queries.stored_queries.values import convert, is_type

_ENTRY = re.compile(r"([a-z][a-z0-9_]*) \(([a-z0-9_ ]+)\)(.*)")

Line = tuple[int, str]
"""Number of a line in the file, from 1, and its text."""


class HeaderProblem(Exception):
    """A problem on one line of a file."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(problem)
        self.line = line


def read_params(lines: list[Line]) -> dict[str, Param]:
    """The parameters that these lines declare, by name."""
    params = [_param(*line) for line in _joined(lines)]
    _refuse_twice(params)
    return {param.name: param for param in params}


def read_columns(lines: list[Line]) -> tuple[Column, ...]:
    """The columns that these lines declare."""
    columns = [_column(*line) for line in _joined(lines)]
    _refuse_twice(columns)
    return tuple(columns)


def _joined(lines: list[Line]) -> list[Line]:
    """Entries joined with the lines that continue them, which are indented further."""
    entries: list[Line] = []
    for number, text in lines:
        if text.startswith(" ") and entries:
            entries[-1] = (entries[-1][0], f"{entries[-1][1]} {text.strip()}")
        else:
            entries.append((number, text))
    return entries


def _entry(line: int, text: str) -> tuple[str, str, str]:
    match = _ENTRY.fullmatch(text)
    if match is None:
        raise HeaderProblem(line, f"{quoted(text)} is not an entry: expected name (type): words")
    return match[1], match[2], match[3]


def _param(line: int, text: str) -> Param:
    name, type_, rest = _entry(line, text)
    if not is_type(type_):
        raise HeaderProblem(line, f"parameter {name} has the unknown type {type_!r}")
    if not rest.startswith(" = "):
        return Param(name=name, type=type_, required=True, text=_words(line, rest), line=line)
    try:
        default, end = json.JSONDecoder().raw_decode(rest, len(" = "))
    except ValueError:
        raise HeaderProblem(line, f"the default of {name} is not JSON: {rest[3:]!r}") from None
    words = _words(line, rest[end:])
    param = Param(name=name, type=type_, default=default, text=words, line=line)
    try:
        as_written = convert(param, default) == default
    except ParameterError as error:
        raise HeaderProblem(line, f"the default of {error}") from None
    if not as_written:
        raise HeaderProblem(line, f"the default of {name} is {default!r}: expected {type_}")
    return param


def _column(line: int, text: str) -> Column:
    name, type_, rest = _entry(line, text)
    if type_ not in (GRAPH, "map") and not is_type(type_):
        raise HeaderProblem(line, f"column {name} has the unknown type {type_!r}")
    return Column(name=name, type=type_, text=_words(line, rest), line=line)


def _words(line: int, rest: str) -> str:
    if rest and not rest.startswith(": "):
        raise HeaderProblem(line, f"expected a colon, a space and words, got {rest!r}")
    return rest.removeprefix(": ").strip()


def _refuse_twice(entries: Sequence[Param | Column]) -> None:
    for name, same in groupby(sorted(entries, key=lambda e: e.name), key=lambda e: e.name):
        if len(found := list(same)) > 1:
            raise HeaderProblem(found[1].line, f"{name} is declared twice")
