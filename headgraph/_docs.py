"""The lists in the pages of docs/: commands, settings, formats, functions; written by cog."""

import inspect
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

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
    "DASK_SCHEDULER_ADDRESS": "Address of a Dask scheduler, for `compute`.",
    "HEADGRAPH_PLAIN_HTTP": "`1`: allow a hub at `http://` on another machine.",
    "HEADGRAPH_DEBUG": "`1`: print the traceback of a bug instead of one sentence.",
}


def commands(group: click.Group) -> str:
    """Markdown on every command: what it does, its arguments and options."""
    ctx = click.Context(group, info_name="headgraph")
    ctx.meta["headgraph.running"] = True  # load the real commands, not only their help lines
    return "\n".join(_sections(group, ctx))


def settings() -> str:
    """Markdown table of the environment variables."""
    from headgraph.graphdb.connection.address import VARIABLES

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


_ENTRY = re.compile(r"(\w[\w, ]*): (.*)")


def functions() -> str:
    """Markdown on every name of `dir(headgraph)`: signature, first paragraph, parameters."""
    import headgraph

    return "\n".join(_name_section(name, getattr(headgraph, name)) for name in dir(headgraph))


def _name_section(name: str, thing: Any) -> str:
    text = inspect.getdoc(thing)
    if not text:
        raise LookupError(f"headgraph.{name} has no docstring")
    lines = [f"## `{name}`", "", "```text", _signature(name, thing), "```", ""]
    lines += [_first_paragraph(text), ""]
    given, held = (list(_entries(text, heading)) for heading in ("Args", "Attributes"))
    if entries := given or held:  # the parameters of a dataclass are its attributes
        lines += ["| parameter | what it is |", "| --- | --- |"]
        lines += [f"| `{entry}` | {_table_cell(words)} |" for entry, words in entries]
        lines.append("")
    if inspect.isclass(thing):
        lines += [f"- `.{entry}`: {words}" for entry, words in held if given]
        lines += [*_members(thing), ""]
    return "\n".join(lines)


_STARS: dict[Any, str] = {
    inspect.Parameter.VAR_POSITIONAL: "*",
    inspect.Parameter.VAR_KEYWORD: "**",
}


def _signature(name: str, thing: Any) -> str:
    """Names and defaults, on one line if it fits; types are in the code."""
    parts, seen_star = [], False
    for param in inspect.signature(thing).parameters.values():
        if param.kind is param.KEYWORD_ONLY and not seen_star:
            parts.append("*")
            seen_star = True
        seen_star = seen_star or param.kind is param.VAR_POSITIONAL
        word = f"{_STARS.get(param.kind, '')}{param.name}"
        parts.append(word if param.default is param.empty else f"{word}={_default(param.default)}")
    one_line = f"{name}({', '.join(parts)})"
    if len(one_line) <= 90:
        return one_line
    return "\n".join([f"{name}(", *(f"    {part}," for part in parts), ")"])


def _default(value: Any) -> str:
    if not is_dataclass(value) or isinstance(value, type):
        return repr(value)
    given = [
        f"{field.name}={getattr(value, field.name)!r}"
        for field in fields(value)
        if getattr(value, field.name) != field.default
    ]
    return f"{type(value).__name__}({', '.join(given)})"


def _entries(text: str, heading: str) -> Iterator[tuple[str, str]]:
    """Name and words of each entry under a heading of the docstring."""
    section = re.search(rf"^{heading}:\n((?:    .*\n?|\n)+)", text, re.MULTILINE)
    name, words = "", ""
    for line in section[1].splitlines() if section else ():
        found = _ENTRY.fullmatch(line.strip()) if re.match(r"    \S", line) else None
        if found:
            if name:
                yield name, words
            name, words = found[1], found[2]
        else:
            words = f"{words} {line.strip()}".strip()
    if name:
        yield name, words


def _first_paragraph(text: str) -> str:
    return " ".join(text.partition("\n\n")[0].split())


def _table_cell(words: str) -> str:
    return words.replace("|", "\\|")


def _members(kind: type) -> Iterator[str]:
    """The first sentence on each public property and method."""
    for name in vars(kind):
        member = getattr(kind, name, None)
        text = inspect.getdoc(member)
        if name.startswith("_") or not text:
            continue
        if isinstance(member, property | cached_property):
            yield f"- `.{name}`: {_first_paragraph(text)}"
        if not callable(member):
            continue
        call = _signature(name, member).replace("(self, ", "(").replace("(self)", "()")
        yield f"- `.{' '.join(call.split())}`: {_first_paragraph(text)}"
