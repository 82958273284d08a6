"""The root of every error that headgraph states.

HeadgraphError          one sentence for the user; `exit_code` is for the command line
├── BadName             a head, role or pairing that is not spelt as one
├── UnknownName         the database or the model has no head, role, series or pairing of this name
│   ├── UnknownRun      no run, or more than one, goes by this name
│   │   └── RunNotNamed     there are several runs, and none was named
│   └── UnknownHead     the model or the run has no such head
├── UnreadableFile      a file that cannot be read, or is not what it is given as
└── UnwritableFile      an output that cannot be written where it was asked for
    └── OutputExists    a file is there and `force` was not given
"""

from headgraph.base.spelling import Message
from headgraph.base.text import printable


class HeadgraphError(Exception):
    """Base of every problem that headgraph states.

    Its text may quote names and messages from outside: `str` escapes what a terminal would obey.
    `str` names arguments as Python does (`top=0`), `for_command_line` as options (`--top 0`).

    Args:
        message: what is wrong, in one sentence. Arguments in it are spelt with
            `headgraph.base.spelling`.
    """

    exit_code = 1

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = Message(message)

    def __str__(self) -> str:
        return printable(self.message, keep="\n")

    def for_command_line(self) -> str:
        """The message with options in place of keywords."""
        return printable(self.message.options, keep="\n")


class BadName(HeadgraphError):
    """A head, role or pairing that is not spelt as one."""


class UnknownName(HeadgraphError):
    """A name that is spelt well and belongs to nothing that is there."""


class UnknownRun(UnknownName):
    """No run, or more than one, goes by this name."""


class RunNotNamed(UnknownRun):
    """There are several runs, and none was named."""


class UnknownHead(UnknownName):
    """A head that the model, or the run, does not have."""


class UnreadableFile(HeadgraphError):
    """A file that is missing, of another kind, too large, or not what it is given as."""


class UnwritableFile(HeadgraphError):
    """An output that cannot be written where it was asked for."""


class OutputExists(UnwritableFile):
    """An output file is there already, and `force` was not given."""
