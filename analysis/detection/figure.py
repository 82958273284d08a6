"""PR-AUC of each metric with its interval."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from headgraph.analysis.detection._detect import LAYERS
from headgraph.analysis.errors import FigureError
from headgraph.analysis.figures import style
from headgraph.analysis.figures.pairs import metric_name
from headgraph.analysis.figures.panels import panel_grid, panel_title
from headgraph.base.spelling import either

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_TOP = 98.0
_ROW = 20.0
_LEGEND = 84.0
_BETWEEN = 62.0  # the axis of the upper panels and the titles of the lower ones
_PAPER = "paper, by its own protocol"
_SAME_LAYERS = "items of the same layers only (interval)"


def detection_figure(
    rows: pd.DataFrame,
    *,
    model: str,
    paper: Mapping[str, Sequence[str]] | None = None,
    dark: bool = False,
) -> "Figure":
    """Draw PR-AUC and ROC-AUC of each metric, a column of two panels for each pairing.

    The upper panels have PR-AUC with its interval and the prevalence. The lower panels have the
    ROC-AUC of all items, and that of items of the same layers with its interval. The dashed line
    is the ROC-AUC of a score that depends on the layers alone.

    Args:
        rows: rows of `headgraph.detect`.
        model: name of the model in the title.
        paper: metric -> PR-AUC of each pairing as the paper prints it, shown as open marks.
        dark: for dark pages.

    Raises:
        FigureError: no rows.
    """
    if rows.empty:
        detect = either("headgraph.detect", "headgraph detect")
        raise FigureError(f"there are no rows to draw: expected those of {detect}")
    theme, metrics = style.theme(dark), list(dict.fromkeys(rows["metric"]))
    pairings = list(dict.fromkeys(rows["pairing"]))
    height = _TOP + _LEGEND + _BETWEEN + 2 * _ROW * len(metrics)
    task = {"heads": "labelled heads", "classes": "pairs of one class", "edges": "IOI edges"}
    with style.styled(theme):
        figure = style.new_figure(style.WIDTH, height, theme)
        first = rows.iloc[0]
        style.headline(
            figure,
            f"{model}: how well each metric finds {task[first['task']]}",
            f"95 % intervals over {first['resamples']:,} resamples of the heads. Solid lines are "
            f"chance: the prevalence ({_range(rows['prevalence'])}) for PR-AUC, 0.5 for ROC-AUC.\n"
            "The dashed line is a score that depends on the layers alone.",
        )
        right = 1.05 * float(rows["high"].max())
        panels = panel_grid(figure, 2, len(pairings), left=132.0, top=_TOP, bottom=_LEGEND,
                            gap=(24.0, _BETWEEN))  # fmt: skip
        for at, pairing in enumerate(pairings):
            part = rows[rows["pairing"] == pairing].set_index("metric")
            printed = {m: float(v[at]) for m, v in (paper or {}).items() if m in part.index}
            upper, lower = panels[at], panels[at + len(pairings)]
            _draw(upper, part, metrics, printed, right, theme)
            _draw_roc(lower, part, metrics, theme)
            panel_title(upper, pairing)
            panel_title(lower, pairing)
            names = [_name(metric) for metric in metrics] if at == 0 else [""] * len(metrics)
            for axes in (upper, lower):
                axes.set_yticks(range(len(metrics)), names)
        _legend(figure, panels, len(pairings))
    return figure


def _name(metric: str) -> str:
    return "layers alone" if metric == LAYERS else metric_name(metric)


def _legend(figure: "Figure", panels: "list[Axes]", columns: int) -> None:
    """One line of entries for the marks of both rows of panels, each once."""
    entries: dict[str, Any] = {}
    for axes in (panels[0], panels[columns]):
        marks, labels = axes.get_legend_handles_labels()
        entries |= dict(zip(map(str, labels), marks, strict=True))
    handles = list(entries.values())
    figure.legend(handles, list(entries), loc="lower left", bbox_to_anchor=(0.17, 0.0), ncols=2)


def _range(values: "pd.Series[float]") -> str:
    """The value, or the smallest and the largest where pairings differ."""
    low, high = f"{values.min():.3g}", f"{values.max():.3g}"
    return low if low == high else f"{low} to {high}"


def _draw(
    axes: "Axes",
    part: pd.DataFrame,
    metrics: Sequence[str],
    printed: Mapping[str, float],
    right: float,
    theme: style.Theme,
) -> None:
    axes.axvline(part["prevalence"].iloc[0], color=theme.muted, linewidth=0.8, zorder=1)
    for place, metric in enumerate(metrics):
        row = part.loc[metric]
        axes.plot([row["low"], row["high"]], [place, place], color=theme.muted, linewidth=1.4)
        label = "all items, headgraph" if metric == LAYERS else None
        axes.plot(row["pr_auc"], place, "o", color=_color(metric, theme), markersize=5.5,
                  label=label)  # fmt: skip
    for n, (metric, value) in enumerate(printed.items()):
        axes.plot(value, metrics.index(metric), "D", markersize=6.5, markerfacecolor="none",
                  markeredgecolor=theme.ink, label=_PAPER if n == 0 else None)  # fmt: skip
    axes.set_xlim(0, right)
    _finish(axes, len(metrics), "PR-AUC")


def _draw_roc(axes: "Axes", part: pd.DataFrame, metrics: Sequence[str], theme: style.Theme) -> None:
    axes.axvline(0.5, color=theme.muted, linewidth=0.8, zorder=1)
    alone = float(part["roc_auc"][LAYERS])
    axes.axvline(alone, color=theme.ink, linewidth=0.9, linestyle=(0, (4, 3)),
                 zorder=1, label="layers alone")  # fmt: skip
    for place, metric in enumerate(metrics):
        row = part.loc[metric]
        axes.plot(row["roc_auc"], place, "o", color=_color(metric, theme), markersize=5.5)
        if metric == LAYERS:  # one half by definition
            continue
        bounds = [row["within_low"], row["within_high"]]
        axes.plot(bounds, [place, place], color=theme.muted, linewidth=1.4)
        axes.plot(row["within_layers"], place, "o", markersize=5.5, markerfacecolor=theme.paper,
                  markeredgecolor=_color(metric, theme),
                  label=_SAME_LAYERS if place == len(metrics) - 2 else None)  # fmt: skip
    axes.set(xlim=(0, 1), xticks=[0.25, 0.5, 0.75])
    _finish(axes, len(metrics), "ROC-AUC")


def _color(metric: str, theme: style.Theme) -> str:
    return theme.pairings["OQ"].color if metric == "pk" else theme.ink


def _finish(axes: "Axes", count: int, label: str) -> None:
    axes.set_ylim(count - 0.5, -0.5)
    axes.tick_params(length=0)
    axes.grid(axis="x")
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(label)
