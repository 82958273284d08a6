"""Scores as heatmaps: between layers (mean and largest), or between all heads."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headgraph.analysis._tables import full_table
from headgraph.analysis.errors import FigureError
from headgraph.analysis.figures import style
from headgraph.analysis.figures.chance import (
    Chance,
    chance,
    chance_lines,
    decoy_line,
)
from headgraph.analysis.figures.pairs import metric_name
from headgraph.analysis.figures.panels import (
    TOP,
    color_bar,
    index_axis,
    layer_names,
    panel_grid,
    panel_title,
)
from headgraph.base.names import GRAPH_PAIRINGS, PAIRINGS, parse_pairings
from headgraph.base.spelling import argument
from headgraph.pk_engine.models.interface import Model
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.pk_engine.table.meta import TableMeta
from headgraph.pk_engine.table.selection import Selection

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage


Matrix = NDArray[np.float64]

MOST_HEADS = 256
"""Heads up to which `auto` draws single heads: with more, a cell is smaller than 2 points."""
_NAMED_HEADS = 24
"""Heads along an axis up to which each has its name; with more, only layers are numbered."""
_SIDE, _SMALL_SIDE, _GAP = 500.0, 158.0, 36.0
_CELL_WITH_NUMBER = 12.5
_TOP = Selection(top_percent=3)
_HEADLINE = TOP + 12.0  # of three lines


def heatmap(
    model: Model | AffinityTable,
    *,
    pairings: Sequence[str] | str = GRAPH_PAIRINGS,
    by: str = "auto",
    metric: str = "pk",
    layer_order: str = "forward",
    dark: bool = False,
) -> "Figure":
    """Draw scores as heatmaps, by layer or by head: sources to the right, targets up.

    By layer, each pairing has two panels: the mean and the largest score of two layers. By head,
    it has one panel with a cell for every pair of heads. Panels in a row share their colours. Cells
    without a score stay empty, such as those below the diagonal with `forward`. Outer layers
    without any score are left out. Colours of PK begin at chance or below and reach at least
    `figures.chance.Chance.full`, so that random weights have one colour; the bar marks chance.

    Args:
        model: a table with all pairs, its file, `gpt2-small`, or a model as for
            `pk_engine.compute`.
        pairings: the pairings, a column of panels each.
        by: `layer`, `head`, or `auto`, which draws heads for models of at most 256 heads, if there
            is one pairing or at most two layers.
        metric: the metric to draw.
        layer_order: as for `pk_engine.compute`.
        dark: for dark pages.

    Raises:
        FigureError: an unknown `by`, or no pair to draw.
        AnalysisError: a table without this metric, a pairing, or all pairs.
    """
    wanted = parse_pairings(pairings)
    if by not in ("auto", "layer", "head"):
        raise FigureError(f"{argument('by', by)}: expected layer, head or auto")
    table = full_table(model, wanted, sorted({"pk", metric}), layer_order=layer_order)
    meta = table.meta
    if not table.frame["pairing"].isin(wanted).any():
        raise FigureError(
            f"{meta.model} has no pair of {', '.join(wanted)} in layer order {layer_order}: "
            "nothing to draw"
        )
    if by == "auto":
        few = len(wanted) == 1 or meta.n_layers <= 2
        small = few and meta.n_layers * meta.n_heads <= MOST_HEADS
        by = "head" if small else "layer"
    draw = _by_head if by == "head" else _by_layer
    with style.styled(style.theme(dark)):
        return draw(table, wanted, metric, style.theme(dark))


def layer_matrix(table: AffinityTable, pairing: str, metric: str, how: str) -> Matrix:
    """Mean or largest score of each target layer x source layer; NaN without a scored pair.

    Layers without heads are left out.

    Args:
        table: scores of all pairs.
        pairing: the pairing.
        metric: the metric.
        how: `mean` or `max`.
    """
    rows, meta = table.frame[table.frame["pairing"] == pairing], table.meta
    found = rows.groupby(["target_layer", "source_layer"])[metric].agg(how)
    matrix = np.full((len(meta.shape.layers), len(meta.shape.layers)), np.nan)
    places = meta.layer_places[found.index.to_frame().to_numpy()]
    matrix[places[:, 0], places[:, 1]] = found.to_numpy()
    return matrix


def head_matrix(table: AffinityTable, pairing: str, metric: str) -> Matrix:
    """Score of each target head x source head, layer after layer; NaN for pairs without one.

    Layers without heads are left out.
    """
    rows, meta = table.frame[table.frame["pairing"] == pairing], table.meta
    sources, targets = (meta.heads_of(role) for role in pairing)
    layers = len(meta.shape.layers)
    matrix = np.full((layers * targets, layers * sources), np.nan)
    right, up = (meta.layer_places[rows[f"{end}_layer"]] for end in ("source", "target"))
    up, right = up * targets + rows["target_head"], right * sources + rows["source_head"]
    matrix[up, right] = rows[metric]
    return matrix


def _by_layer(
    table: AffinityTable, pairings: Sequence[str], metric: str, theme: style.Theme
) -> "Figure":
    columns, names = len(pairings), layer_names(table.meta)
    n = len(table.meta.shape.layers)
    side = _SMALL_SIDE if columns > 2 else 200.0
    width = max(52 + columns * side + (columns - 1) * _GAP + 64, style.WIDTH)
    figure = style.new_figure(width, _HEADLINE + 2 * side + 52 + 44, theme)
    axes = panel_grid(figure, 2, columns, top=_HEADLINE, gap=(_GAP, 52.0),
                      right=width - 52 - columns * side - (columns - 1) * _GAP)  # fmt: skip
    name = metric_name(metric)
    reference = [chance(table.meta, it) for it in pairings] if metric == "pk" else []
    _headline(figure, table, pairings, metric, "layer by layer")
    for row, (how, words) in enumerate((("mean", "mean"), ("max", "largest"))):
        found = [layer_matrix(table, pairing, metric, how) for pairing in pairings]
        shown = _row_of(axes[row * columns : (row + 1) * columns], found, theme, reference)
        for panel, pairing, matrix, image in zip(
            axes[row * columns :], pairings, found, shown, strict=False
        ):
            panel_title(panel, f"{pairing}: {words} {name}")
            index_axis(panel.xaxis, n, f"source layer ({pairing[0]})" if row else "", names)
            index_axis(panel.yaxis, n, f"target layer ({pairing[1]})", names)
            if side / _extent(matrix) >= _CELL_WITH_NUMBER:
                _write_values(panel, matrix, image, theme)
        bar = color_bar(figure, axes[(row + 1) * columns - 1], shown[-1], f"{words} {name}")
        _mark_chance(bar, reference)
    return figure


def _by_head(
    table: AffinityTable, pairings: Sequence[str], metric: str, theme: style.Theme
) -> "Figure":
    columns, meta = len(pairings), table.meta
    found = [head_matrix(table, pairing, metric) for pairing in pairings]
    side = float(np.clip(22 * max(map(_extent, found)), 165, _SIDE))
    room = 60 + columns * side + (columns - 1) * 60
    width = max(room + 80, style.WIDTH)
    figure = style.new_figure(width, _HEADLINE + side + 50, theme)
    axes = panel_grid(figure, 1, columns, top=_HEADLINE, left=60.0, right=width - room, bottom=50.0,
                      gap=(60.0, 0.0))  # fmt: skip
    reference = [chance(meta, it) for it in pairings] if metric == "pk" else []
    _headline(figure, table, pairings, metric, "head by head")
    shown = _row_of(axes, found, theme, reference)
    for panel, pairing in zip(axes, pairings, strict=True):
        panel_title(panel, pairing)
        ends = zip((panel.xaxis, panel.yaxis), ("source", "target"), pairing, strict=True)
        for axis, end, role in ends:
            _head_axis(axis, meta, meta.heads_of(role), f"{end} head ({role})")
        for layer in range(1, len(meta.shape.layers)):
            look: dict[str, Any] = {"color": theme.paper, "linewidth": 0.5}
            panel.axvline(layer * meta.heads_of(pairing[0]) - 0.5, **look)
            panel.axhline(layer * meta.heads_of(pairing[1]) - 0.5, **look)
    bar = color_bar(figure, axes[-1], shown[-1], metric_name(metric))
    _mark_chance(bar, reference)
    return figure


def _headline(
    figure: "Figure", table: AffinityTable, pairings: Sequence[str], metric: str, words: str
) -> None:
    meta = table.meta
    number = sum(meta.scored[pairing] for pairing in pairings)
    which = "all 16 pairings" if len(pairings) == len(PAIRINGS) else ", ".join(pairings)
    order = {
        "forward": "source layer before target layer",
        "all": "any two layers",
        "within": "within a layer",
    }[meta.layer_order]
    shown = (
        "each cell one pair" if words == "head by head" else "each cell: all pairs of two layers"
    )
    lines = f"All {number:,} pairs, {order}; {shown}."
    if metric == "pk":
        lines += f"\n{'; '.join(chance_lines(meta, pairings))}."
        found = decoy_line(table.select(_TOP).frame, meta, pairings, "in the top 3 %")
        lines += f"\nB{found[1:]}." if found else ""
    style.headline(figure, f"{meta.model}: {metric_name(metric)} of {which}, {words}", lines)


def _row_of(
    axes: Sequence["Axes"],
    matrices: Sequence[Matrix],
    theme: style.Theme,
    reference: Sequence[Chance],
) -> list["AxesImage"]:
    """Matrices in one row of panels with the same colours, which span chance and `full`."""
    values = np.concatenate([matrix[np.isfinite(matrix)] for matrix in matrices])
    spanned = np.append(values, [value for it in reference for value in (it.mean, it.full)])
    if reference:  # so that the line of chance is not at the end of the bar
        least = min(it.mean for it in reference)
        spanned = np.append(spanned, least - 0.03 * (spanned.max() - least))
    shown = []
    for panel, matrix in zip(axes, matrices, strict=True):
        panel.set_facecolor(theme.band)
        filled = np.isfinite(matrix)
        panel.spines[:].set_visible(False)
        shown.append(
            panel.imshow(matrix, origin="lower", interpolation="nearest", aspect="auto",
                         vmin=spanned.min(), vmax=spanned.max())
        )  # fmt: skip
        for axis, which in ((panel.xaxis, filled.any(axis=0)), (panel.yaxis, filled.any(axis=1))):
            first, last = np.flatnonzero(which)[[0, -1]].tolist() if which.any() else (0, 0)
            axis.set_view_interval(first - 0.5, last + 0.5, ignore=True)
    return shown


def _mark_chance(bar: "Axes", reference: Sequence[Chance]) -> None:
    """A line across the colour bar where two random subspaces are, if all pairings have one."""
    if len(set(reference)) != 1:
        return
    bar.axhline(reference[0].mean, color="#FFFFFF", linewidth=1.4)
    bar.set_ylabel(f"{bar.get_ylabel()} (line: random)")


def _write_values(panel: "Axes", matrix: Matrix, image: "AxesImage", theme: style.Theme) -> None:
    """Each value in its cell, in light or dark ink to suit the cell's colour."""
    from matplotlib.colors import to_hex

    digits = 1 if np.nanmax(np.abs(matrix)) >= 1 else 2
    for up, right in np.argwhere(np.isfinite(matrix)).tolist():
        value = matrix[up, right]
        color: Any = image.cmap(image.norm(value))
        ink = theme.ink_on(to_hex(color))
        text = f"{value:.{digits}f}".lstrip("0" if abs(value) < 1 else "")
        panel.text(right, up, text, size=4.4, color=ink, ha="center", va="center_baseline")


def _head_axis(axis: "Axis", meta: TableMeta, heads: int, label: str) -> None:
    """Names of single heads where they are few, else a number for each layer."""
    axis.set_tick_params(length=0)
    low, high = axis.get_view_interval()
    if abs(high - low) <= _NAMED_HEADS:
        names = [f"{layer.name}H{head}" for layer in meta.shape.layers for head in range(heads)]
        axis.set_ticks(range(len(names)), names, size=style.TINY)
        if axis is axis.axes.xaxis:
            axis.set_tick_params(rotation=90)
    else:
        layers = range(0, len(meta.shape.layers), -(-len(meta.shape.layers) // 16))
        names = layer_names(meta) or [str(layer) for layer in range(meta.n_layers)]
        places = [layer * heads + (heads - 1) / 2 for layer in layers]
        axis.set_ticks(places, [names[layer] for layer in layers])
        label += " by layer"
    axis.set_label_text(label)
    axis.set_view_interval(low, high, ignore=True)


def _extent(matrix: Matrix) -> int:
    """Cells along the longer side of the part that has values."""
    return max(int(np.isfinite(matrix).any(axis=axis).sum()) for axis in (0, 1))
