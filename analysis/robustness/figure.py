"""Agreement of each metric between raw, folded and centred weights."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from headgraph.analysis.errors import FigureError
from headgraph.analysis.figures import style
from headgraph.analysis.figures.pairs import metric_name
from headgraph.analysis.figures.panels import TOP, panel_grid, panel_title
from headgraph.analysis.robustness._robustness import METRICS, VARIANTS, robustness
from headgraph.base.names import GRAPH_PAIRINGS
from headgraph.base.spelling import either

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

_MARKERS = ("o", "s", "D")
_COLUMNS = {"spearman": "rank correlation", "top20_overlap": "top-20 overlap"}


def robustness_figure(
    model: str | os.PathLike[str] | pd.DataFrame,
    *,
    pairings: Sequence[str] | str = GRAPH_PAIRINGS,
    metrics: Sequence[str] = METRICS,
    name: str | None = None,
    dark: bool = False,
) -> "Figure":
    """Draw rank correlation and top-20 overlap with the raw weights, a column per pairing.

    Args:
        model: a model, or the rows of `headgraph.robustness` for one.
        pairings: pairings to compare, a column each.
        metrics: metrics to compare, a line each.
        name: name of the model in the title.
        dark: for dark pages.

    Raises:
        FigureError: no rows.
        AnalysisError, EngineError: as for `headgraph.robustness`.
    """
    if isinstance(model, pd.DataFrame):
        frame, title = model, name or "a model"
    else:
        from headgraph.pk_engine.models.location import locate

        frame = robustness(model, pairings=pairings, metrics=metrics)
        title = name or locate(model, weights=False).name
    if frame.empty:
        raise FigureError(
            "there are no rows to draw: expected those of "
            f"{either('headgraph.robustness', 'headgraph robustness')}"
        )
    found = list(dict.fromkeys(frame["pairing"]))
    lines = list(dict.fromkeys(frame["metric"]))
    theme = style.theme(dark)
    with style.styled(theme):
        high = 26.0 * len(lines) + 10
        width = max(style.WIDTH, 88.0 + 190.0 * len(found))
        figure = style.new_figure(width, TOP + 2 * high + 52 + 58, theme)
        style.headline(
            figure,
            f"{title}: scores of folded and centred weights against raw ones",
            "Folding the norms into Q, K and V and centring what heads write leave the model's "
            "output unchanged.\nTop: Spearman's correlation with the raw weights over all pairs. "
            "Bottom: share of the 20 strongest pairs that stay.",
        )
        axes = panel_grid(figure, 2, len(found), left=76.0, bottom=58.0, gap=(26.0, 52.0))
        for place, panel in enumerate(axes):
            column = list(_COLUMNS)[place // len(found)]
            pairing = found[place % len(found)]
            rows = frame[frame["pairing"] == pairing]
            _draw(panel, rows, column, lines, theme, first=place % len(found) == 0)
            panel_title(panel, f"{pairing}: {_COLUMNS[column]}")
        handles = _handles([v for v in VARIANTS if v in set(frame["variant"])], theme)
        figure.legend(handles=handles, loc="lower center", ncols=3)
    return figure


def _draw(
    axes: "Axes",
    rows: pd.DataFrame,
    column: str,
    lines: Sequence[str],
    theme: style.Theme,
    *,
    first: bool,
) -> None:
    axes.set(ylim=(len(lines) - 0.5, -0.5), yticks=range(len(lines)))
    axes.set_yticklabels([metric_name(line) for line in lines] if first else [""] * len(lines))
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", zorder=0)
    for place, (variant, marker) in enumerate(zip(VARIANTS, _MARKERS, strict=True)):
        part = rows[rows["variant"] == variant]
        heights = [lines.index(metric) + 0.22 * (place - 1) for metric in part["metric"]]
        axes.scatter(part[column], heights, marker=marker, s=22, color=theme.classes[place],
                     clip_on=False, zorder=4, linewidths=0)  # fmt: skip
    low = min(0.0, float(rows[column].min()) - 0.05)
    axes.set_xlim(low, 1.0)


def _handles(variants: Sequence[str], theme: style.Theme) -> "list[Line2D]":
    from matplotlib.lines import Line2D

    order = list(VARIANTS)
    return [
        Line2D([], [], linestyle="none", marker=_MARKERS[order.index(variant)], markersize=5,
               color=theme.classes[order.index(variant)], markeredgewidth=0, label=variant)
        for variant in variants
    ]  # fmt: skip
