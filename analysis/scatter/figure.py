"""PK against another metric, with the cutoff of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from headgraph.analysis._tables import full_table
from headgraph.analysis.errors import FigureError
from headgraph.analysis.figures import style
from headgraph.analysis.figures.chance import (
    chance,
    chance_lines,
    decoy_line,
)
from headgraph.analysis.figures.pairs import metric_name
from headgraph.analysis.figures.panels import TOP, name_points, panel_grid, panel_title
from headgraph.base.names import GRAPH_PAIRINGS, parse_pairings
from headgraph.base.spelling import argument
from headgraph.pk_engine.models.interface import Model
from headgraph.pk_engine.table.affinity import KEYS, AffinityTable
from headgraph.pk_engine.table.meta import TableMeta
from headgraph.pk_engine.table.selection import Selection

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARKERS = ("D", ">", "^", ".")
"""Markers of the four classes; the theme has their colours."""
_SIZES = (7.0, 9.0, 9.0, 2.0)
_NAMED = 3
_TOP = TOP + 24.0  # a headline of four lines
_HIGH = 226.0


@dataclass(frozen=True)
class Cut:
    """One pairing's pairs, split by two cutoffs.

    Attributes:
        pairing: the pairing.
        rows: the pairs, with PK as `x` and the other metric as `y`.
        cutoffs: the smallest kept value of each metric.
        classes: of each row: 0 if both metrics keep it, 1 PK alone, 2 the other alone, 3 neither.
    """

    pairing: str
    rows: pd.DataFrame
    cutoffs: tuple[float, float]
    classes: NDArray[np.int64]

    @property
    def counts(self) -> list[int]:
        """Number of pairs in each class."""
        return [int(n) for n in np.bincount(self.classes, minlength=4)]


def scatter(
    model: Model | AffinityTable,
    *,
    metric: str = "cs",
    top_percent: float = 3.0,
    pairings: Sequence[str] | str = GRAPH_PAIRINGS,
    dark: bool = False,
) -> "Figure":
    """Draw PK against another metric for every pair, a panel for each pairing, with both cutoffs.

    Each metric keeps its strongest `top_percent` of the pairs, rounded up. The lines are at the
    smallest kept values. Colour and marker show which metric keeps a pair: both, PK alone, the
    other alone, or neither. The strongest pairs of each metric are named.

    Where users go wrong: a cutoff is a rank, not a test. Pairs on either side of a line may hardly
    differ.

    Args:
        model: a table with all pairs, its file, `gpt2-small`, or a model as for
            `pk_engine.compute`.
        metric: the metric to compare with PK, such as `cs` or `cka`.
        top_percent: percentage that each metric keeps, more than 0 and at most 100.
        pairings: the pairings, a panel each.
        dark: for dark pages.

    Raises:
        FigureError: the metric is PK itself, or there is no pair.
        AnalysisError: a table without this metric or without all pairs.

    After Fig. 5 of Yamagiwa, Takase & Shimodaira 2026, arXiv:2601.10266.
    """
    if metric == "pk":
        raise FigureError(
            f"{argument('metric', 'pk')}: PK is one axis already; expected another, such as cs"
        )
    wanted = parse_pairings(pairings)
    table = full_table(model, wanted, ("pk", metric))
    cuts = [cut_both(table, pairing, metric, top_percent) for pairing in wanted]
    theme, name = style.theme(dark), metric_name(metric)
    with style.styled(theme):
        figure, panels = _panels(len(cuts), theme)
        style.headline(
            figure,
            f"{table.meta.model}: PK against {name} for {', '.join(wanted)}, strongest "
            f"{top_percent:g} % of each",
            f"Each point is a pair of heads; dashed lines cut off the strongest {top_percent:g} % "
            f"by PK (to the right) and by {name} (above).\n{_agreement(cuts, name)}\n"
            f"{_marks(table, cuts)}",
        )
        for axes, cut in zip(panels, cuts, strict=True):
            _draw(axes, cut, table.meta, name, theme)
        _legend(figure, name, theme)
    return figure


def cut_both(table: AffinityTable, pairing: str, metric: str, top_percent: float) -> Cut:
    """Split one pairing's pairs by the cutoffs of PK and of another metric.

    Raises:
        FigureError: no pair of this pairing.
        SelectionError: a percentage outside its range.
    """
    rows = table.frame[table.frame["pairing"] == pairing]
    if rows.empty:
        raise FigureError(f"the table of {table.meta.model} holds no pair of {pairing}")
    limit = Selection(top_percent=top_percent).limit(table.meta.scored[pairing])
    rows = rows.assign(x=rows["pk"].astype(float), y=rows[metric].astype(float))
    cutoffs = tuple(float(np.sort(rows[axis])[-limit]) for axis in ("x", "y"))
    outside = [(rows[axis] < cutoff).to_numpy() for axis, cutoff in zip("xy", cutoffs, strict=True)]
    classes = np.select([~outside[0] & ~outside[1], ~outside[0], ~outside[1]], [0, 1, 2], default=3)
    return Cut(pairing, rows.reset_index(drop=True), (cutoffs[0], cutoffs[1]), classes)


def _agreement(cuts: Sequence[Cut], name: str) -> str:
    both, first, second, neither = np.sum([cut.counts for cut in cuts], axis=0).tolist()
    total = both + first + second + neither
    return (
        f"{both} of {total:,} pairs pass both cutoffs, {first} only that of PK, {second} only that "
        f"of {name}."
    )


def _marks(table: AffinityTable, cuts: Sequence[Cut]) -> str:
    """What PK is read against: chance, its maximum, and the decoys among the pairs kept by PK."""
    first, second = chance_lines(table.meta, [cut.pairing for cut in cuts])
    words = f"{first.replace(';', ' (dotted);', 1)}; {second}."
    kept = pd.concat([cut.rows[cut.classes < 2] for cut in cuts])
    decoys = decoy_line(kept, table.meta, [cut.pairing for cut in cuts], "kept by PK")
    return f"{words}\nB{decoys[1:]}." if decoys else words


def _panels(n: int, theme: style.Theme) -> tuple["Figure", list["Axes"]]:
    columns = min(n, 3)
    rows = -(-n // columns)
    height = _TOP + 66 + rows * _HIGH + (rows - 1) * 58
    figure = style.new_figure(style.WIDTH, height, theme)
    return figure, panel_grid(figure, rows, columns, top=_TOP, bottom=66.0, gap=(46.0, 58.0))[:n]


def _draw(axes: "Axes", cut: Cut, meta: TableMeta, name: str, theme: style.Theme) -> None:
    reference = chance(meta, cut.pairing)
    for number in (3, 2, 1, 0):  # what both keep lies on top
        rows = cut.rows[cut.classes == number]
        look: dict[str, Any] = {"s": _SIZES[number], "marker": MARKERS[number], "linewidths": 0}
        # tens of thousands of points would make a vector file that no page can show
        axes.scatter(rows["x"], rows["y"], color=theme.classes[number], rasterized=number == 3,
                     zorder=6 - number, **look)  # fmt: skip
    line: dict[str, Any] = {"color": theme.muted, "linewidth": 0.8, "zorder": 1}
    axes.axvline(cut.cutoffs[0], dashes=(4, 2), **line)
    axes.axhline(cut.cutoffs[1], dashes=(4, 2), **line)
    axes.axvline(reference.mean, dashes=(1, 2), **line)
    axes.margins(0.06)
    # a cloud of random pairs must not fill the panel
    axes.update_datalim([(reference.mean, cut.cutoffs[1]), (reference.full, cut.cutoffs[1])])
    axes.autoscale_view()
    panel_title(axes, f"{cut.pairing}: PK ≥ {cut.cutoffs[0]:.2f}, {name} ≥ {cut.cutoffs[1]:.4f}")
    axes.set(xlabel="PK", ylabel=name)
    best = [cut.rows.nlargest(_NAMED, axis).index for axis in ("x", "y")]
    chosen = cut.rows.loc[list(dict.fromkeys([*best[0], *best[1]]))]
    places = list(zip(chosen["x"], chosen["y"], strict=True))
    ends = chosen[list(KEYS)].to_numpy().tolist()
    names = [f"{meta.head_name(a, b)}>{meta.head_name(c, d)}" for a, b, c, d in ends]
    kept = cut.rows[cut.classes < 3]
    drawn = list(zip(kept["x"], kept["y"], strict=True))
    name_points(axes, places, names, theme, size=style.TINY, away=4.0, points=drawn)


def _legend(figure: "Figure", name: str, theme: style.Theme) -> None:
    from matplotlib.lines import Line2D

    words = ("both", "PK alone", f"{name} alone", "neither")
    handles = [
        Line2D([], [], linestyle="none", marker=marker, color=color, markeredgewidth=0,
               markersize=5.0, label=text)
        for marker, color, text in zip(MARKERS, theme.classes, words, strict=True)
    ]  # fmt: skip
    figure.legend(handles=handles, loc="lower center", ncols=4, title="Among the strongest by",
                  title_fontsize=style.SMALL)  # fmt: skip
