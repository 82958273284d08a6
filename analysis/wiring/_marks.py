"""Marks of the wiring diagram: the grid of layers and heads, boxes, dots, and curves with tips."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from headgraph.analysis.figures import style
from headgraph.analysis.figures.roles import Head
from headgraph.analysis.wiring._layout import NAMES, Box, Grid, Line, outlets
from headgraph.analysis.wiring._routes import TIP, Points, Router

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.path import Path


BAND = 4.0
"""Width of the band that shows a second role."""
WORDS = 5.0
"""Size of the letters of a box's further lines."""


def point_axes(figure: "Figure", bottom: float, height: float) -> "Axes":
    """Axes over the figure's full width whose data unit is the point."""
    width, total = (72 * side for side in figure.get_size_inches())
    axes = figure.add_axes((0, bottom / total, 1, height / total))
    axes.set(xlim=(0, width), ylim=(0, height))
    axes.set_axis_off()
    return axes


def draw_box(
    axes: "Axes", box: Box, fills: list[str], theme: style.Theme, *, gid: str | None = None
) -> None:
    """A head with its name and tag; the first fill covers it, others are bands at its right."""
    from matplotlib.patches import PathPatch

    shape = _rounded(box, 5.0 * box.scale)
    halo = {"facecolor": theme.paper, "edgecolor": theme.paper, "linewidth": 2.4}
    axes.add_patch(PathPatch(shape, zorder=6, **halo))
    fill = fills[0] if fills else theme.plain
    body = PathPatch(shape, facecolor=fill, edgecolor="none", zorder=7, gid=gid)
    axes.add_patch(body)
    right = box.x + box.width / 2
    for place, color in enumerate(fills[1:3], start=1):
        band = _rectangle(right - BAND * place, box.y - box.height / 2, BAND, box.height)
        patch = PathPatch(band, facecolor=color, edgecolor="none", zorder=7.1)
        axes.add_patch(patch)
        patch.set_clip_path(body)
    edge = theme.muted if not fills else theme.ink
    outline = {"facecolor": "none", "edgecolor": edge, "linewidth": 0.5 + 0.4 * (box.scale - 1)}
    axes.add_patch(PathPatch(shape, zorder=7.2, **outline))
    if box.name:
        _write(axes, box, theme.ink_on(fill))


def _write(axes: "Axes", box: Box, ink: str) -> None:
    size, small = style.SMALL * box.scale, style.TINY * box.scale
    middle = box.y + (box.height - box.top) / 2
    # letters without descenders are 0.73 of their size high; centre those, not their line box
    name = middle - 0.365 * size + (0.19 * box.top if box.tag else 0.0)
    common: dict[str, Any] = {"ha": "center", "va": "baseline", "color": ink, "zorder": 8}
    weight = "bold" if box.tag else "normal"
    axes.text(box.x, name, box.name, size=size, weight=weight, gid=f"name-{box.name}", **common)
    if box.tag:
        axes.text(box.x, middle - 0.33 * box.top, box.tag, size=small, **common)
    left, top = box.x - box.width / 2 + 3.5, box.y + box.height / 2 - box.top
    for row, words in enumerate(box.words):
        place = left, top - box.line * row - 0.55 * box.line
        gid = f"words-{box.name}-{words[0]}"
        axes.text(*place, words, size=WORDS, **common | {"ha": "left"}, gid=gid)


def draw_note(
    axes: "Axes",
    place: tuple[float, float],
    text: str,
    color: str,
    *,
    align: str = "left",
    size: float = style.SMALL,
) -> None:
    """Text beside the marks, vertically centred."""
    axes.text(*place, text, ha=align, va="center_baseline", size=size, color=color, zorder=8)


def draw_curve(
    axes: "Axes",
    control: Points,
    look: style.PairingStyle,
    weight: float,
    share: float,
    theme: style.Theme,
    *,
    order: float = 3.0,
    gid: str | None = None,
) -> None:
    """A line from source to target with a tip; its weight (0 to 1) sets width and opacity.

    A casing in the colour of the paper separates it from the lines that it crosses.
    """
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    # at chance a hairline that can hardly be seen, and no more
    wide = (0.3 + 2.1 * weight) * share**0.5
    opaque = 0.3 + 0.7 * min(1.4 * weight, 1.0)
    path = Path(control, [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4])
    common = {"facecolor": "none", "capstyle": "butt", "zorder": order}
    axes.add_patch(
        PathPatch(path, edgecolor=theme.paper, linewidth=wide + 1.6, alpha=0.85, **common)
    )
    line = PathPatch(path, edgecolor=look.color, linewidth=wide, alpha=opaque, gid=gid, **common)
    if look.dashes:
        line.set_linestyle((0.0, tuple(part / wide for part in look.dashes)))
    axes.add_patch(line)
    tip = PathPatch(_tip(control, 1.2 + 0.9 * wide), facecolor=look.color, edgecolor=theme.paper)
    tip.set(linewidth=0.3, zorder=9 + order / 100, alpha=opaque)
    axes.add_patch(tip)


def draw_dots(axes: "Axes", places: Points, theme: style.Theme) -> None:
    """Heads that no line touches."""
    from matplotlib.collections import EllipseCollection

    size = np.full(len(places), 3.4)
    dots = EllipseCollection(
        size,
        size,
        np.zeros(len(places)),
        units="xy",
        offsets=places,
        offset_transform=axes.transData,
        facecolors=theme.faint,
        edgecolors="none",
        zorder=2,
    )
    axes.add_collection(dots, autolim=False)


def _tip(control: Points, half: float) -> "Path":
    from matplotlib.path import Path

    base = control[3]
    along = (control[3] - control[2]) / np.linalg.norm(control[3] - control[2])
    across = np.array([-along[1], along[0]]) * half
    back = base - 0.8 * along
    return Path(
        np.array([back + across, base + TIP * along, back - across, back + across]), closed=True
    )


def _rounded(box: Box, radius: float) -> "Path":
    from matplotlib.patches import BoxStyle

    corner = box.x - box.width / 2, box.y - box.height / 2
    return BoxStyle.Round(pad=0, rounding_size=radius)(*corner, box.width, box.height, 1.0)


def _rectangle(x: float, y: float, width: float, height: float) -> "Path":
    from matplotlib.path import Path

    corners = [(x, y), (x + width, y), (x + width, y + height), (x, y + height), (x, y)]
    return Path(corners, closed=True)


def draw_grid(axes: "Axes", grid: Grid, untouched: Sequence[Head], theme: style.Theme) -> None:
    """A band and a name for each layer, a number for each head, a dot where no line ends."""
    from matplotlib.patches import Rectangle

    right = grid.centre(0, grid.n_heads - 1)[0] + grid.step / 2 + 6.0
    left = grid.centre(0, 0)[0] - grid.step / 2 - 6.0
    for layer, y in enumerate(grid.rows):
        band = Rectangle((left, y - 12.0), right - left, 24.0, facecolor=theme.band)
        axes.add_patch(band)
        draw_note(
            axes,
            (NAMES, y),
            grid.names[layer] if grid.names else f"layer {layer}",
            theme.muted,
            align="right",
        )
    for head in range(grid.n_heads):
        text = str(head) if head else "head 0"
        draw_note(axes, (grid.centre(0, head)[0], 9.0), text, theme.muted, align="center")
    others = [grid.centre(*head) for head in untouched]
    if others:
        draw_dots(axes, np.array(others), theme)


def draw_lines(
    axes: "Axes", lines: Sequence[Line], boxes: Sequence[Box], grid: Grid, theme: style.Theme
) -> None:
    """Each line, strongest on top, routed around the boxes of other heads."""
    number = {box.head: i for i, box in enumerate(boxes)}
    router = Router(grid.size, boxes, left=NAMES, lines=len(lines))
    # the strongest come first: they get the best route and lie on top
    for depth, (line, outlet) in enumerate(zip(lines, outlets(lines), strict=True)):
        ends = number[line.source], number[line.target]
        start, end = boxes[ends[0]].outlet(outlet), boxes[ends[1]].inlet(line.pairing[1])
        control = router.route(start, end, ends)
        look, order = theme.pairing(line.pairing), 5 - 2 * depth / len(lines)
        kind = line.pairing.replace(" ", "-")
        gid = f"line-{kind}-{grid.name(*line.source)}-{grid.name(*line.target)}"
        draw_curve(axes, control, look, line.weight, line.share, theme, order=order, gid=gid)
