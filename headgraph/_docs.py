"""The pages of docs/ that list things, written from the things themselves by cog."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from headgraph.loader.exports.formats import Format

SETTINGS = {
    "NEO4J_URI": "Address of the database, such as `bolt://127.0.0.1:7687`.",
    "NEO4J_USERNAME": "User name. The default is `neo4j`.",
    "NEO4J_PASSWORD": "Password. There is no option for it.",
    "NEO4J_DATABASE": "Name of the database. The default is the user's home database.",
    "XDG_DATA_HOME": "Moves the local server's data and password (Linux).",
    "XDG_CACHE_HOME": "Moves the local server's program files (Linux).",
    "HF_HOME": "Moves the cache of models from the hub.",
    "HF_TOKEN": "Access token for gated models on the hub.",
    "HF_HUB_OFFLINE": "`1`: look for models only in the cache.",
    "HEADGRAPH_PLAIN_HTTP": "`1`: allow a hub at `http://` on another machine.",
    "HEADGRAPH_DEBUG": "`1`: print the traceback of a bug instead of one sentence.",
}


def commands(group: click.Group) -> str:
    """Markdown on every command: what it does, its arguments and options."""
    ctx = click.Context(group, info_name="headgraph")
    ctx.meta["headgraph.running"] = True  # the real commands, not the lines of the help
    return "\n".join(_sections(group, ctx))


def settings() -> str:
    """Markdown table of the environment variables."""
    from headgraph.graphdb.address import VARIABLES

    missing = set(VARIABLES.values()) - SETTINGS.keys()
    if missing:
        raise LookupError(f"settings without a line in the docs: {sorted(missing)}")
    rows = [f"| `{name}` | {text} |" for name, text in SETTINGS.items()]
    return "\n".join(["| variable | what it does |", "| --- | --- |", *rows])


def exports() -> str:
    """Markdown table of the formats that `headgraph export` writes."""
    from headgraph.loader.exports.formats import FORMATS

    rows = [f"| `{name}` | {_files(format)} | {format.text} |" for name, format in FORMATS.items()]
    return "\n".join(["| format | files | what it is |", "| --- | --- | --- |", *rows])


def _files(format: "Format") -> str:
    inside = ", ".join(f"`{name}`" for name in format.names)
    return f"a folder with {inside}" if inside else f"`*{format.ending}`"


def _sections(group: click.Group, ctx: click.Context) -> Iterator[str]:
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        if command is None:
            raise LookupError(f"{name} is listed and cannot be loaded")
        inner = click.Context(command, info_name=name, parent=ctx)
        if isinstance(command, click.Group):
            yield f"## {inner.command_path}\n\n{_text(command)}\n"
            yield from _sections(command, inner)
            continue
        yield _section(command, inner)


def _section(command: click.Command, ctx: click.Context) -> str:
    usage = " ".join([ctx.command_path, *command.collect_usage_pieces(ctx)])
    lines = [f"## {ctx.command_path}", "", f"`{usage}`", "", _text(command), ""]
    options = [p for p in command.params if isinstance(p, click.Option) and p.name != "help"]
    if options:
        lines += ["| option | what it does |", "| --- | --- |"]
        lines += [f"| {_flags(option, ctx)} | {_help(option, ctx)} |" for option in options]
        lines.append("")
    return "\n".join(lines)


def _text(command: click.Command) -> str:
    return "\n".join(line.strip() for line in (command.help or "").splitlines())


def _flags(option: click.Option, ctx: click.Context) -> str:
    names = ", ".join([*option.opts, *option.secondary_opts])
    value = "" if option.is_flag else f" {option.make_metavar(ctx)}"
    return f"`{names}{value}`".replace("|", "\\|")


def _help(option: click.Option, ctx: click.Context) -> str:
    text = option.help or ""
    default = option.get_default(ctx)
    if option.show_default and default is not None:
        text += f" [default: {default}]"
    if option.required:
        text += " [required]"
    return text.replace("|", "\\|")
