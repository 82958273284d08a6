"""Cypher cut into words, names, strings and signs, to find keywords outside quotes and comments.

Where this lexer and Neo4j's could disagree, this one cuts more often: it may find a keyword where
there is none, and never misses one.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

_TOKEN = re.compile(
    r"""
      (?P<space>\s+ | //[^\r\n]* | /\*.*?\*/)
    | (?P<string>'(?:[^'\\]|\\.)*' | "(?:[^"\\]|\\.)*")
    | \$(?P<parameter>`(?:[^`]|``)*` | \w+)
    | (?P<quoted>`(?:[^`]|``)*`)
    | (?P<word>[^\W\d]\w*)
    | (?P<number>\d+)      # a word may follow at once: Neo4j reads 0LOAD as 0 LOAD
    | (?P<sign>[!-~])
    | (?P<other>.)         # skipped: Neo4j has more kinds of space than Python
    """,
    re.DOTALL | re.VERBOSE,
)


@dataclass(frozen=True)
class Token:
    """One piece of a statement.

    Attributes:
        kind: `string`, `parameter`, `quoted` (a name in backticks), `word`, `number` or `sign`.
        text: as written; without `$` for a parameter, without backticks for a quoted name.
        start: where it begins in the statement, in characters from 0.
        end: where it ends.
    """

    kind: str
    text: str
    start: int
    end: int

    @property
    def keyword(self) -> str:
        """The word in capitals; empty for anything that cannot be a keyword."""
        return self.text.upper() if self.kind == "word" else ""

    @property
    def is_name(self) -> bool:
        """Whether this can be a name."""
        return self.kind in ("word", "quoted")

    def is_sign(self, text: str) -> bool:
        """Whether this is the sign `text`."""
        return self.kind == "sign" and self.text == text


def tokens(cypher: str) -> list[Token]:
    """The pieces of a statement, without space and comments."""
    return list(_tokens(cypher))


def _tokens(cypher: str) -> Iterator[Token]:
    for match in _TOKEN.finditer(cypher):
        kind = match.lastgroup or "sign"
        if kind in ("space", "other"):
            continue
        text = match[kind]
        if text.startswith("`"):
            text = text[1:-1].replace("``", "`")
        yield Token(kind, text, match.start(), match.end())


LANGUAGES = ("5", "25")
"""Versions of the language that may be named in front of a statement."""


def language(pieces: list[Token]) -> list[Token]:
    """The two tokens of `CYPHER 5` or `CYPHER 25` in front of a statement; otherwise none.

    An option that follows, as in `CYPHER 25 runtime=slotted`, makes it another prefix.
    """
    head = pieces[:2]
    if [it.keyword or it.text for it in head] not in [["CYPHER", it] for it in LANGUAGES]:
        return []
    if head[1].kind != "number" or (len(pieces) > 3 and pieces[3].is_sign("=")):
        return []
    return head


def semicolons_behind(pieces: list[Token]) -> int:
    """The number of semicolons at the end."""
    count = 0
    while count < len(pieces) and pieces[-1 - count].is_sign(";"):
        count += 1
    return count


def one_statement(cypher: str) -> str:
    """A statement without the empty statements after it, which Neo4j refuses: `RETURN 1;;`."""
    pieces = tokens(cypher)
    count = semicolons_behind(pieces)
    return cypher[: pieces[-count].end] if count > 1 else cypher


def parameters(cypher: str) -> list[Token]:
    """The tokens of all parameters, in order. `$any(...)` and `$all(...)` are not parameters."""
    pieces = [*tokens(cypher), Token("sign", "", 0, 0)]
    return [
        token
        for token, after in pairwise(pieces)
        if token.kind == "parameter" and not (token.text in ("any", "all") and after.is_sign("("))
    ]
