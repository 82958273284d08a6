"""Names of arguments in messages, spelt for Python and for the command line.

A library message names a keyword (`top=0`), the command line an option (`--top 0`). A message is
written once, with `argument`, `parameter` or `either` where the two differ: each of them returns
both spellings between markers. `Message` takes the markers out again.

>>> message = Message(f"{argument('top', 0)}: expected a whole number of at least 1")
>>> print(message)
top=0: expected a whole number of at least 1
>>> print(message.options)
--top 0: expected a whole number of at least 1
"""

import re
from typing import Any

# three of the code points that Unicode keeps for internal use; `text.printable` escapes them
_START, _MIDDLE, _END = "\ufdd0", "\ufdd1", "\ufdd2"
_BOTH = re.compile(f"{_START}([^{_START}-{_END}]*){_MIDDLE}([^{_START}-{_END}]*){_END}")
_ESCAPES = {ord(mark): rf"\u{ord(mark):x}" for mark in (_START, _MIDDLE, _END)}
_PLACEHOLDER = re.compile(r"[A-Z][A-Z0-9_,:]*")
_NAME_ONLY: Any = object()


class Message(str):
    """A text in the spelling of Python.

    Attributes:
        options: the same text for the command line.
        marked: the text with its markers, to be put into another message.
    """

    marked: str
    options: str

    def __new__(cls, text: str) -> "Message":
        """Take the markers out of a text.

        Args:
            text: a text that may contain results of `either` and the others, or a `Message`.
        """
        marked = text.marked if isinstance(text, Message) else text
        message = super().__new__(cls, _spelt(marked, 1))
        message.marked, message.options = marked, _spelt(marked, 2)
        return message


def either(python: str, command: str) -> str:
    """Two spellings of one thing, such as a call and a command line, for use in a message."""
    return f"{_START}{_spelt(python, 1)}{_MIDDLE}{_spelt(command, 2)}{_END}"


def argument(name: str, value: Any = _NAME_ONLY, *, option: str | None = None) -> str:
    """An argument in a message: `top_percent=3` and `--top-percent 3`.

    Args:
        name: the keyword.
        value: leave it out to name the argument alone. True is a flag; a word in capitals, such as
            FILE, stands for a value and is not quoted.
        option: the option, where it is not the keyword with hyphens.
    """
    option = option or f"--{name.replace('_', '-')}"
    if value is _NAME_ONLY:
        return either(name, option)
    python = value if isinstance(value, str) and _PLACEHOLDER.fullmatch(value) else repr(value)
    if value is True:
        return either(f"{name}=True", option)
    words = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    shown = words if words.strip() else repr(words)  # as a shell would have it
    return either(f"{name}={python}", f"{option} {_escaped(shown)}")


def parameter(name: str, value: Any) -> str:
    """A parameter of a stored query in a message: `head='L4H7'` and `-p head=L4H7`."""
    name = _escaped(name)
    return either(f"{name}={value!r}", f"-p {name}={_escaped(str(value))}")


def _spelt(text: str, spelling: int) -> str:
    """The text in the spelling 1 or 2; a marker without its others came with a name or a value."""
    return _escaped(_BOTH.sub(rf"\{spelling}", text))


def _escaped(text: str) -> str:
    return text.translate(_ESCAPES)
