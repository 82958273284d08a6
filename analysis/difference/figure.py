"""The wiring of changed pairs: gained, lost, stronger and weaker."""

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from headgraph.analysis.difference._diff import Difference, diff
from headgraph.analysis.difference.graph import change_edges
from headgraph.analysis.difference.words import compared_in_words, nothing_changed, unrelated
from headgraph.analysis.errors import FigureError
from headgraph.analysis.figures import style
from headgraph.analysis.figures.pairs import MOST_LINES
from headgraph.analysis.wiring._layout import Box, Line, place_boxes, place_rows, touches
from headgraph.analysis.wiring._marks import (
    draw_box,
    draw_curve,
    draw_grid,
    draw_lines,
    draw_note,
    point_axes,
)
from headgraph.base.names import CHANGES, GRAPH_PAIRINGS
from headgraph.base.spelling import argument
from headgraph.pk_engine.table.affinity import KEYS
from headgraph.pk_engine.table.sources import AnyTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST = 60
"""Pairs that a figure draws by default."""
_TOP, _ROW, _LINE = 76.0, 15.5, 12.0
_LEAST = 0.2  # width of the smallest difference, so that its dashes can be seen


def difference_figure(
    before: AnyTable, after: AnyTable, *, by: str = "pk", most: int = MOST, dark: bool = False
) -> "Figure":
    """Draw the pairs of OQ, OK and OV that changed most from one table to another.

    Layers go up, head indices to the right, as in `wiring`. Colour and dashes show the kind of
    change. Lines are wider for a larger difference of PK, on one scale for all. A line enters the
    head that reads at its left as query, in its middle as key, at its right as value.

    Where users go wrong: a pair that a cut table lacks is below its cutoff and not 0; see `diff`.

    Args:
        before: table A, as for `diff`.
        after: table B.
        by: what orders the pairs: `pk`, `z` or `rank`.
        most: number of pairs to draw, the most changed first.
        dark: for dark pages.

    Raises:
        FigureError: no pair changed, `most` below 1, or more lines than one picture can show.
        AnalysisError, TableError: as `diff`.
    """
    if type(most) is not int or most < 1:
        raise FigureError(f"{argument('most', most)}: expected a whole number of at least 1")
    found = diff(before, after, by=by)
    theme, meta = style.theme(dark), found.metas[0]
    changed = found.pairs[found.pairs["pairing"].isin(GRAPH_PAIRINGS)]
    if changed.empty:
        raise FigureError(f"there is nothing to draw: {_why_nothing(found)}")
    drawn = changed.head(most)
    lines = _lines(drawn, found)
    grid = place_rows(meta.n_layers, meta.n_heads, lines, names=meta.part_names)
    boxes = place_boxes(grid, touches(lines), {})
    width, plot = grid.size
    legend = 34.0 + _ROW * 4
    title, words = _headline(found, len(drawn), len(changed))
    above = _TOP + _LINE * max(words.count("\n") - 2, 0)
    with style.styled(theme):
        figure = style.new_figure(width, plot + legend + above, theme)
        style.headline(figure, title, words)
        axes = point_axes(figure, legend, plot)
        draw_grid(axes, grid, sorted(set(meta.places()) - {box.head for box in boxes}), theme)
        draw_lines(axes, lines, boxes, grid, theme)
        for box in boxes:
            draw_box(axes, box, [], theme, gid=f"head-{box.name}")
        _draw_legend(point_axes(figure, 0.0, legend), changed, drawn, legend, theme)
    return figure


def _lines(drawn: pd.DataFrame, found: Difference) -> list[Line]:
    """The lines of these pairs, the widest first."""
    from dataclasses import replace

    edges = change_edges(replace(found, pairs=drawn))
    sizes = edges["difference"].abs()
    edges = edges.assign(weight=np.maximum(sizes / sizes.max(), _LEAST))
    edges = edges.sort_values("weight", ascending=False, kind="stable")
    return [
        Line(f"{row['pairing']} {row['change']}", (row[KEYS[0]], row[KEYS[1]]),
             (row[KEYS[2]], row[KEYS[3]]), row["weight"], row["share"])
        for row in _refused_if_many(edges, drawn).to_dict("records")
    ]  # fmt: skip


def _refused_if_many(edges: pd.DataFrame, drawn: pd.DataFrame) -> pd.DataFrame:
    if len(edges) > MOST_LINES:
        fits = max(math.floor(len(drawn) * MOST_LINES / len(edges)), 1)
        raise FigureError(
            f"{argument('most', len(drawn))} would draw {len(edges):,} lines: expected at most "
            f"{MOST_LINES} in one picture, which is about {argument('most', fits)} here"
        )
    return edges


def _why_nothing(found: Difference) -> str:
    if len(found.pairs):
        pairings = ", ".join(sorted(set(found.pairs["pairing"])))
        return f"pairs changed in {pairings} alone, and {', '.join(GRAPH_PAIRINGS)} are drawn"
    return nothing_changed(found)


def _headline(found: Difference, drawn: int, changed: int) -> tuple[str, str]:
    one, other = found.names
    what = {"pk": "PK", "z": "z", "rank": "rank"}[found.by]
    part = f"the {drawn} of {changed:,}" if drawn < changed else f"all {changed:,}"
    pairs = "pair" if changed == 1 else "pairs"
    lines = [
        f"Drawn: {part} changed {pairs}"
        + (f" with the largest difference of {what}" if drawn < changed else "")
        + f". A change is a difference of PK above rounding ({found.noise:.2g}).",
        compared_in_words(found),
    ]
    wider = "The wider a line, the larger the difference, on one scale."
    if found.counts[["cutoff_before", "cutoff_after"]].notna().to_numpy().any():
        lines.append(wider)
        lines.append(
            "A pair that a cut table lacks is below its cutoff, not 0: a gained or lost pair is "
            "drawn with its least difference."
        )
    else:
        lines[-1] += f" {wider}"
    if words := unrelated(found):
        lines.append(words)
    return f"From {one} (A) to {other} (B)", "\n".join(lines)


def _draw_legend(
    axes: "Axes", changed: pd.DataFrame, drawn: pd.DataFrame, height: float, theme: style.Theme
) -> None:
    """A line of each kind with its counts, and the places where lines enter a head."""
    every, shown = changed["change"].value_counts(), drawn["change"].value_counts()
    sizes = drawn["difference"].abs().groupby(drawn["change"]).agg(["min", "max"])
    for row, kind in enumerate(CHANGES):
        look, y = theme.changes[kind], height - 16.0 - _ROW * row
        control = np.array([[24.0, y], [34.0, y], [48.0, y], [56.0, y]])
        draw_curve(axes, control, look, 0.6, 1.0, theme, gid=f"key-{kind}")
        words = f"{look.meaning}: {every.get(kind, 0):,} pairs"
        if kind in shown:
            low, high = sizes.loc[kind]
            span = f"{low:.3g} to {high:.3g}" if f"{low:.3g}" != f"{high:.3g}" else f"{low:.3g}"
            at_least = "at least " if kind in ("gained", "lost") else ""
            words += f", {shown[kind]:,} drawn, by {at_least}{span} PK"
        draw_note(axes, (68.0, y), words, theme.ink if kind in every else theme.muted)
    example = Box((0, 0), 420.0, height - 20.0, 52.0, 15.0, "", "", 1.0)
    draw_box(axes, example, [], theme)
    for role in "QKV":
        place = example.inlet(role)[0], example.y
        draw_note(axes, place, role, theme.ink, align="center", size=style.TINY)
    for row, words in enumerate(("a line enters as query, key or value", "bigger box: more lines")):
        draw_note(axes, (456.0, height - 20.0 - _ROW * row), words, theme.muted)
