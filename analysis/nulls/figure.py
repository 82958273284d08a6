"""The share of pairs that stand out from each null model."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from headgraph.analysis.errors import FigureError
from headgraph.analysis.figures import style
from headgraph.analysis.figures.panels import panel_grid, panel_title
from headgraph.analysis.nulls._nulls import null_table, nulls
from headgraph.base.names import GRAPH_PAIRINGS, NULLS
from headgraph.pk_engine.models.interface import Model
from headgraph.pk_engine.table.affinity import AffinityTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST = 4
"""Most panels in one figure."""
_ROW = 52.0
_WORDS = {
    "isotropic": "random subspaces",
    "covariance": "drawn with the\nheads' covariance",
    "rotations": "rotated within the\nlayer's span",
    "backward": "later to earlier\nlayers",
    "within": "heads of one layer",
}


def nulls_figure(*models: Model | AffinityTable, fdr: float = 0.05, dark: bool = False) -> "Figure":
    """Draw the share of pairs that stand out from each null model, a panel for each model.

    Args:
        models: one to four; each is a model as for `compute`, or a table of all pairs made with
            `fdr=1` and the nulls to show.
        fdr: false discovery rate.
        dark: for dark pages.

    Raises:
        FigureError: no model, or more than four.
        AnalysisError: a table without nulls or without some of its pairs.
    """
    if not 1 <= len(models) <= MOST:
        raise FigureError(f"{len(models)} models: expected 1 to {MOST} in one picture")
    tables = [null_table(model) for model in models]
    found = [nulls(table, fdr=fdr) for table in tables]
    theme = style.theme(dark)
    rows = max(rows["null"].nunique() for rows in found)
    with style.styled(theme):
        figure = style.new_figure(style.WIDTH, 150.0 + _ROW * rows, theme)
        style.headline(
            figure,
            "The number of significant pairs depends on the null model",
            f"Pairs from an earlier to a later layer whose PK exceeds the null at a false "
            f"discovery rate of {fdr:g} (Benjamini-Hochberg per pairing).",
        )
        grid = panel_grid(figure, 1, len(models), left=112.0, bottom=66.0, gap=(22.0, 0.0))
        for place, (axes, table, rows_of) in enumerate(zip(grid, tables, found, strict=True)):
            _panel(axes, rows_of, theme, names=place == 0)
            panel_title(axes, table.meta.model)
        _legend(figure, pd.concat(found)["pairing"].unique().tolist(), theme)
    return figure


def _panel(axes: "Axes", rows: pd.DataFrame, theme: style.Theme, *, names: bool) -> None:
    """A group of bars for each null, downwards; each bar says its number."""
    shown = [name for name in NULLS if name in set(rows["null"])]
    pairings = rows["pairing"].unique().tolist()
    thick = 0.8 / len(pairings)
    for place, pairing in enumerate(pairings):
        of = rows[rows["pairing"] == pairing].set_index("null").loc[shown]
        y = np.arange(len(shown)) + (place - (len(pairings) - 1) / 2) * thick
        share = 100 * of["share"].to_numpy(float)
        axes.barh(y, share, 0.86 * thick, color=_color(pairing, theme))
        for at, length, number in zip(y, share, of["significant"], strict=True):
            axes.text(length + 1.2, at, f"{number:,}", va="center", size=style.SMALL,
                      color=theme.ink)  # fmt: skip
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.set_xlim(0, 100)
    axes.set_xlabel("% of pairs")
    axes.set_yticks(range(len(shown)), [f"{n}\n{_WORDS[n]}" for n in shown] if names else [])
    axes.tick_params(axis="y", length=0)


def _color(pairing: str, theme: style.Theme) -> str:
    look = theme.pairings.get(pairing)
    return look.color if look else theme.muted


def _legend(figure: "Figure", pairings: list[str], theme: style.Theme) -> None:
    from matplotlib.patches import Patch

    known = [pairing for pairing in GRAPH_PAIRINGS if pairing in pairings]
    handles = [Patch(color=_color(p, theme), label=f"{p}  {theme.pairings[p].meaning}")
               for p in known]  # fmt: skip
    if len(known) < len(pairings):
        rest = ", ".join(pairing for pairing in pairings if pairing not in known)
        handles.append(Patch(color=theme.muted, label=f"{rest}, from top to bottom"))
    figure.legend(handles=handles, loc="lower center", ncols=4, frameon=False)
