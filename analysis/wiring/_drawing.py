"""What the wiring diagram draws beside its boxes: layers and heads, and lines on their ways."""

from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from headgraph.analysis.figures import style
from headgraph.analysis.figures.roles import Head
from headgraph.analysis.wiring._layout import NAMES, Box, Grid
from headgraph.analysis.wiring._lines import Line, outlets
from headgraph.analysis.wiring._marks import draw_curve, draw_dots, draw_note
from headgraph.analysis.wiring._routes import Router
from headgraph.base.names import head_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_grid(axes: "Axes", grid: Grid, touched: set[Head], theme: style.Theme) -> None:
    """A band and a name for each layer, a number for each head, a dot where no line ends."""
    from matplotlib.patches import Rectangle

    right = grid.centre(0, grid.n_heads - 1)[0] + grid.step / 2 + 6.0
    left = grid.centre(0, 0)[0] - grid.step / 2 - 6.0
    for layer, y in enumerate(grid.rows):
        band = Rectangle((left, y - 12.0), right - left, 24.0, facecolor=theme.band)
        axes.add_patch(band)
        draw_note(axes, (NAMES, y), f"layer {layer}", theme.muted, align="right")
    for head in range(grid.n_heads):
        text = str(head) if head else "head 0"
        draw_note(axes, (grid.centre(0, head)[0], 9.0), text, theme.muted, align="center")
    places = product(range(len(grid.rows)), range(grid.n_heads))
    others = [grid.centre(*head) for head in places if head not in touched]
    if others:
        draw_dots(axes, np.array(others), theme)


def draw_lines(
    axes: "Axes", lines: Sequence[Line], boxes: Sequence[Box], grid: Grid, theme: style.Theme
) -> None:
    """Each line, strongest on top, on a way that passes by the boxes of other heads."""
    number = {box.head: i for i, box in enumerate(boxes)}
    router = Router(grid.size, boxes, left=NAMES, lines=len(lines))
    # the strongest come first: they get the best way, and lie on top
    for depth, (line, outlet) in enumerate(zip(lines, outlets(lines), strict=True)):
        ends = number[line.source], number[line.target]
        start, end = boxes[ends[0]].outlet(outlet), boxes[ends[1]].inlet(line.pairing[1])
        control = router.route(start, end, ends)
        look, order = theme.pairings[line.pairing], 5 - 2 * depth / len(lines)
        gid = f"line-{line.pairing}-{head_name(*line.source)}-{head_name(*line.target)}"
        draw_curve(axes, control, look, line.weight, line.share, theme, order=order, gid=gid)
