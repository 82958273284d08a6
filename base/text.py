"""Text from outside, made safe to print."""

import unicodedata

LONGEST_MESSAGE = 300
"""Characters of a message on one line; more of a quoted value is cut."""

_ESCAPED = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # controls, invisible formatting, lone surrogates, breaks


def printable(text: str, *, keep: str = "") -> str:
    r"""The text with control and invisible characters as escapes, so that a terminal obeys none.

    Args:
        text: anything, such as a model's name from a table or a database.
        keep: characters that stay as they are, such as a newline.

    >>> print(printable("gpt2\x1b]0;title\x07"))
    gpt2\x1b]0;title\x07
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        character if character in keep or unicodedata.category(character) not in _ESCAPED
        else character.encode("unicode_escape", "surrogatepass").decode("ascii")
        for character in text
    )  # fmt: skip


def quoted(value: object, longest: int = 60) -> str:
    """A value as a message quotes it: `repr`, printable, and cut in its middle where it is long.

    >>> quoted("a" * 100, longest=20)
    "'aaaaaaaa ... aaaaa'"
    """
    try:
        text = printable(repr(value))
    except (RecursionError, ValueError):  # a list in a list in ..., a number of 5,000 digits
        text = f"a {type(value).__name__} too large to show"
    if len(text) <= longest:
        return text
    end = (longest - 5) * 2 // 5
    return f"{text[: longest - 5 - end]} ... {text[-end:]}"
