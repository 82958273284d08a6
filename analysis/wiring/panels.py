"""The wiring diagram in three panels, one for each of OQ, OK and OV, on one scale."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from headgraph.analysis._tables import ranked_table
from headgraph.analysis.errors import FigureError
from headgraph.analysis.figures import style
from headgraph.analysis.figures.chance import (
    chance,
    chance_lines,
    decoy_line,
)
from headgraph.analysis.figures.pairs import (
    MOST_LINES,
    cut_in_words,
    metric_name,
    rule_in_words,
    strongest_pairs,
    usual_number,
)
from headgraph.analysis.figures.panels import (
    TOP,
    index_axis,
    layer_names,
    panel_grid,
    panel_title,
    role_handles,
)
from headgraph.analysis.figures.roles import Head, head_roles
from headgraph.analysis.wiring._behaviour import read_strengths, shade
from headgraph.base.names import GRAPH_PAIRINGS
from headgraph.base.spelling import argument
from headgraph.pk_engine.labels import labels_for
from headgraph.pk_engine.models.interface import Model
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.pk_engine.table.meta import TableMeta

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Fills = Mapping[Head, tuple[str, str]]
"""Head -> its role and the colour that it is filled with."""
_STEP = 20.0
_HEADLINE = TOP + 24.0  # of four lines
_WEAKEST = 0.1  # lowest behaviour score that shades a head


def wiring_panels(
    table: Model | AffinityTable,
    *,
    per_pairing: int | None = None,
    labels: str | os.PathLike[str] | None = None,
    behaviour: str | os.PathLike[str] | pd.DataFrame | None = None,
    metric: str = "pk",
    dark: bool = False,
) -> "Figure":
    """Draw OQ, OK and OV side by side: every head a circle, every pair a straight line.

    Layers go up, head indices to the right, as in `wiring`. Width and opacity grow with the score
    on one scale for all three panels, from chance to the strongest line, so that a pairing
    without strong lines is visible as such. By default a model of two layers has all its pairs.

    Args:
        table: scores, a table file, a bundled table's name, or a model, which is then scored.
        per_pairing: number of scored pairs of each pairing; None for all pairs of a model of two
            layers, else for `usual_number`.
        labels: None for the bundled labels of this model, `none`, or a label file.
        behaviour: rows of `headgraph.behaviour` or a file of them, which shade heads by strength
            instead of labels: green for previous-token heads, blue for induction heads.
        metric: the metric that ranks the pairs and sets the width of lines.
        dark: for dark pages.

    Raises:
        FigureError: nothing to draw, more lines than a panel can show, an unknown metric, or a
            behaviour file that does not fit the model.
        LabelsError: a label file that does not fit the model.

    After Fig. 4 of Yamagiwa, Takase & Shimodaira 2026, arXiv:2601.10266.
    """
    theme, scores = style.theme(dark), ranked_table(table, metric)
    meta = scores.meta
    number = per_pairing or (MOST_LINES if meta.n_layers == 2 else usual_number(meta))
    pairs = strongest_pairs(scores, number if per_pairing is None else per_pairing, metric)
    if pairs["pairing"].value_counts().max() > MOST_LINES:
        raise FigureError(
            f"{argument('per_pairing', number)} would draw more than {MOST_LINES} lines in a "
            "panel: expected fewer"
        )
    fills, key = _fills(scores, labels, behaviour, theme)
    side = max(180.0, _STEP * meta.n_heads)
    high = max(120.0, min(_STEP, 600 / meta.n_layers) * len(meta.shape.layers))
    with style.styled(theme):
        width = max(style.WIDTH, 46 + 3 * side + 2 * 34 + 24)
        figure = style.new_figure(width, _HEADLINE + high + 64, theme)
        style.headline(figure, *_words(scores, pairs, number, metric, key))
        panels = panel_grid(figure, 1, 3, top=_HEADLINE, left=46.0, bottom=64.0, gap=(34.0, 0.0))
        spread = _spread(meta, pairs, metric)
        for axes, pairing in zip(panels, GRAPH_PAIRINGS, strict=True):
            rows = pairs[pairs["pairing"] == pairing]
            _draw(axes, rows, spread, scores, fills, theme)
            best = f", up to {rows['score'].max():.2f}" if len(rows) else ": no pair"
            panel_title(axes, f"{pairing}: {theme.pairings[pairing].meaning}{best}")
        roles = {role for role, _ in fills.values()}
        if roles:
            figure.legend(handles=role_handles(roles, theme), loc="lower center", ncols=6)
    return figure


def _spread(meta: TableMeta, pairs: pd.DataFrame, metric: str) -> tuple[float, float]:
    """The scores of the weakest and the strongest line; PK begins at chance."""
    low, high = float(pairs["score"].min()), float(pairs["score"].max())
    if metric != "pk":
        return low, high
    reference = chance(meta, str(pairs["pairing"].iloc[0]))
    return reference.mean, max(high, reference.full)


def _words(
    table: AffinityTable, pairs: pd.DataFrame, number: int, metric: str, key: str
) -> tuple[str, str]:
    name, meta = metric_name(metric), table.meta
    scored = pairs.drop_duplicates(["pairing", "pk_rank"])
    whole = len(scored) == sum(meta.scored.get(pairing, 0) for pairing in GRAPH_PAIRINGS)
    rule = rule_in_words(pairs, number, metric)
    title = f"{meta.model}: {f'all pairs of OQ, OK, OV by {name}' if whole else rule}"
    low, high = pairs["score"].min(), pairs["score"].max()
    cut = f"; {cut_in_words(table)}" if cut_in_words(table) else ""
    against = "; ".join(chance_lines(meta, dict.fromkeys(pairs["pairing"])))
    against = against if metric == "pk" else ""
    counted = metric == "pk" and not whole
    decoys = decoy_line(pairs, meta, GRAPH_PAIRINGS) if counted else ""
    lines = [f"{line[0].upper()}{line[1:]}." for line in (against, decoys) if line]
    return title, (
        f"Wider and stronger lines have a higher {name}, from {low:.3g} to {high:.3g}, on one "
        f"scale for all panels{cut}.\nA line runs from the head that writes, below, to a "
        + "\n".join([f"head that could read it. {key}", *lines])
    )


def _fills(
    table: AffinityTable,
    labels: str | os.PathLike[str] | None,
    behaviour: str | os.PathLike[str] | pd.DataFrame | None,
    theme: style.Theme,
) -> tuple[Fills, str]:
    """The fill of each head, and a sentence that explains fills."""
    meta = table.meta
    if behaviour is None:
        roles = head_roles(labels_for(meta, labels))
        main = {head: (found.mechanisms or (style.TASK,))[0] for head, found in roles.items()}
        return {h: (role, theme.role(role).color) for h, role in main.items()}, (
            "Colours: known roles." if main else ""
        )
    heads = set(meta.places())
    found = read_strengths(behaviour, heads)
    return {
        head: (role, shade(role, strength, theme))
        for head, (role, strength) in found.items()
        if strength >= _WEAKEST
    }, f"Deeper colours: stronger measured behaviour, from {_WEAKEST} on."


def _draw(
    axes: "Axes",
    pairs: pd.DataFrame,
    spread: tuple[float, float],
    table: AffinityTable,
    fills: Fills,
    theme: style.Theme,
) -> None:
    from matplotlib.collections import LineCollection
    from matplotlib.colors import to_rgba

    meta = table.meta
    pairs = pairs.sort_values("score", kind="stable")  # the strongest lie on top
    ends = pairs[["source_head", "source_layer", "target_head", "target_layer"]].to_numpy(copy=True)
    ends[:, 1::2] = meta.layer_places[ends[:, 1::2]]
    weight = ((pairs["score"] - spread[0]) / ((spread[1] - spread[0]) or 1.0)).clip(0, 1).to_numpy()
    pairing = pairs["pairing"].iloc[0] if len(pairs) else "OK"
    # among all pairs, weak lines must not hide the others; of a selection, all are visible
    least = 0.08 if len(pairs) == meta.scored.get(pairing) else 0.4
    color = theme.pairings[pairing].color
    colors = [to_rgba(color, least + (1 - least) * w) for w in weight**1.5]
    widths = (5 * least + 2.4 * weight**1.5) * pairs["share"].to_numpy() ** 0.5
    lines = list(ends.astype(float).reshape(-1, 2, 2))
    axes.add_collection(LineCollection(lines, colors=colors, linewidths=widths, zorder=2))
    _draw_heads(axes, meta, fills, theme)
    layers = len(meta.shape.layers)
    axes.set(xlim=(-0.7, meta.n_heads - 0.3), ylim=(-0.45, layers - 0.55))
    index_axis(axes.xaxis, meta.n_heads, "head")
    label = "layer" if axes.get_position().x0 < 0.2 else ""
    index_axis(axes.yaxis, layers, label, layer_names(meta))
    axes.spines[:].set_visible(False)


def _draw_heads(axes: "Axes", meta: TableMeta, fills: Fills, theme: style.Theme) -> None:
    """Circles, or the role's marker; sized so that neighbours stay apart."""
    size = float(np.clip(10.0 * 12 / max(meta.n_heads, meta.n_layers), 2.5, 10.0)) ** 2
    up = meta.layer_places
    plain = np.array(
        [(head, up[layer]) for layer, head in meta.places() if (layer, head) not in fills]
    )
    if len(plain):
        axes.scatter(plain[:, 0], plain[:, 1], s=size * 0.6, color=theme.plain, zorder=3,
                     edgecolors=theme.muted, linewidths=0.6)  # fmt: skip
    for (layer, head), (role, color) in fills.items():
        axes.scatter([head], [up[layer]], s=size, marker=theme.role(role).marker, color=color,
                     edgecolors=theme.ink, linewidths=0.6, zorder=4)  # fmt: skip
