"""Inlet against outlet of each head; hubs are at the upper right."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from headgraph.analysis._tables import any_table
from headgraph.analysis.errors import FigureError
from headgraph.analysis.figures import style
from headgraph.analysis.figures.chance import (
    decoy_shares,
    decoys_in_words,
    may_be_chance,
    without_decoys,
)
from headgraph.analysis.figures.pairs import cut_in_words
from headgraph.analysis.figures.panels import TOP, name_points, panel_grid, role_handles
from headgraph.analysis.figures.roles import Head, HeadRoles, head_roles
from headgraph.analysis.hubs.scores import hub_scores
from headgraph.base.names import GRAPH_PAIRINGS, parse_pairings
from headgraph.pk_engine.labels import labels_for
from headgraph.pk_engine.models.interface import Model
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.pk_engine.table.selection import Selection

if TYPE_CHECKING:
    import os

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

_NAMED = {"both": 12, "inlet": 6, "outlet": 6}


def hubs(
    model: Model | AffinityTable,
    *,
    pairings: Sequence[str] | str = GRAPH_PAIRINGS,
    top_percent: float | None = 3.0,
    labels: "str | os.PathLike[str] | None" = None,
    dark: bool = False,
) -> "Figure":
    """Draw outlet against inlet of every head with an edge, in units of z.

    Scores are those of `headgraph.hub_scores`. Colour and marker show a head's first role. Heads
    with the highest inlet, outlet and both are named. On the dashed curve,
    both = sqrt(inlet outlet) equals that of the tenth hub.

    Args:
        model: a table, its file, `gpt2-small`, or a model as for `pk_engine.compute`.
        pairings: the pairings whose edges count.
        top_percent: percentage of each pairing's strongest pairs that count; None or 100 for all.
        labels: None for the roles known for this model, `none`, or a label file.
        dark: for dark pages.

    Raises:
        FigureError: no edge.
        AnalysisError: a pairing that the table was not scored in.
        LabelsError: a label file that does not fit the model.
    """
    wanted = parse_pairings(pairings)
    table = any_table(model, wanted)
    if top_percent is not None and top_percent != 100:
        table = table.select(Selection(top_percent=top_percent))
    scores = hub_scores(table, wanted)
    if scores.empty:
        raise FigureError(f"no pair of {', '.join(wanted)} is kept: nothing to draw")
    roles = head_roles(labels_for(table.meta, labels))
    theme = style.theme(dark)
    with style.styled(theme):
        figure = style.new_figure(style.WIDTH, 500.0, theme)
        style.headline(figure, *_words(table, scores, wanted))
        (axes,) = panel_grid(figure, 1, 1, top=TOP, right=176.0)
        _draw(axes, scores, roles, theme)
    return figure


def _words(table: AffinityTable, scores: pd.DataFrame, wanted: Sequence[str]) -> tuple[str, str]:
    meta, rule = table.meta, cut_in_words(table).removeprefix("among the ")
    best = scores.iloc[0]
    hub = f" The greatest hub is {best['name']}." if best["both"] > 0 else ""
    rows = table.frame[table.frame["pairing"].isin(wanted)]
    shares = decoys_in_words(decoy_shares(rows), wanted, none=without_decoys(rows))
    plain = f"Decoys among the pairs: {shares}." if shares else ""
    decoys = f" {may_be_chance(rows) or plain}".rstrip()
    return (
        f"{meta.model}: hubs of {', '.join(wanted)}, {rule or 'all pairs'}",
        f"{len(scores)} of {meta.head_count:,} heads have an edge; inlet and outlet "
        f"are sums of z over edges.{hub}\nNames: the {_NAMED['both']} greatest hubs, and the "
        f"{_NAMED['inlet']} greatest inlets and outlets.{decoys}",
    )


def _draw(
    axes: "Axes", scores: pd.DataFrame, roles: dict[Head, HeadRoles], theme: style.Theme
) -> None:
    main = {
        head: found.mechanisms[0] if found.mechanisms else style.TASK
        for head, found in roles.items()
    }
    heads = zip(scores["layer"].tolist(), scores["head"].tolist(), strict=True)
    of_head = pd.Series([main.get(head, "") for head in heads], index=scores.index)
    size = float(np.clip(2200 / len(scores), 7, 34))
    for role, rows in scores.groupby(of_head):
        if not role:
            axes.scatter(rows["inlet"], rows["outlet"], s=size, color=theme.faint,
                         linewidths=0, zorder=2)  # fmt: skip
            continue
        look = theme.role(str(role))
        axes.scatter(rows["inlet"], rows["outlet"], s=2.0 * size, marker=look.marker, zorder=3,
                     facecolor=look.color, edgecolor=theme.ink, linewidths=0.4)  # fmt: skip
    axes.margins(0.06)
    axes.set(xlabel="inlet: sum of z over incoming edges", ylabel="outlet: over outgoing edges")
    axes.set(xlim=axes.get_xlim(), ylim=axes.get_ylim())
    _draw_curve(axes, scores, theme)
    best = [index for by, n in _NAMED.items() for index in scores[by].nlargest(n).index]
    chosen = scores.loc[list(dict.fromkeys(best))]
    places = [list(zip(rows["inlet"], rows["outlet"], strict=True)) for rows in (chosen, scores)]
    name_points(axes, places[0], chosen["name"].tolist(), theme, points=places[1])
    handles = role_handles(filter(None, of_head.unique()), theme)
    bare = int((of_head == "").sum())
    _legend(axes, handles, bare, theme)


def _draw_curve(axes: "Axes", scores: pd.DataFrame, theme: style.Theme) -> None:
    tenth = float(scores["both"].iloc[min(9, len(scores) - 1)])
    if tenth <= 0:
        return
    low, high = tenth**2 / axes.get_ylim()[1], axes.get_xlim()[1]
    x = np.geomspace(low, high, 200) if low < high else np.array([])
    axes.plot(x, tenth**2 / x, color=theme.muted, linewidth=0.7, dashes=(4, 2), zorder=1)


def _legend(axes: "Axes", handles: "list[Line2D]", bare: int, theme: style.Theme) -> None:
    from matplotlib.lines import Line2D

    plain = Line2D([], [], linestyle="none", marker="o", markersize=3.5, color=theme.faint,
                   markeredgewidth=0, label=f"no known role ({bare})")  # fmt: skip
    axes.legend(handles=[*handles, plain] if bare else handles, loc="upper left",
                bbox_to_anchor=(1.02, 1.0), borderaxespad=0.0)  # fmt: skip
