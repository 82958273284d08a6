"""Heads of one kind among all heads, by hub score."""

import os
from typing import TYPE_CHECKING

import pandas as pd

from headgraph.analysis._tables import full_table
from headgraph.analysis.figures import style
from headgraph.analysis.figures.panels import TOP, name_points, panel_grid, panel_title
from headgraph.analysis.hubs.kinds import hubs_of_kind
from headgraph.pk_engine.models.interface import Model
from headgraph.pk_engine.table.affinity import AffinityTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_HEIGHT = 320.0
_PANELS = (
    ("both", "place", "hub score"),
    ("ratio", "place_by_layer", "hub score, divided by the means of the layer"),
)


def identity(
    model: Model | AffinityTable,
    *,
    kind: str = "identity",
    labels: str | os.PathLike[str] | None = None,
    behaviour: str | os.PathLike[str] | pd.DataFrame | None = None,
    threshold: float = 0.5,
    dark: bool = False,
) -> "Figure":
    """Draw all heads by rank of their hub score, with those of one kind marked and named.

    The left panel has the score `both`, the right panel `ratio`, which compares within the layer.
    Arguments, scores and errors are those of `headgraph.hubs_of_kind`.
    """
    table = full_table(model)
    rows = hubs_of_kind(table, kind=kind, labels=labels, behaviour=behaviour, threshold=threshold)
    theme, words = style.theme(dark), kind.replace("_", " ")
    with style.styled(theme):
        figure = style.new_figure(style.WIDTH, _HEIGHT, theme)
        style.headline(
            figure,
            f"{table.meta.model}: {words} heads among all heads, by hub score",
            f"{int(rows['of_kind'].sum())} {words} heads of {len(rows):,}; edges are the top 3 % "
            "of OQ, OK and OV. Score: square root of inlet times outlet, in z.",
        )
        panels = panel_grid(figure, 1, 2, top=TOP, left=60.0, gap=(64.0, 0.0))
        for axes, (score, place, title) in zip(panels, _PANELS, strict=True):
            _draw(axes, rows.sort_values(place, kind="stable"), score, place, kind, theme)
            panel_title(axes, title)
    return figure


def _draw(
    axes: "Axes", rows: pd.DataFrame, score: str, place: str, kind: str, theme: style.Theme
) -> None:
    look, chosen = theme.role(kind), rows[rows["of_kind"]]
    axes.plot(rows[place], rows[score], ".", color=theme.muted, markersize=4, markeredgewidth=0)
    axes.plot(
        chosen[place],
        chosen[score],
        linestyle="none",
        marker=look.marker,
        markersize=7,
        markerfacecolor=look.color,
        markeredgecolor=theme.ink,
        markeredgewidth=0.5,
    )
    axes.set(xlabel="place among all heads", xlim=(-len(rows) * 0.04, len(rows) * 1.06))
    axes.set_ylim(-0.06 * rows[score].max(), 1.1 * rows[score].max())
    axes.grid(axis="y")
    axes.set_axisbelow(True)
    at, others = (
        list(zip(some[place].astype(float), some[score].astype(float), strict=True))
        for some in (chosen, rows)
    )
    points: dict[tuple[float, float], list[str]] = {}
    for point, head in zip(at, chosen["head"], strict=True):
        points.setdefault(point, []).append(head)
    # heads without edges in or out share the last place, which says nothing about them
    names = [
        f"{_several(heads)}, " + (f"place {rank:.0f}" if value else "score 0")
        for (rank, value), heads in points.items()
    ]
    name_points(axes, list(points), names, theme, points=others)


def _several(heads: list[str]) -> str:
    """Names of the heads at one point, as many as its label has room for."""
    if len(heads) <= 4:
        return ", ".join(heads)
    return f"{', '.join(heads[:3])} and {len(heads) - 3} more"
