"""The root of headgraph's errors.

HeadgraphError          one sentence for the user; `exit_code` is for the command line
├── BadName             a text that is not the name of a head, role or pairing
├── UnknownName         the database or the model has no head, role, series or pairing of this name
│   ├── UnknownRun      no run has this name, or there is no run
│   │   └── RunNotNamed     there are several runs, and none was named
│   └── UnknownHead     the model or the run has no such head
├── UnreadableFile      a file that cannot be read, or is not of the expected kind
└── UnwritableFile      an output that cannot be written
    └── OutputExists    the file exists and `force` is false
"""

from headgraph.base.spelling import Message
from headgraph.base.text import printable


class HeadgraphError(Exception):
    """Base of headgraph's errors.

    Its text may quote names and messages from outside: `str` escapes control characters.
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
    """A text that is not the name of a head, role or pairing."""


class UnknownName(HeadgraphError):
    """A valid name that the database or the model does not have."""


class UnknownRun(UnknownName):
    """No run has this name, or there is no run."""


class RunNotNamed(UnknownRun):
    """There are several runs, and none was named."""


class UnknownHead(UnknownName):
    """A head that the model or the run does not have."""


class UnreadableFile(HeadgraphError):
    """A file that is missing, too large, or not of the expected kind."""


class UnwritableFile(HeadgraphError):
    """An output that cannot be written."""


class OutputExists(UnwritableFile):
    """The output file exists and `force` is false."""
