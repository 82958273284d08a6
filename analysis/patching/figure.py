"""PK against the effect of patching."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from headgraph.analysis._files import Rows, command_rows
from headgraph.analysis.errors import FigureError
from headgraph.analysis.figures import style
from headgraph.analysis.figures.panels import TOP, name_points, panel_grid, panel_title
from headgraph.analysis.patching.correlation import MEASURES, rank_correlation
from headgraph.base.names import GRAPH_PAIRINGS
from headgraph.base.spelling import argument

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WORDS = {
    "effect": "KL of the predictions, nats per token",
    "local": "change of what the target writes",
    "gain": "change per share of the input replaced",
}
_NAMED = 3
_VECTORS = 100
"""Points up to which a panel draws them as shapes; more would make a vector file large."""
_DECADES = 5
"""Decades shown below the largest effect; smaller effects are drawn at the lower edge."""


def causality(edges: Rows, *, measure: str = "effect", dark: bool = False) -> "Figure":
    """Draw PK against the effect of patching: a row of panels per model, a column per pairing.

    Effects are on a logarithmic axis. Zeros, and effects more than five decades below the model's
    largest, are drawn at its lower edge. Each panel gives Spearman's rank correlation and its
    interval.

    Args:
        edges: rows of `headgraph.verify_edge` for one or more models, or CSV files of them.
        measure: `effect`, `local` or `gain`.
        dark: for dark pages.

    Raises:
        FigureError: not rows of `headgraph.verify_edge`, an unknown measure, or only zeros.
    """
    wanted = (
        "model", "pairing", "source", "target", "pk", *MEASURES, "chosen", "seed", "replaced_by",
    )  # fmt: skip
    edges = command_rows(
        edges, wanted, "headgraph.verify_edge", "headgraph verify-edge ... --format csv",
        texts=("model", "chosen"), whole=("seed",), numbers=("pk", *MEASURES),
    )  # fmt: skip
    if measure not in MEASURES:
        raise FigureError(f"{argument('measure', measure)}: expected {', '.join(MEASURES)}")
    models = list(dict.fromkeys(edges["model"]))
    pairings = [name for name in GRAPH_PAIRINGS if (edges["pairing"] == name).any()]
    theme = style.theme(dark)
    height = TOP + 60 + len(models) * 150 + (len(models) - 1) * 64
    with style.styled(theme):
        figure = style.new_figure(style.WIDTH, height, theme)
        panels = panel_grid(figure, len(models), len(pairings), top=TOP + 16, gap=(40.0, 64.0))
        style.headline(figure, _title(models), _rule(edges, measure))
        for row, model in enumerate(models):
            part = edges[edges["model"] == model]
            for column, pairing in enumerate(pairings):
                axes = panels[row * len(pairings) + column]
                _scatter(axes, part, pairing, measure, theme)
                axes.set_xlabel("PK" if row == len(models) - 1 else "")
                if column == 0:
                    axes.set_ylabel(_WORDS[measure], fontsize=style.TINY)
                    _row_name(axes, model, theme)
    return figure


def _title(models: list[str]) -> str:
    names = models[0] if len(models) == 1 else f"{len(models)} models"
    return f"{names}: PK against the effect of patching"


def _rule(edges: pd.DataFrame, measure: str) -> str:
    first = edges.iloc[0]
    which = "all pairs" if set(edges["chosen"]) == {"all"} else "chosen pairs"
    return (
        f"Each point is a pair of heads ({which}). Patching replaces the source's output in that "
        f"one input of the target ({first['replaced_by']}, seed {first['seed']}).\n"
        "ρ is Spearman's rank correlation, with a 95 % bootstrap interval over pairs."
    )


def _scatter(
    axes: "Axes", edges: pd.DataFrame, pairing: str, measure: str, theme: style.Theme
) -> None:
    largest = edges[measure].max()
    if not largest > 0:
        raise FigureError(f"every {measure} of {edges['model'].iloc[0]} is 0: nothing to draw")
    rows, look = edges[edges["pairing"] == pairing], theme.pairings[pairing]
    floor = max(largest * 10.0**-_DECADES, edges[measure][edges[measure] > 0].min())
    heights = rows[measure].clip(lower=floor)
    axes.set_yscale("log")
    axes.set_ylim(floor / 1.6, largest * 2.2)
    axes.scatter(rows["pk"], heights, s=9.0, marker=look.marker, color=look.color, linewidths=0,
                 alpha=0.75, zorder=4, rasterized=len(rows) > _VECTORS)  # fmt: skip
    low, high = rows["pk"].min(), rows["pk"].max()
    edge = 0.08 * (high - low) or 1.0
    axes.set_xlim(low - edge, high + edge)
    panel_title(axes, f"{pairing}: {_correlated(rows, measure)}")
    best = rows.nlargest(_NAMED, measure).index
    places = list(zip(rows.loc[best, "pk"], heights[best], strict=True))
    names = [f"{row['source']}>{row['target']}" for row in rows.loc[best].to_dict("records")]
    points = list(zip(rows["pk"], heights, strict=True))
    name_points(axes, places, names, theme, size=style.TINY, away=4.0, points=points)


def _row_name(axes: "Axes", model: str, theme: style.Theme) -> None:
    """The model's name above its row of panels."""
    name = style.legible(model)
    axes.annotate(name, (0, 1), (0, 22), xycoords="axes fraction", textcoords="offset points",
                  size=style.LABEL, color=theme.muted)  # fmt: skip


def _correlated(rows: pd.DataFrame, measure: str) -> str:
    if len(rows) < 4:
        return f"{len(rows)} pairs"
    found = rank_correlation(rows, seed=int(rows["seed"].iloc[0])).set_index("measure").loc[measure]
    if found["spearman"] is None or np.isnan(found["spearman"]):
        return f"{len(rows)} pairs"
    words = f"ρ = {found['spearman']:.2f} ({found['low']:.2f} to {found['high']:.2f})"
    return words.replace("-", "−")
