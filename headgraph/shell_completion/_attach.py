"""Which values stand where: by a parameter's name, else by what its help calls its value.

This is a table rather than a mark on each option, because the rooms with the options import neither
the stored queries nor the database. A test fails for a parameter that the table does not cover.
"""

import re
from collections.abc import Mapping

import click

from headgraph.shell_completion import _known as known
from headgraph.shell_completion import _stored as stored
from headgraph.shell_completion._known import Completer, Items

BY_NAME: Mapping[str, Completer] = {
    "after": known.tables,
    "before": known.tables,
    "kind": known.kinds,
    "metric": known.metrics,
    "metrics": known.metrics,
    "null": known.nulls,
    "pairing": known.pairings,
    "pairings": known.pairings,
    "params": stored.params,
    "run": stored.runs,
    "score": known.behaviours,
    "series": stored.series,
}
BY_VALUE: Mapping[str, Completer] = {
    "ADAPTER": known.folders,
    "D": known.devices,
    "DIR": known.folders,
    "FILE": known.files,
    "FILES": known.files,
    "FOLDER": known.folders,
    "MODEL": known.models,
    "QUERY": known.queries,
    "ROLE": known.roles,
    "RUN": stored.runs,
    "TABLE": known.tables,
}
BY_COMMAND: Mapping[tuple[str, str], Completer] = {
    ("cypher", "params"): stored.statement_params,
    ("detect", "model"): known.models_or_tables,
    ("detection", "model"): known.models_or_tables,
    ("circuits", "model"): known.models_or_tables,
    ("load", "file"): known.tables,
    ("query", "name"): known.queries,
    ("runs", "model"): stored.models,
    ("tokens", "role"): known.matrices,
    ("training", "run"): known.models,
    ("trajectory", "run"): known.models,
}


class Completed(click.types.StringParamType):
    """Text that a shell can complete."""

    def __init__(self, completers: list[Completer]) -> None:
        self.completers = completers

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
        """The values that begin with what is typed, each once."""
        items = [item for complete in self.completers for item in complete(ctx, incomplete)]
        # the last of two that are called the same: a table where a run has its name
        return list({(item.type, item.value): item for item in items}.values())


def attach(command: click.Command) -> click.Command:
    """Set the completions of a composed command and its subcommands, and return it."""
    for param in command.params:
        text = isinstance(param.type, click.types.StringParamType) and not _is_flag(param)
        if text and (completers := _completers(command.name or "", param)):
            param.type = Completed(completers)
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            attach(inner)
    return command


def _completers(command: str, param: click.Parameter) -> list[Completer]:
    name = param.name or ""
    one = BY_COMMAND.get((command, name)) or BY_NAME.get(name)
    if one is not None and "|" not in (param.metavar or ""):
        return [one]
    if isinstance(param.default, str) and param.default in known.bundled_tables():
        return [known.models_or_tables]
    words = re.findall(r"[\w-]+", param.metavar or name.upper())
    alone = len(words) == 1
    return [
        BY_VALUE[word] if word in BY_VALUE else known.word(word)
        for word in words
        if word in BY_VALUE or (word.islower() and not alone)
    ]


def _is_flag(param: click.Parameter) -> bool:
    return isinstance(param, click.Option) and (param.is_flag or param.count)
