"""Parts that figures share: grids of panels, axes, colour bars, names of points, legends.

All sizes are in points (1/72 inch). Make the figure with `style.new_figure`, inside
`style.styled(theme)`, and give it a title with `style.headline`.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from headgraph.analysis.figures import style
from headgraph.analysis.figures.roles import in_role_order

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    from headgraph.pk_engine.table.meta import TableMeta

TOP = 84.0
"""Room for a headline of two lines and a panel's own title."""
_MOST_TICKS = 17
_LONGEST_NAME = 40  # characters beside a point
_APART = 1.5
_MOST_HIDDEN = 2
_RINGS = (2.5, 4.0)


def panel_grid(
    figure: "Figure",
    rows: int,
    columns: int,
    *,
    left: float = 52.0,
    right: float = 24.0,
    top: float = TOP,
    bottom: float = 44.0,
    gap: tuple[float, float] = (44.0, 52.0),
) -> list["Axes"]:
    """Equal axes in rows and columns, row by row from the top left.

    Args:
        figure: made by `style.new_figure`.
        rows: number of rows.
        columns: number of columns.
        left: left margin of the grid.
        right: right margin.
        top: upper margin, with room for the headline.
        bottom: lower margin.
        gap: distances between neighbours, across and down.
    """
    width, height = (72 * float(side) for side in figure.get_size_inches())
    wide = (width - left - right - gap[0] * (columns - 1)) / columns
    high = (height - top - bottom - gap[1] * (rows - 1)) / rows
    return [
        figure.add_axes(
            (
                (left + column * (wide + gap[0])) / width,
                1 - (top + row * (high + gap[1]) + high) / height,
                wide / width,
                high / height,
            )
        )
        for row in range(rows)
        for column in range(columns)
    ]


def panel_title(axes: "Axes", text: str) -> None:
    """A panel's own title, above its left edge."""
    axes.set_title(
        style.legible(text), loc="left", fontsize=style.LABEL, fontweight="bold", pad=6.0
    )


def index_axis(axis: "Axis", n: int, label: str, names: Sequence[str] = ()) -> None:
    """Evenly spaced ticks for n layers or heads, counted from 0: about 16 at most.

    Args:
        axis: of the panel.
        n: number of layers or heads.
        label: of the axis.
        names: of the n layers, where numbers do not name them, as in an encoder-decoder.
    """
    steps = [step for step in (1, 2, 4, 8, 16, 32, 64) if n / step < _MOST_TICKS]
    low, high = axis.get_view_interval()
    places = range(0, n, steps[0] if steps else 128)
    axis.set_ticks([*places], [names[place] for place in places] if names else None)
    if axis.axes.has_data():
        axis.set_view_interval(low, high, ignore=True)  # ticks must not widen what is shown
    axis.set_tick_params(length=0)
    axis.set_label_text(label)


def layer_names(meta: "TableMeta") -> list[str]:
    """Names of the layers that have heads; empty where their numbers from 0 name them."""
    layers = meta.shape.layers
    if meta.part_names:
        return [layer.name for layer in layers]
    return [str(layer.index) for layer in layers] if len(layers) < meta.n_layers else []


def color_bar(
    figure: "Figure", axes: "Axes", shown: "ScalarMappable", label: str, *, width: float = 8.0
) -> "Axes":
    """Draw a colour bar along the right edge of `axes`; returns the axes of the bar."""
    place, total = axes.get_position(), 72 * float(figure.get_size_inches()[0])
    beside = figure.add_axes((place.x1 + 8.0 / total, place.y0, width / total, place.height))
    bar = figure.colorbar(shown, cax=beside)
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=2.0, width=0.5)
    bar.set_label(label, fontsize=style.SMALL)
    return beside


def role_handles(roles: Iterable[str], theme: style.Theme, size: float = 5.5) -> list["Line2D"]:
    """Legend entries of these roles, in the order of `style.ROLE_ORDER`."""
    from matplotlib.lines import Line2D

    looks = [theme.role(role) for role in in_role_order(roles)]
    return [
        Line2D([], [], linestyle="none", marker=look.marker, markersize=size, label=look.name,
               markerfacecolor=look.color, markeredgecolor=theme.ink, markeredgewidth=0.4)
        for look in looks
    ]  # fmt: skip


def name_points(
    axes: "Axes",
    places: Sequence[tuple[float, float]],
    names: Sequence[str],
    theme: style.Theme,
    *,
    size: float = style.SMALL,
    away: float = 5.0,
    points: Sequence[tuple[float, float]] = (),
) -> list[int]:
    """Write names beside points so that no two names overlap.

    Call it after the axes have their limits. Each name has eight places around its point, and eight
    at each of two larger distances, from where a thin line leads to the point. The nearest place
    that covers no point is taken, else the place beside the point that covers the fewest. A name
    that would cover another name or more than two points is left out, so put important names first.

    Args:
        axes: the axes that hold the points.
        places: the points to name, in data units.
        names: their names.
        theme: colours.
        size: size of the letters.
        away: distance of a name from its point.
        points: all points that are drawn; by default those in `places`.

    Returns:
        Indices into `names` of the names that were written.
    """
    from matplotlib.patheffects import withStroke

    scale = axes.figure.dpi / 72
    frame = np.asarray(axes.get_window_extent().extents) / scale
    dots = _in_points(axes, points or places, scale)
    taken = np.empty((0, 4))
    written = []
    for number, (at, name) in enumerate(zip(_in_points(axes, places, scale), names, strict=True)):
        name = style.legible(name, _LONGEST_NAME)
        wide, high = style.text_width(name, size), 0.75 * size
        found = _place(at, wide, high, away, taken, dots, frame)
        if found is None:
            continue
        (dx, dy), box, distant = found
        taken = np.vstack([taken, box])
        if distant:
            _lead(axes, places[number], at, box, theme)
        kind: dict[str, Any] = {"ha": "left", "va": "baseline", "size": size, "color": theme.ink}
        text = axes.annotate(
            name, places[number], (dx, dy), textcoords="offset points", zorder=8, **kind
        )
        text.set_path_effects([withStroke(linewidth=1.6, foreground=theme.paper)])
        written.append(number)
    return written


def _in_points(axes: "Axes", places: Sequence[tuple[float, float]], scale: float) -> Any:
    return axes.transData.transform(np.asarray(places, float).reshape(-1, 2)) / scale


def _place(
    at: Any, wide: float, high: float, away: float, taken: Any, dots: Any, frame: Any
) -> tuple[tuple[float, float], Any, bool] | None:
    """Offset and box of a name, and whether it is so far away that a line must lead to it."""
    near = _free(at, wide, high, away, taken, dots, frame)
    if near is None or near[2]:
        for ring in _RINGS:
            far = _free(at, wide, high, ring * away, taken, dots, frame)
            if far is not None and not far[2]:
                return far[0], far[1], True
    return None if near is None else (near[0], near[1], False)


def _lead(axes: "Axes", place: tuple[float, float], at: Any, box: Any, theme: style.Theme) -> None:
    """A thin line from a point to the nearest point of its name's box."""
    from matplotlib.lines import Line2D

    end = np.clip(at, box[:2], box[2:]) * (axes.figure.dpi / 72)
    x, y = axes.transData.inverted().transform(end)
    line = Line2D([place[0], x], [place[1], y], color=theme.muted, linewidth=0.5, zorder=7)
    axes.add_artist(line)


def _free(
    at: Any, wide: float, high: float, away: float, taken: Any, dots: Any, frame: Any
) -> tuple[tuple[float, float], Any, int] | None:
    """The first place around a point inside the frame, over no name and few points; how many."""
    slant = 0.7 * away
    corners = [
        (away, -high / 2), (slant, slant), (-wide / 2, away), (-wide - slant, slant),
        (-wide - away, -high / 2), (slant, -high - slant), (-wide / 2, -high - away),
        (-wide - slant, -high - slant),
    ]  # fmt: skip
    best: tuple[int, tuple[float, float], Any] | None = None
    for dx, dy in corners:
        x, y = at[0] + dx, at[1] + dy
        box = np.array([x, y, x + wide, y + high])
        inside = (box[:2] >= frame[:2]).all() and (box[2:] <= frame[2:]).all()
        if not inside or _overlaps(box, taken, _APART).any():
            continue
        hidden = int(_overlaps(box, np.hstack([dots, dots]), 1.0).sum())
        if hidden <= _MOST_HIDDEN and (best is None or hidden < best[0]):
            best = hidden, (dx, dy), box
    return None if best is None else (best[1], best[2], best[0])


def _overlaps(box: Any, boxes: Any, apart: float) -> Any:
    low, high = box[:2] - apart, box[2:] + apart
    return ((boxes[:, :2] < high) & (boxes[:, 2:] > low)).all(axis=1)
