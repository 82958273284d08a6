"""Literals of an exported Cypher script, read as data by a cursor over the text."""

import json
import re
from typing import Any, NoReturn

from headgraph.base.text import quoted
from headgraph.loader.imports.document import refuse

_SPACE = re.compile(r"\s*")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_WORD = re.compile(r"true|false|null")
_WORDS = {"true": True, "false": False, "null": None}
_NAME = re.compile(r"`([^`\n]+)`")
_STRING = json.JSONDecoder()
_DIGITS = 400  # more than a float of this size needs; longer ones take Python long
_DEPTH = 4
"""Nesting of a literal: rows of roles are lists in a list, with a map at the end."""


class Cursor:
    """A place in one statement.

    Attributes:
        text: the statement.
        place: characters read so far.
    """

    def __init__(self, text: str, source: str, number: int) -> None:
        """Start at the beginning; file and number of the statement are for messages."""
        self.text, self.place = text, 0
        self._where = f"{source}, statement {number:,},"

    def fail(self, expected: str) -> NoReturn:
        """Refuse what stands here."""
        found = self.text[self.place : self.place + 40] or "its end"
        refuse(self._where, f"has {quoted(found)} where {expected} belongs")

    def at(self, text: str) -> bool:
        """Whether this text comes next."""
        return self.text.startswith(text, self.place)

    def skip(self, text: str) -> bool:
        """Read this text if it comes next."""
        found = self.at(text)
        self.place += len(text) * found
        return found

    def expect(self, *texts: str) -> None:
        """Read these texts, one after the other."""
        for text in texts:
            if not self.skip(text):
                self.fail(quoted(text))

    def end(self) -> None:
        """Refuse anything that follows."""
        if self.place != len(self.text):
            self.fail("the end of the statement")

    def name(self) -> str:
        """A name between backticks."""
        return self._match(_NAME, "a name between backticks")[1]

    def string(self) -> str:
        """A text between double quotes."""
        if not self.at('"'):
            self.fail("a text")
        try:
            text, self.place = _STRING.raw_decode(self.text, self.place)
        except ValueError:
            self.fail("a text")
        return str(text)

    def whole(self) -> int:
        """A whole number."""
        value = self._number()
        return value if isinstance(value, int) else self.fail("a whole number")

    def value(self, depth: int = 0) -> Any:
        """A text, number, true, false, null, list or map."""
        if depth > _DEPTH:
            self.fail("a value that is nested less deeply")
        if self.at('"'):
            return self.string()
        if self.skip("["):
            return self._items(depth)
        if self.skip("{"):
            return self._map(depth)
        if found := _WORD.match(self.text, self.place):
            self.place = found.end()
            return _WORDS[found[0]]
        return self._number()

    def column(self) -> list[Any]:
        """A list, or a text that is split into one (`exports.cypher.column`)."""
        if self.skip("[x IN "):
            texts = self._split()
            self.expect(" | ")
            kind = int if self.skip("toInteger(x)]") else float
            if kind is float:
                self.expect("toFloat(x)]")
            return [None if text == "" else self._as(kind, text) for text in texts]
        if self.at("split("):
            return self._split()
        value = self.value()
        return value if isinstance(value, list) else self.fail("a list")

    def _split(self) -> list[str]:
        self.expect("split(")
        text = self.string()
        self.expect(', ",")')
        return text.split(",")

    def _as(self, kind: type, text: str) -> Any:
        found = _NUMBER.fullmatch(text)
        if found is None or len(text) > _DIGITS or (kind is int and any(found.groups())):
            self.fail(f"a list of numbers instead of {quoted(text)}")
        return kind(text)

    def _number(self) -> int | float:
        found = self._match(_NUMBER, "a value")
        if len(found[0]) > _DIGITS:
            self.fail("a shorter number")
        return float(found[0]) if any(found.groups()) else int(found[0])

    def _items(self, depth: int) -> list[Any]:
        items: list[Any] = []
        self._space()
        while not self.skip("]"):
            if items:
                self.expect(",")
                self._space()
            items.append(self.value(depth + 1))
            self._space()
        return items

    def _map(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not self.skip("}"):
            if found:
                self.expect(", ")
            name = self.name()
            self.expect(": ")
            found[name] = self.value(depth + 1)
        return found

    def _space(self) -> None:
        self._match(_SPACE, "")

    def _match(self, pattern: re.Pattern[str], expected: str) -> re.Match[str]:
        found = pattern.match(self.text, self.place)
        if found is None:
            self.fail(expected)
        self.place = found.end()
        return found
