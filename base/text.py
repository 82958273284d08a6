"""Text for messages: values from outside made safe to print, suggestions, amounts in units."""

import json
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches
from itertools import islice
from typing import Any

LONGEST_MESSAGE = 300
"""Characters of a message on one line; more of a quoted value is cut."""

_ROOM = 110
"""Characters of six names in a message, without the commas; more names have more."""

_ESCAPED = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # controls, invisible formatting, lone surrogates, breaks
# invisible letters and marks: fillers and joiners outside the categories above
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
_LONGEST_NUMBER = 18  # digits that fit in 64 bits
# each unit: its name, its size, and the least amount that it is used for
_BYTES = (("MB", 1e6, 1e5), ("kB", 1e3, 1e3), ("B", 1.0, 0.0))
_SECONDS = (("s", 1.0, 0.1), ("ms", 1e-3, 1e-3), ("µs", 1e-6, 0.0))


def printable(text: str, *, keep: str = "") -> str:
    r"""The text with control and invisible characters as escapes, so that no terminal obeys them.

    Args:
        text: anything, such as a model's name from a table or a database.
        keep: characters to leave as they are, such as a newline.

    >>> print(printable("gpt2\x1b]0;title\x07"))
    gpt2\x1b]0;title\x07
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        character if character in keep or not _is_escaped(character)
        else character.encode("unicode_escape", "surrogatepass").decode("ascii")
        for character in text
    )  # fmt: skip


def json_text(value: Any, *, indent: int | None = None, allow_nan: bool = True) -> str:
    r"""JSON of the same value, without characters that a terminal obeys.

    `json.dumps` leaves DEL, C1, bidi overrides and lone surrogates as they are.

    >>> print(json_text({"model": "é\x7f"}))
    {"model": "é\u007f"}
    """
    text = json.dumps(value, ensure_ascii=False, indent=indent, allow_nan=allow_nan)
    if text.isascii() and "\x7f" not in text:
        return text
    return "".join(
        json.dumps(character)[1:-1] if character != "\n" and _is_escaped(character) else character
        for character in text
    ).replace("\x7f", "\\u007f")


def sentence(text: str, longest: int = LONGEST_MESSAGE) -> str:
    """A message on one line, printable, and cut in the middle if it is too long."""
    return _cut(printable(" ".join(line.strip() for line in text.splitlines())), longest)


def short(text: object, longest: int = 60) -> str:
    """A name from outside, for use in a line: printable, and cut in the middle if it is long."""
    return _cut(printable(str(text)), longest)


def quoted(value: object, longest: int = 60) -> str:
    """A value quoted for a message: `repr`, printable, and cut in the middle if it is long.

    >>> quoted("a" * 100, longest=20)
    "'aaaaaaaa ... aaaaa'"
    """
    try:
        return _cut(printable(repr(value)), longest)
    except (RecursionError, ValueError):  # a list in a list in ..., a number of 5,000 digits
        return f"a {type(value).__name__} too large to show"


def listed(names: Collection[object], most: int = 6, longest: int = 40) -> str:
    """The first names of a list, for a message, and the number of the others.

    Names that together would fill the message are cut further, each to the same length.

    >>> listed(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    first = list(islice(names, most))
    room = max(_ROOM, _ROOM // 6 * most)
    shown = [short(name, longest) for name in first]
    if sum(map(len, shown)) > room:
        shown = [short(name, room // len(first)) for name in first]
    rest = len(names) - len(first)
    return ", ".join(shown) + (f" and {rest:,} more" if rest else "")


def together(words: Sequence[str]) -> str:
    """`a, b and c`."""
    return " and ".join([*([", ".join(words[:-1])] if words[1:] else []), *words[-1:]])


def whole_number(word: str) -> int | None:
    """The number in a word of digits 0 to 9; None for other words and more than 18 digits.

    `str.isdigit` accepts digits such as ², which `int` does not. `int` accepts digits of other
    scripts, and refuses 5,000 digits.
    """
    spelt = word.lstrip("0") or word[:1]
    plain = spelt.isascii() and spelt.isdigit() and len(spelt) <= _LONGEST_NUMBER
    return int(spelt) if plain else None


def did_you_mean(name: str, known: Iterable[str], n: int = 3) -> str:
    """` (did you mean A or B?)`, or an empty text if no name is similar.

    >>> did_you_mean("hub", ["hubs", "runs"])
    ' (did you mean hubs?)'
    """
    by_lower = {candidate.lower(): candidate for candidate in known}
    near = [by_lower[match] for match in get_close_matches(name.lower(), by_lower, n=n, cutoff=0.6)]
    return f" (did you mean {' or '.join(short(name, 40) for name in near)}?)" if near else ""


def size(count: float) -> str:
    """A number of bytes in words.

    >>> size(100), size(12_300), size(500_000)
    ('100 B', '12.3 kB', '0.5 MB')
    """
    return _in(_BYTES, count)


def span(seconds: float) -> str:
    """A time span in words.

    >>> span(0.0001), span(0.05), span(30)
    ('100 µs', '50 ms', '30 s')
    """
    return _in(_SECONDS, seconds)


def _is_escaped(character: str) -> bool:
    return (
        unicodedata.category(character) in _ESCAPED
        or character in _INVISIBLE
        or ord(character) & 0xFFFE == 0xFFFE  # not a character, and not allowed in XML
        or "\ufdd0" <= character <= "\ufdef"  # for internal use, as in `base.spelling`
    )


def _cut(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    end = (longest - 5) * 2 // 5
    return f"{text[: longest - 5 - end]} ... {text[-end:]}"


def _in(units: tuple[tuple[str, float, float], ...], amount: float) -> str:
    """The amount in the first unit whose threshold it reaches, without an exponent."""
    unit, scale = next((unit, scale) for unit, scale, least in units if amount >= least)
    figure = f"{amount / scale:,.3f}".rstrip("0").rstrip(".")
    return f"{figure} {unit}" if float(figure.replace(",", "")) else f"less than 0.001 {unit}"
