"""The standard streams and SIGTERM."""

import io
import os
import sys
import traceback
from contextlib import AbstractContextManager

import click

from headgraph.base.signals import sigterm_raises


class Terminated(KeyboardInterrupt):
    """SIGTERM: work is undone, as after Ctrl-C."""


class Stopped(click.Abort):
    """A command that was interrupted; `code` is the exit code that a shell expects.

    Its arguments are the notes of the interruption, such as what still runs elsewhere.
    """

    def __init__(self, cause: KeyboardInterrupt) -> None:
        super().__init__(*getattr(cause, "__notes__", ()))
        self.code = 143 if isinstance(cause, Terminated) else 130


def sigterm_stops() -> AbstractContextManager[None]:
    """While the block runs, SIGTERM raises `Terminated` in it."""
    return sigterm_raises(Terminated)


def open_streams() -> None:
    """Escape characters that the output's encoding lacks, and replace closed streams.

    If a standard stream is closed, the next file to be opened takes its number and gets its
    output.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def is_of_stdout(error: OSError) -> bool:
    """Whether an error comes from printing, by click or by rich."""
    *_, (innermost, _line) = traceback.walk_tb(error.__traceback__)
    room = str(innermost.f_globals.get("__name__")).partition(".")[0]
    return error.filename is None and room in ("click", "rich", "rich_click")


def let_go_of_stdout() -> None:
    """Keep the interpreter from another attempt at exit to write what failed."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
