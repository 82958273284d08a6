"""One look for the help and the usage errors of all commands, whichever room has them."""

import os

import click
from rich_click import RichCommand, RichGroup

from headgraph.base.text import LONGEST_MESSAGE, sentence


def dress(command: click.Command, *, lists: bool) -> click.Command:
    """A room's command as the command line has it.

    Args:
        command: plain, as the room wrote it.
        lists: whether it returns rows, so that `--format` says how they are printed.
    """
    command = enrich(command)
    if lists:
        from headgraph._output import add_format

        command = add_format(command)
    if "_HEADGRAPH_COMPLETE" in os.environ:
        from headgraph.shell_completion import attach

        command = attach(command)
    return command


def enrich(command: click.Command) -> click.Command:
    """The same command with help as the top level has it; its subcommands too.

    Rooms write plain click, which cannot print such help; a command of rich_click is left as it is.
    """
    if not isinstance(command, RichCommand):
        if type(command) is click.Group:
            command.__class__ = RichGroup
            vars(command).update(_alias_mapping={}, _panel_command_mapping={})
        elif type(command) is click.Command:
            command.__class__ = RichCommand
        vars(command).update(panel=None, panels=[], aliases=[])
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            enrich(inner)
    return command


def is_bad_value(error: click.UsageError) -> bool:
    """Whether a value is wrong, and not how the line is built."""
    return isinstance(error, click.BadParameter) and not isinstance(error, click.MissingParameter)


def usage_error(error: click.UsageError) -> str:
    """What to print for wrong usage: how it is used, where more is said, what is wrong.

    Of a value that cannot be used one sentence, as rooms state their problems.
    """
    text = error.format_message()
    if is_bad_value(error):
        said = text[:1].lower() + text[1:].rstrip(".")
        more = f" ({error.ctx.command_path} --help)" if error.ctx else ""
        start = "headgraph: "
        return f"{start}{sentence(said, LONGEST_MESSAGE - len(start + more) - 1)}{more}"
    if near := getattr(error, "possibilities", None):
        text = f"{error.message.rstrip('.')}. Did you mean {' or '.join(near)}?"
    text = sentence(text, LONGEST_MESSAGE - len("Error: ") - 1)
    if error.ctx is None:
        return f"Error: {text}"
    path = error.ctx.command_path
    usage = " ".join([path, *error.ctx.command.collect_usage_pieces(error.ctx)])
    return f"Usage: {usage}\nTry '{path} --help' for help.\n\nError: {text}"
