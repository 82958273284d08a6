"""Commands of the command line, composed from those of the rooms.

Rooms define plain click commands. `composed` makes new commands from them, with the common help
style, `--format` and completion. The rooms' own objects are never changed.
"""

import os
from collections.abc import Callable, Sequence
from copy import copy
from typing import Any, TypeVar

import click
from rich_click import RichCommand, RichGroup

C = TypeVar("C", bound=RichCommand)


def composed(command: click.Command, *, lists: bool) -> click.Command:
    """A new command for the command line.

    Args:
        command: the command of the room.
        lists: whether it returns rows, so that it takes `--format`.
    """
    new = enriched(command)
    if lists:
        from headgraph._output import format_option

        new.params.append(format_option())
    if "_HEADGRAPH_COMPLETE" in os.environ:
        from headgraph.shell_completion import attach

        attach(new)
    return new


def enriched(command: click.Command) -> RichCommand:
    """A copy of a command or a group, with subcommands, whose help looks like the top level's."""
    if isinstance(command, RichCommand) and not isinstance(command, click.Group):
        new = copy(command)
        new.params = _copies(command.params)
        return new
    if isinstance(command, click.Group):
        inner = {name: enriched(it) for name, it in command.commands.items()}
        return extended(command, RichGroup, commands=inner)
    return extended(command, RichCommand)


def extended(
    command: click.Command,
    cls: type[C] = RichCommand,  # type: ignore[assignment]
    *,
    callback: Callable[..., Any] | None = None,
    params: Sequence[click.Parameter] | None = None,
    **more: Any,
) -> C:
    """A new command of a class with the name, help and settings of another.

    Args:
        command: the command to copy from.
        cls: class of the new command.
        callback: function to call in place of the command's own.
        params: parameters in place of the command's own.
        more: more arguments of the class.
    """
    return cls(
        command.name,
        callback=callback or command.callback,
        params=_copies(command.params if params is None else params),
        help=command.help,
        short_help=command.short_help,
        epilog=command.epilog,
        context_settings=dict(command.context_settings),
        **more,
    )


def _copies(params: Sequence[click.Parameter]) -> list[click.Parameter]:
    """Copies, because completion sets the type of a parameter."""
    return [copy(param) for param in params]
