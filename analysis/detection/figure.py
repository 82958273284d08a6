"""PR-AUC of each metric with its interval."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from headgraph.analysis.errors import FigureError
from headgraph.analysis.figures import style
from headgraph.analysis.figures.pairs import metric_name
from headgraph.analysis.figures.panels import panel_grid, panel_title
from headgraph.base.spelling import either

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ROW = 22.0
_PAPER = "paper, by its own protocol"


def detection_figure(
    rows: pd.DataFrame,
    *,
    model: str,
    paper: Mapping[str, Sequence[str]] | None = None,
    dark: bool = False,
) -> "Figure":
    """Draw PR-AUC of each metric, a panel for each pairing, with the prevalence.

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
    below = 72.0 if paper else 44.0
    height = 106.0 + below + _ROW * len(metrics)
    task = {"heads": "labelled heads", "classes": "pairs of one class", "edges": "IOI edges"}
    with style.styled(theme):
        figure = style.new_figure(style.WIDTH, height, theme)
        first = rows.iloc[0]
        style.headline(
            figure,
            f"{model}: how well each metric finds {task[first['task']]}",
            f"PR-AUC with its 95 % interval over {first['resamples']} resamples of the heads; the "
            f"line is the prevalence, {_range(rows['prevalence'])}, which chance gets.",
        )
        right = 1.05 * float(rows["high"].max())
        panels = panel_grid(figure, 1, len(pairings), left=132.0, bottom=below, gap=(24.0, 0.0))
        for at, (axes, pairing) in enumerate(zip(panels, pairings, strict=True)):
            part = rows[rows["pairing"] == pairing].set_index("metric")
            printed = {m: float(v[at]) for m, v in (paper or {}).items() if m in part.index}
            _draw(axes, part, metrics, printed, right, theme)
            panel_title(axes, pairing)
            names = [metric_name(metric) for metric in metrics] if at == 0 else []
            axes.set_yticks(range(len(metrics)), names or [""] * len(metrics))
        if paper:
            handles, labels = panels[0].get_legend_handles_labels()
            figure.legend(handles, labels, loc="lower left", bbox_to_anchor=(0.19, 0.0), ncols=2)
    return figure


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
        color = theme.pairings["OQ"].color if metric == "pk" else theme.ink
        label = "ours, by our reading" if place == 1 else None
        axes.plot(row["pr_auc"], place, "o", color=color, markersize=5.5, label=label)
    for n, (metric, value) in enumerate(printed.items()):
        axes.plot(value, metrics.index(metric), "D", markersize=6.5, markerfacecolor="none",
                  markeredgecolor=theme.ink, label=_PAPER if n == 0 else None)  # fmt: skip
    axes.set(ylim=(len(metrics) - 0.5, -0.5), xlim=(0, right))
    axes.tick_params(length=0)
    axes.grid(axis="x")
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("PR-AUC")
