"""The page on the public functions, written by cog from their docstrings."""

import inspect
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import cached_property
from typing import Any

_ENTRY = re.compile(r"(\w[\w, ]*): (.*)")


def functions() -> str:
    """Markdown on every name of `dir(headgraph)`: signature, first paragraph, parameters."""
    import headgraph

    return "\n".join(_section(name, getattr(headgraph, name)) for name in dir(headgraph))


def _section(name: str, thing: Any) -> str:
    text = inspect.getdoc(thing)
    if not text:
        raise LookupError(f"headgraph.{name} has no docstring")
    lines = [f"## `{name}`", "", "```text", _signature(name, thing), "```", ""]
    lines += [_first_paragraph(text), ""]
    given, held = (list(_entries(text, heading)) for heading in ("Args", "Attributes"))
    if entries := given or held:  # a dataclass takes what it holds
        lines += ["| parameter | what it is |", "| --- | --- |"]
        lines += [f"| `{entry}` | {_cell(words)} |" for entry, words in entries]
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
    """Names and defaults, on as many lines as it takes; types stand in the code."""
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


def _cell(words: str) -> str:
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
