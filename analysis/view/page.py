"""One HTML file with its script, style and data, and a policy that forbids anything else."""

import json
import os
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from headgraph.analysis._files import write_page
from headgraph.analysis.view.content import Content
from headgraph.analysis.view.packed import packed
from headgraph.base.notebook import framed
from headgraph.base.palette import DARK, LIGHT, Theme
from headgraph.base.version import VERSION

PAPER = "https://arxiv.org/abs/2601.10266"
"""The paper that a page links to: the one address in it, which only a click opens."""
_HERE = Path(__file__).parent
SCRIPTS = ("state", "columns", "curves", "sliding", "folding", "stage", "lines", "heads", "boxes",
           "shading", "lit", "drawing", "hover", "panel", "saving", "main")  # fmt: skip
"""Parts of the page's script, in the order of their dependencies."""


@dataclass(frozen=True)
class Page:
    """A graph to explore, ready to be written."""

    content: Content

    def html(self) -> str:
        """The HTML text; the same content gives the same text."""
        from jinja2 import Environment, StrictUndefined

        environment = Environment(
            autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        template = environment.from_string((_HERE / "template.html").read_text("utf-8"))
        d3 = (_HERE / "vendor" / "d3.min.js").read_text("utf-8")
        data = self.content.data()
        roles, pairings = data.pop("roles"), data.pop("pairings")
        style = _colors(roles, pairings) + (_HERE / "view.css").read_text("utf-8")
        script = _script()
        data["roles"] = [_role(role) for role in roles]
        data["pairings"] = [
            {"name": name, "meaning": LIGHT.pairing(name).meaning} for name in pairings
        ]
        return template.render(
            content=self.content,
            data=as_inert(data),
            d3=d3,
            script=script,
            style=style,
            policy=_policy([d3, script], style),
            version=VERSION,
            paper=PAPER,
        )

    def __repr__(self) -> str:
        return f"Page({self.content.title}: {len(self.content.edges):,} edges)"

    def _repr_html_(self) -> str:
        return framed(self.html(), self.content.title)

    def write(self, path: str | os.PathLike[str], *, force: bool = False) -> Path:
        """Write the page beside `path` and rename it into place.

        Raises:
            FigureError: a name that does not end in .html, or the file cannot be written.
            OutputExists: the file is there and `force` is false.
        """
        return write_page(self.html(), path, force=force)


def as_inert(data: Any) -> str:
    """JSON that cannot end its own element or begin another, whatever names it holds.

    Arrays are packed.
    """
    text = json.dumps(
        data, ensure_ascii=True, allow_nan=False, separators=(",", ":"), default=packed
    )
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def _script() -> str:
    parts = [(_HERE / "js" / f"{name}.js").read_text("utf-8") for name in SCRIPTS]
    return '(() => {\n"use strict";\n' + "\n".join(parts) + "})();"


def _policy(scripts: Sequence[str], style: str) -> str:
    """A policy that runs only content with these hashes, and fetches and sends nothing."""
    run = " ".join(_hash(script) for script in scripts)
    return (
        f"default-src 'none'; script-src {run}; style-src {_hash(style)}; base-uri 'none'; "
        "form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _role(role: str) -> dict[str, str]:
    style = LIGHT.role(role)
    return {"name": role, "label": style.name}


def _colors(roles: Sequence[str], pairings: Sequence[str]) -> str:
    """The palette as CSS variables for light pages and dark screens, and a class per colour."""
    light, dark = (_variables(theme, roles, pairings) for theme in (LIGHT, DARK))
    classes = "".join(f".p{i}{{--c:var(--p{i})}}" for i in range(len(pairings)))
    classes += "".join(f".r{i}{{--f:var(--r{i});--k:var(--k{i})}}" for i in range(len(roles)))
    return (
        f":root{{color-scheme:light;{light}}}\n"
        "@media screen and (prefers-color-scheme: dark){"
        f":root:not([data-theme=light]){{color-scheme:dark;{dark}}}}}\n"
        f"@media screen{{:root[data-theme=dark]{{color-scheme:dark;{dark}}}}}\n{classes}\n"
    )


def _variables(theme: Theme, roles: Sequence[str], pairings: Sequence[str]) -> str:
    values = {name: getattr(theme, name) for name in ("paper", "band", "ink", "muted", "faint",
                                                      "plain")}  # fmt: skip
    for i, pairing in enumerate(pairings):
        values[f"p{i}"] = theme.pairing(pairing).color
    for i, role in enumerate(roles):
        values[f"r{i}"] = theme.role(role).color
        values[f"k{i}"] = theme.ink_on(theme.role(role).color)
    return "".join(f"--{name}:{value};" for name, value in values.items())
