"""HTML of values for notebooks; all text from outside is escaped."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from headgraph.base.text import printable


def paragraph(text: str) -> str:
    """One sentence or several."""
    return f"<p>{_safe(text)}</p>"


def facts(rows: Iterable[tuple[str, Any]]) -> str:
    """A table of names and values, without the rows that have no value."""
    lines = [
        f"<tr><th style='text-align:left'>{_safe(name)}</th>"
        f"<td style='text-align:left'>{_safe(_words(value))}</td></tr>"
        for name, value in rows
        if value not in (None, "", (), [], {})
    ]
    return f"<table><tbody>{''.join(lines)}</tbody></table>"


def framed(page: str, title: str) -> str:
    """A page in a sandboxed frame, so that page and notebook cannot read each other."""
    return (
        f'<iframe srcdoc="{escape(page)}" sandbox="allow-scripts allow-downloads" '
        f'title="{_safe(title)}" width="100%" height="720"></iframe>'
    )


class NotebookReport:
    """A dataclass that a notebook shows as its sentence (`str`) above a table of its fields."""

    def _repr_html_(self) -> str:
        return paragraph(str(self)) + facts(vars(self).items())


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {_words(it)}" for name, it in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "; ".join(map(_words, value))
    return str(value)


def _safe(text: str) -> str:
    return escape(printable(text))
