"""The divergences of the 16 pairings as a map, and histograms of the extremes."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from headgraph.analysis._tables import full_table
from headgraph.analysis.figures import style
from headgraph.analysis.figures.panels import panel_title
from headgraph.analysis.informativeness._informativeness import (
    BINS,
    binned_reference,
    informativeness,
    reference_of,
)
from headgraph.base.names import PAIRINGS, ROLES
from headgraph.pk_engine.models.interface import Model
from headgraph.pk_engine.table.affinity import AffinityTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_HEIGHT = 396.0
_MOST_BARS = 120  # of a histogram; the paper's 255 bins are narrower than a line


def informativeness_figure(model: Model | AffinityTable, *, dark: bool = False) -> "Figure":
    """Draw KL(reference || observed) of all 16 pairings, and histograms of the extremes.

    The numbers are those of `headgraph.informativeness`. After the paper's Fig. 8.

    Args:
        model: a model as for `compute`, or a table of all pairs of all 16 pairings.
        dark: for dark pages.
    """
    table = full_table(model, PAIRINGS)
    rows = informativeness(table, resamples=1).set_index("pairing")
    theme = style.theme(dark)
    with style.styled(theme):
        figure = style.new_figure(style.WIDTH, _HEIGHT, theme)
        style.headline(
            figure,
            f"{table.meta.model}: divergence of each pairing from random subspaces",
            f"KL(reference || observed) in nats over {BINS} equal bins of PK on [0, "
            f"{table.meta.d_head}], for all pairs from an earlier to a later layer.",
        )
        _map(_place(figure, 56.0, 86.0, 246.0, 266.0), rows["kl"], theme)
        for down, kind in ((86.0, "idxmax"), (246.0, "idxmin")):
            axes = _place(figure, 344.0, down, 280.0, 106.0)
            _histogram(axes, table, rows, str(getattr(rows["kl"], kind)()), kind, theme)
    return figure


def _place(figure: "Figure", left: float, down: float, width: float, height: float) -> "Axes":
    return figure.add_axes(
        (
            left / style.WIDTH,
            1 - (down + height) / _HEIGHT,
            width / style.WIDTH,
            height / _HEIGHT,
        )
    )


def _map(axes: "Axes", kl: "pd.Series[float]", theme: style.Theme) -> None:
    """Source weight upwards from O to Q, target weight to the right; each value in its cell."""
    from matplotlib import colormaps
    from matplotlib.colors import Normalize, to_hex

    values = np.array([[kl[source + target] for target in ROLES] for source in ROLES])
    scale, colors = Normalize(0, values.max()), colormaps[theme.sequential]
    axes.imshow(values, norm=scale, cmap=colors, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        ink = theme.ink_on(to_hex(colors(scale(value))))
        words = f"{value:.2f}" if value < 9.995 else f"{value:.1f}"
        axes.text(column, row, words, color=ink, ha="center", va="center")
    for axis, label in ((axes.xaxis, "target weight"), (axes.yaxis, "source weight")):
        axis.set_ticks(range(len(ROLES)), ROLES)
        axis.set_tick_params(length=0, labelsize=style.LABEL)
        axis.set_label_text(label)
    for spine in axes.spines.values():
        spine.set_visible(False)
    panel_title(axes, "divergence of each pairing")


def _histogram(
    axes: "Axes",
    table: AffinityTable,
    rows: pd.DataFrame,
    pairing: str,
    kind: str,
    theme: style.Theme,
) -> None:
    """Observed scores as bars, the reference as a curve, and the mean of either as a line."""
    frame = table.frame[table.frame["pairing"] == pairing]
    pk = frame["pk"].to_numpy()
    row: Any = rows.loc[pairing]
    edges = _edges(pk, row)
    share = np.histogram(pk, edges)[0] / len(pk) * 100
    look = theme.pairings["OV"].color
    axes.stairs(share, edges, fill=True, color=look, label=f"observed, mean {row.mean_pk:.2f}")
    axes.axvline(row.mean_pk, ymax=0.82, color=look, linewidth=1.2, linestyle=(0, (4, 2)))
    fine = np.linspace(edges[0], edges[-1], 2000)
    density = binned_reference(fine, *reference_of(frame, table.meta))
    # as many per cent as a bar of this width would hold
    curve = density * (edges[1] - edges[0]) / (fine[1] - fine[0]) * 100
    axes.plot((fine[1:] + fine[:-1]) / 2, curve, color=theme.ink, linewidth=1.1,
              label=f"random reference, mean {row.reference_mean:.2f}")  # fmt: skip
    axes.axvline(
        row.reference_mean, ymax=0.82, color=theme.ink, linewidth=1.0, linestyle=(0, (1, 2))
    )
    axes.set_xlim(edges[0], edges[-1])
    axes.set_xlabel("PK", labelpad=1.0)
    axes.set_ylabel("% of pairs")
    axes.set_ylim(0, 1.25 * max(share.max(), curve.max()))  # room for the legend
    axes.legend(loc="upper right", ncols=2, handlelength=1.2, columnspacing=1.2, borderpad=0)
    extreme = "highest" if kind == "idxmax" else "lowest"
    panel_title(axes, f"{pairing}: the {extreme} divergence, {row.kl:.3f}")


def _edges(pk: Any, row: Any) -> Any:
    """Edges of bars half an sd wide, or wider if there are many, without the top 0.2 %."""
    spread = 4 * row.reference_sd
    low = min(pk.min(), row.reference_mean - spread)
    high = max(np.quantile(pk, 0.998), row.reference_mean + spread)
    return np.linspace(low, high, min(_MOST_BARS, int(2 * (high - low) / row.reference_sd)) + 1)
