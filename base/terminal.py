"""Writing to the terminal, with control characters escaped.

Names in a table, a database, a log or an error come from outside: a control sequence in one could
set a title, move the cursor or hide a line. Texts of progress bars pass through `label`.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from headgraph.base.errors import HeadgraphError
from headgraph.base.spelling import Message
from headgraph.base.text import printable

_LAYOUT = "\n\t"


def show(text: str, *, nl: bool = True, **style: Any) -> None:
    """Print to stdout, with the colours of `click.style` if it is a terminal."""
    _write(text, style, nl=nl)


def say(text: object, **style: Any) -> None:
    """Print a note, an error or progress to stderr, with arguments spelt as options."""
    if isinstance(text, HeadgraphError):
        text = text.message
    _write(text if isinstance(text, str) else str(text), style, err=True)


@contextmanager
def said_if_interrupted(text: str) -> Iterator[None]:
    """On Ctrl-C, say what the block may have left; an empty text says nothing."""
    try:
        yield
    except KeyboardInterrupt:
        if text:
            say(text)
        raise


def is_sure(question: str, *, otherwise: str = "pass --yes") -> bool:
    """Ask a yes-or-no question on stderr; Enter alone means no.

    Raises:
        click.UsageError: stdin is not a terminal; `otherwise` says what to do.
    """
    if not sys.stdin.isatty():
        raise click.UsageError(f"stdin is not a terminal: {otherwise}")
    return click.confirm(printable(question), err=True)


def secret(question: str) -> str:
    """Prompt for a text that is not shown while it is typed."""
    answer: str = click.prompt(
        printable(question), hide_input=True, default="", show_default=False, err=True
    )
    return answer


def label(text: str) -> str:
    """A text for a progress bar of rich, with its markup escaped."""
    from rich.markup import escape

    return escape(printable(text))


def has_screen() -> bool:
    """Whether a window can be opened."""
    screens = ("DISPLAY", "WAYLAND_DISPLAY")
    return sys.platform in ("darwin", "win32") or any(os.environ.get(name) for name in screens)


def can_open() -> bool:
    """Whether a window can be opened and stdout is a terminal."""
    return sys.stdout.isatty() and has_screen()


def _write(text: str, style: dict[str, Any], *, nl: bool = True, err: bool = False) -> None:
    plain = printable(Message(text).options, keep=_LAYOUT)
    click.echo(click.style(plain, **style) if style else plain, nl=nl, err=err)
