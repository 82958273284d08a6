"""What each head does to what it reads: copying against self-overlap, hubs marked."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from headgraph.analysis._tables import any_table
from headgraph.analysis.errors import FigureError
from headgraph.analysis.figures import style
from headgraph.analysis.figures.chance import (
    chance,
    decoy_shares,
    decoys_in_words,
    may_be_chance,
    without_decoys,
)
from headgraph.analysis.figures.panels import TOP, name_points, panel_grid, role_handles
from headgraph.analysis.figures.roles import Head, HeadRoles, derived_roles, head_roles
from headgraph.analysis.hubs.scores import hub_scores
from headgraph.base.names import GRAPH_PAIRINGS
from headgraph.base.spelling import either
from headgraph.base.text import short
from headgraph.pk_engine.labels import labels_for
from headgraph.pk_engine.metrics.copying import OVERLAP, SIGN
from headgraph.pk_engine.models.interface import Model
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.pk_engine.table.selection import Selection

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_HUBS = 10
_HEIGHT = 470.0
_EDGE = 1.08  # copying at the edge of the axes, so that points at -1 and 1 are whole


def copying_figure(
    model: Model | AffinityTable,
    *,
    labels: str | os.PathLike[str] | None = None,
    dark: bool = False,
) -> "Figure":
    """Draw copying against self-overlap for every head, with hubs and derived roles marked.

    PK compares subspaces, which have no sign. `copying` is the sign: 1 where a head writes what it
    reads, -1 where it writes the negative of it. `self_overlap` is the share of what it writes that
    lies in what it reads. In the two shaded corners a head has a derived role, `copier` or
    `eraser`. Colour and marker show a head's first role of the labels; a ring marks the ten
    greatest hubs (`hub_scores`, top 3 % of OQ, OK and OV). Hubs and heads with a derived role are
    named, erasers first.

    Where users go wrong: a derived role says what the head's own weights do to what it reads. It
    is no role from the literature, and it does not say what the rest of the model makes of it.

    Args:
        model: a table with scores of heads, its file, or a model as for `pk_engine.compute`.
        labels: None for the roles known for this model, `none`, or a label file.
        dark: for dark pages.

    Raises:
        FigureError: the table has no scores of heads, or all are undefined.
        AnalysisError: the table lacks OQ, OK or OV, which hubs need.
        LabelsError: a label file that does not fit the model.
    """
    table = any_table(model, GRAPH_PAIRINGS)
    heads = _scores(table)
    derived = derived_roles(table.meta)
    kept = table.select(Selection(top_percent=3))
    hubs = hub_scores(kept)
    hubs = hubs[hubs["both"] > 0].head(_HUBS)
    theme = style.theme(dark)
    with style.styled(theme):
        figure = style.new_figure(style.WIDTH, _HEIGHT, theme)
        style.headline(figure, *_words(table, heads, derived, _rings(kept, len(hubs))))
        (axes,) = panel_grid(figure, 1, 1, top=TOP, right=176.0)
        _draw_regions(axes, table, theme)
        _draw_heads(axes, heads, head_roles(labels_for(table.meta, labels)), theme)
        rings = heads[heads["name"].isin(hubs["name"])]
        axes.scatter(rings["overlap"], rings["copying"], s=120, facecolor="none",
                     edgecolor=theme.ink, linewidths=0.9, zorder=4)  # fmt: skip
        roles = {table.meta.head_name(*head): name for head, name in derived.items()}
        _name(axes, heads, roles, hubs["name"].tolist(), theme)
    return figure


def _scores(table: AffinityTable) -> pd.DataFrame:
    """Name, place, copying and self-overlap of each head that has both."""
    meta = table.meta
    if not {"copying", "self_overlap"} <= meta.heads.keys():
        again = either("compute(MODEL)", "headgraph compute MODEL -o FILE")
        raise FigureError(
            f"the table of {short(meta.model)} has no copying and self-overlap of its heads: make "
            f"one with {again}, which writes them where V and O are both read"
        )
    rows = [
        (meta.head_name(layer, head), layer, head, copies, overlap)
        for layer, both in enumerate(
            zip(meta.heads["copying"], meta.heads["self_overlap"], strict=True)
        )
        for head, (copies, overlap) in enumerate(zip(*both, strict=True))
        if copies is not None and overlap is not None
    ]
    if not rows:
        raise FigureError(
            f"no head of {short(meta.model)} has a copying score: all of its W_OV are 0"
        )
    return pd.DataFrame(rows, columns=["name", "layer", "head", "copying", "overlap"])


def _words(
    table: AffinityTable, heads: pd.DataFrame, derived: Mapping[Head, str], rings: str
) -> tuple[str, str]:
    count = [*derived.values()].count
    meta = table.meta
    lacking = meta.head_count - len(heads)
    rest = f" Heads without a score, left out: {lacking}." if lacking else ""
    return (
        f"{meta.model}: which heads write what they read, and which its negative",
        f"{len(heads):,} heads; derived from W_OV alone: erasers {count('eraser')}, copiers "
        f"{count('copier')}. {rings}{rest}\n"
        "Copying: Re(sum of eigenvalues of W_O W_V) / sum of their moduli. Self-overlap: PK of a "
        "head's V and O, divided by the rank.",
    )


def _rings(kept: AffinityTable, count: int) -> str:
    """What the rings mark, and the share of decoys among the pairs that make the hubs."""
    rows = kept.frame[kept.frame["pairing"].isin(GRAPH_PAIRINGS)]
    shares = decoys_in_words(decoy_shares(rows), GRAPH_PAIRINGS, none=without_decoys(rows))
    decoys = may_be_chance(rows) or (f"Decoys: {shares}." if shares else "")
    return f"Rings: {count} greatest hubs of the top 3 %. {decoys}".rstrip()


def _draw_regions(axes: "Axes", table: AffinityTable, theme: style.Theme) -> None:
    """The corners of the derived roles, and where chance is."""
    from matplotlib.patches import Rectangle

    for name, low, side in (("eraser", -_EDGE, 1), ("copier", SIGN, -1)):
        corner = Rectangle((OVERLAP, low), 1.0, _EDGE - SIGN, facecolor=theme.band,
                           edgecolor=theme.faint, linewidth=0.6, zorder=0)  # fmt: skip
        axes.add_patch(corner)
        axes.annotate(f"{name} (derived)", (1.0, side * -SIGN), (0.0, 3.0 * side), ha="right",
                      va="bottom" if side > 0 else "top", textcoords="offset points",
                      size=style.SMALL, color=theme.muted)  # fmt: skip
    line: dict[str, Any] = {"color": theme.muted, "linewidth": 0.7, "zorder": 1}
    axes.axhline(0.0, **line)
    reference = chance(table.meta, "OV" if "OV" in table.meta.moments else table.meta.pairings[0])
    by_chance = reference.mean / reference.most
    axes.axvline(by_chance, dashes=(1, 2), **line)
    axes.annotate("chance", (by_chance, -_EDGE), (3.0, 3.0), textcoords="offset points",
                  size=style.TINY, color=theme.muted)  # fmt: skip
    axes.set(xlim=(0.0, 1.0), ylim=(-_EDGE, _EDGE))
    axes.set(xlabel="self-overlap: share of what a head writes that lies in what it reads",
             ylabel="copying: -1 writes the negative, 1 writes the same")  # fmt: skip


def _draw_heads(
    axes: "Axes", heads: pd.DataFrame, roles: Mapping[Head, HeadRoles], theme: style.Theme
) -> None:
    from matplotlib.lines import Line2D

    places = zip(heads["layer"], heads["head"], strict=True)
    main = pd.Series(
        [(roles[p].mechanisms or (style.TASK,))[0] if p in roles else "" for p in places],
        index=heads.index,
    )
    bare = heads[main == ""]
    axes.scatter(bare["overlap"], bare["copying"], s=12, color=theme.faint, linewidths=0, zorder=2)
    for role, rows in heads[main != ""].groupby(main):
        look = theme.role(str(role))
        axes.scatter(rows["overlap"], rows["copying"], s=30, marker=look.marker, zorder=3,
                     facecolor=look.color, edgecolor=theme.ink, linewidths=0.4)  # fmt: skip
    common: dict[str, Any] = {"linestyle": "none", "marker": "o", "color": theme.faint}
    handles = role_handles(filter(None, main.unique()), theme)
    if len(bare):
        handles.append(Line2D([], [], markersize=3.5, markeredgewidth=0,
                              label=f"no known role ({len(bare)})", **common))  # fmt: skip
    handles.append(Line2D([], [], markersize=8, markerfacecolor="none", markeredgewidth=0.9,
                          markeredgecolor=theme.ink, label="hub", **common))  # fmt: skip
    axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.02, 1.0), borderaxespad=0.0)


def _name(
    axes: "Axes",
    heads: pd.DataFrame,
    role: Mapping[str, str],
    hubs: list[str],
    theme: style.Theme,
) -> None:
    """Names of erasers, then hubs, then copiers; `role` has those derived, by name."""
    order = [name for name in role if role[name] == "eraser"]
    order += [*hubs, *(name for name in role if role[name] == "copier")]
    found = heads.set_index("name")
    order = [name for name in dict.fromkeys(order) if name in found.index]
    chosen = found.loc[order]
    places = list(zip(chosen["overlap"], chosen["copying"], strict=True))
    points = list(zip(heads["overlap"], heads["copying"], strict=True))
    name_points(axes, places, order, theme, away=6.5, points=points)
