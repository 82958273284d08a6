"""The loss that ablation adds, beside that of equally many random heads."""

from typing import TYPE_CHECKING, Any

import pandas as pd

from headgraph.analysis._files import Rows, command_rows
from headgraph.analysis.figures import style
from headgraph.analysis.figures.panels import TOP, panel_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLUMNS = (
    "model", "what", "n_heads", "delta", "random_mean", "low", "high", "percentile", "match_layers",
    "samples", "seed",
)  # fmt: skip
_LONGEST_LABEL = 40  # characters that fit at the left


def ablation_figure(rows: Rows, *, dark: bool = False) -> "Figure":
    """Draw the loss that ablation adds, beside that of random heads: a panel for each model.

    Args:
        rows: rows of `headgraph.ablate` for one or more models, or CSV files of them.
        dark: for dark pages.

    Raises:
        FigureError: not rows of `headgraph.ablate`.
    """
    rows = command_rows(
        rows, _COLUMNS, "headgraph.ablate", "headgraph ablate ... --format csv",
        texts=("model", "what"), whole=("n_heads", "samples", "seed"),
        numbers=("delta", "random_mean", "low", "high", "percentile"),
    )  # fmt: skip
    models = list(dict.fromkeys(rows["model"]))
    heights = [18.0 * (rows["model"] == model).sum() for model in models]
    theme = style.theme(dark)
    total = TOP + sum(heights) + 58 * len(models) - 12
    with style.styled(theme):
        figure = style.new_figure(style.WIDTH, total, theme)
        style.headline(
            figure,
            "Loss added by ablating heads, compared with equally many random heads",
            f"Mean ablation. Points: the named heads. Bars: 95 % of {rows['samples'].iloc[0]} "
            f"random sets of heads (seed {rows['seed'].iloc[0]}); ticks: their mean.\n"
            "At the right: the percentage of random sets that add less to the loss.",
        )
        top = TOP
        for model, height in zip(models, heights, strict=True):
            box = (170 / style.WIDTH, 1 - (top + height) / total,
                   (style.WIDTH - 170 - 60) / style.WIDTH, height / total)  # fmt: skip
            _bars(figure.add_axes(box), rows[rows["model"] == model], theme)
            top += height + 58
    return figure


def _bars(axes: "Axes", rows: pd.DataFrame, theme: style.Theme) -> None:
    line: dict[str, Any] = {"solid_capstyle": "butt"}
    for place, row in enumerate(rows.to_dict("records")):
        axes.plot([row["low"], row["high"]], [place, place], color=theme.faint, linewidth=7, **line)
        axes.plot([row["random_mean"]] * 2, [place - 0.28, place + 0.28], color=theme.muted,
                  linewidth=1.2, **line)  # fmt: skip
        axes.plot([row["delta"]], [place], marker="D", markersize=4.6, color=theme.classes[1],
                  linestyle="none", zorder=5)  # fmt: skip
        axes.annotate(f"{row['percentile']:.0f} %", (1, place), (6, 0), va="center",
                      xycoords=axes.get_yaxis_transform(), textcoords="offset points",
                      size=style.SMALL, color=theme.muted)  # fmt: skip
    axes.set_yticks(range(len(rows)), [_label(row) for row in rows.itertuples()])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.axvline(0, color=theme.faint, linewidth=0.5, zorder=0)
    axes.set_xlabel("loss added, nats per token")
    panel_title(axes, str(rows["model"].iloc[0]))


def _label(row: Any) -> str:
    heads = "1 head" if row.n_heads == 1 else f"{row.n_heads} heads"
    what = row.what if row.what.endswith("hubs") or row.n_heads == 1 else f"{row.what}, {heads}"
    text = f"{what.replace('_', ' ')}{' (layers matched)' if row.match_layers else ''}"
    return style.legible(text, _LONGEST_LABEL)
