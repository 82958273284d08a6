"""The wiring diagram's legend: lines, tags and fills."""

from collections import Counter
from collections.abc import Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from headgraph.analysis.figures import style
from headgraph.analysis.figures.pairs import metric_name
from headgraph.analysis.figures.roles import HeadRoles
from headgraph.analysis.wiring._layout import Box
from headgraph.analysis.wiring._marks import draw_box, draw_curve, draw_note
from headgraph.analysis.wiring._routes import TIP, Points

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LINE, _LEFT, _ROLES_LEFT, _COLUMN = 15.5, 24.0, 306.0, 162.0
_LONGEST, _BROKEN = 54, 46  # characters of a mark beside the roles, and of its parts


class Legend:
    """Legend of one diagram; `height` is known before anything is drawn.

    Args:
        pairs: the drawn pairs, from `strongest_pairs`.
        heads: roles of each head with a line, None without a role.
        others: whether some heads have no line.
        metric: metric of the scores.
        width: width of the figure in points.
        theme: colours.
        grows: whether boxes grow with the number of their lines.
        marks: lines that say what scores are read against.
    """

    def __init__(
        self,
        pairs: pd.DataFrame,
        heads: Sequence[HeadRoles | None],
        others: bool,
        metric: str,
        width: float,
        theme: style.Theme,
        *,
        grows: bool = True,
        marks: Sequence[str] = (),
    ) -> None:
        self.theme = theme
        once = pairs.drop_duplicates(["pairing", "pk_rank"])
        self.scores = once.groupby("pairing", sort=False)["score"].agg(["size", "min", "max"])
        self.metric = metric_name(metric)
        self.marks = [line for mark in marks for line in _wrapped(mark)]
        notes = ["bigger box: more lines"] if grows else []
        notes += [f"dot: a head with {'none' if grows else 'no line'}"] if others else []
        self.notes = ["; ".join(notes)] if notes else []
        if any(found and len(found.mechanisms) > 1 for found in heads):
            self.notes.append("band at a box's right end: a further role")
        self.entries = _entries(heads, theme)
        self.columns = max(int((width - _ROLES_LEFT - 16.0) // _COLUMN), 1)
        tags = (style.text_width(tag, style.TINY) + 6.0 for tag, _, _ in self.entries)
        self.tag_width = max((30.0, *tags))
        rows = max(
            -(-len(self.entries) // self.columns),
            len(self.scores) + len(self.marks) + len(self.notes),
        )
        self.height = 26.0 + _LINE * rows

    def draw(self, axes: "Axes") -> None:
        """Draw into axes whose data unit is the point."""
        self._draw_pairings(axes)
        rows = -(-len(self.entries) // self.columns)
        for place, (tag, fill, text) in enumerate(self.entries):
            column, row = divmod(place, rows)
            x, y = _ROLES_LEFT + _COLUMN * column, self.height - 16.0 - _LINE * row
            self._draw_role(axes, x, y, tag, fill, text)

    def _draw_pairings(self, axes: "Axes") -> None:
        """An example head that a line of each pairing enters at its own place."""
        theme, top = self.theme, self.height - 16.0
        example = Box((0, 0), _LEFT + 24.0, top, 46.0, 14.0, "", "", 1.0)
        draw_box(axes, example, [], theme)
        lines = []
        for pairing, n, low, high in self.scores.itertuples():
            look, end = theme.pairings[pairing], np.array(example.inlet(pairing[1]))
            letter = (float(end[0]), top)
            draw_note(axes, letter, pairing[1], theme.ink, align="center", size=style.TINY)
            draw_curve(axes, _upright(end, 30.0), look, 0.6, 1.0, theme)
            lines.append(f"{pairing}  {look.meaning}: {n}, {self.metric} {low:.3g} to {high:.3g}")
        lines += self.marks
        for row, words in enumerate((*lines, *self.notes)):
            color = theme.ink if row < len(lines) else theme.muted
            draw_note(axes, (_LEFT + 58.0, top - _LINE * row), words, color)

    def _draw_role(
        self, axes: "Axes", x: float, y: float, tag: str, fill: str | None, text: str
    ) -> None:
        middle, size = x + 1.0 + self.tag_width / 2, style.TINY / style.SMALL
        box = Box((0, 0), middle, y, self.tag_width, 11.5, tag, "", size)
        draw_box(axes, box, [fill] if fill else [], self.theme)
        draw_note(axes, (x + self.tag_width + 7.0, y), text, self.theme.ink)


def _wrapped(mark: str) -> list[str]:
    return wrap(mark, _BROKEN) if len(mark) > _LONGEST else [mark]


def _entries(
    heads: Sequence[HeadRoles | None], theme: style.Theme
) -> list[tuple[str, str | None, str]]:
    """(tag, fill, words) of each role on a touched head, then of heads without one."""
    counts = Counter(found.main for found in heads if found)
    seen = {role for found in heads if found for role in (found.main, *found.mechanisms)}
    order = [role for role in style.ROLE_ORDER if role in seen]
    order += sorted(seen.difference(order))
    task = {found.main for found in heads if found and not found.mechanisms}
    entries: list[tuple[str, str | None, str]] = []
    for role in order:
        look = theme.role(role)
        color = theme.role(style.TASK).color if role in task else look.color
        kind = f"{look.name} circuit" if role in task else look.name
        number = str(counts[role]) if counts[role] else "second role"
        words = kind if len(kind) <= 32 else f"{kind[:31]}…"
        entries.append((look.tag, color, f"{words} ({number})"))
    bare = sum(found is None for found in heads)
    if bare and entries:
        entries.append(("LxHy", None, f"no known role ({bare})"))
    return entries


def _upright(end: Points, length: float) -> Points:
    """A straight line that enters from below."""
    down = np.array([[0.0, length], [0.0, length], [0.0, TIP + 3.0], [0.0, TIP]])
    return np.asarray(end - down)
