"""The wiring diagram: the strongest pairs of a model as lines between its heads."""

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from headgraph.analysis._tables import ranked_table
from headgraph.analysis.errors import FigureError
from headgraph.analysis.figures import style
from headgraph.analysis.figures.chance import chance_lines, decoy_line
from headgraph.analysis.figures.pairs import (
    cut_in_words,
    refuse_too_many,
    rule_in_words,
    strongest_pairs,
    usual_number,
)
from headgraph.analysis.figures.roles import Head, HeadRoles, derived_roles, head_roles
from headgraph.analysis.wiring._layout import (
    Box,
    Grid,
    Line,
    lines_of,
    place_boxes,
    place_rows,
    touches,
)
from headgraph.analysis.wiring._legend import Legend
from headgraph.analysis.wiring._marks import WORDS, draw_box, draw_grid, draw_lines, point_axes
from headgraph.base.spelling import argument
from headgraph.pk_engine.labels import labels_for
from headgraph.pk_engine.models.interface import Model
from headgraph.pk_engine.table.affinity import AffinityTable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TOP = 62.0
"""Room for title and subtitle, in points."""
_NAMED = 5


def wiring(
    table: Model | AffinityTable,
    *,
    per_pairing: int | None = None,
    labels: str | os.PathLike[str] | None = None,
    metric: str = "pk",
    tokens: str | os.PathLike[str] | None = None,
    panels: bool = False,
    behaviour: str | os.PathLike[str] | pd.DataFrame | None = None,
    dark: bool = False,
) -> "Figure":
    """Draw the strongest pairs of OQ, OK and OV between heads laid out by layer and index.

    Layers go up, head indices to the right. A line leaves the upper edge of the head that writes
    and enters the lower edge of the head that reads: at its left as query, in its middle as key, at
    its right as value. The place shows the pairing as well as the colour does. Width and opacity
    grow with the score within a pairing, from a hairline at chance, so that random weights look
    like random weights. The legend states chance, the maximum, the share of decoys, and the heads
    that erase. A head with a line is a box with its name, and with colour and tag if it has a known
    role (see `head_roles` for heads with several). Boxes grow with the number of lines. The other
    heads are dots.

    Where users go wrong: a line says that one head *could* read what another writes, not that it
    does so on any text. Compare widths within one pairing only. A pair of a grouped-query model is
    drawn, thinner, to each query head of its key/value head.

    Args:
        table: scores, a table file, a bundled table's name, or a model, which is then scored.
        per_pairing: number of scored pairs of each pairing; None for 20, or fewer for a small model
            (`usual_number`).
        labels: None for the bundled labels of this model, `none`, or a label file.
        metric: the metric that ranks the pairs: `pk`, or another of the table such as `cs`.
        tokens: the model of the table. Each box then lists, for each role with a line, the tokens
            that lie most in that subspace (`headgraph.tokens`), as many as fit.
        panels: draw three panels, one for each pairing, on one scale; see `wiring_panels`.
        behaviour: with `panels`, rows of `headgraph.behaviour` or a file of them, to shade heads.
        dark: for dark pages.

    Raises:
        FigureError: nothing to draw, more lines than one picture can show, an unknown metric,
            arguments that exclude each other, or tokens of another model.
        LabelsError: a label file that does not fit the model.

    After Fig. 1 and Fig. 6 of Yamagiwa, Takase & Shimodaira 2026, arXiv:2601.10266.
    """
    if panels and tokens is None:
        from headgraph.analysis.wiring.panels import wiring_panels

        common: dict[str, Any] = {"labels": labels, "metric": metric, "dark": dark}
        return wiring_panels(table, per_pairing=per_pairing, behaviour=behaviour, **common)
    if panels or behaviour is not None:
        raise FigureError(
            f"{argument('panels')} and {argument('tokens')} exclude each other: a panel has no "
            "room for tokens"
            if panels
            else f"{argument('behaviour')} shades the heads of three panels: add "
            f"{argument('panels', True)}"
        )
    theme, scores = style.theme(dark), ranked_table(table, metric)
    number = usual_number(scores.meta) if per_pairing is None else per_pairing
    pairs = strongest_pairs(scores, number, metric)
    refuse_too_many(pairs, number)
    roles = head_roles(labels_for(scores.meta, labels))
    lines = lines_of(pairs)
    grid, boxes = _place(scores, lines, _tags(roles, theme), tokens)
    width, plot = grid.size
    shown = [roles.get(box.head) for box in boxes]
    others = len(boxes) < scores.meta.head_count
    marks = _marks(scores, pairs, metric, [box.head for box in boxes])
    legend = Legend(pairs, shown, others, metric, width, theme, grows=tokens is None, marks=marks)
    with style.styled(theme):
        figure = style.new_figure(width, plot + legend.height + TOP, theme)
        rule = rule_in_words(pairs, number, metric)
        subtitle = _subtitle(scores, pairs, len(boxes), metric)
        if tokens is not None:
            subtitle += " Words: tokens that lie most in what it reads or writes."
        style.headline(figure, f"{scores.meta.model}: {rule}", subtitle)
        axes = point_axes(figure, legend.height, plot)
        others_at = set(scores.meta.places()) - {box.head for box in boxes}
        draw_grid(axes, grid, sorted(others_at), theme)
        draw_lines(axes, lines, boxes, grid, theme)
        for box in boxes:
            fills = _fills(roles.get(box.head), theme)
            draw_box(axes, box, fills, theme, gid=f"head-{box.name}")
        legend.draw(point_axes(figure, 0.0, legend.height))
    return figure


def _place(
    table: AffinityTable,
    lines: Sequence[Line],
    tags: dict[Head, str],
    tokens: str | os.PathLike[str] | None,
) -> tuple[Grid, list[Box]]:
    """The grid of heads, wider for boxes with tokens, and the boxes."""
    meta = table.meta
    if tokens is None:
        grid = place_rows(meta.n_layers, meta.n_heads, lines, names=meta.part_names)
        return grid, place_boxes(grid, touches(lines), tags)
    from headgraph.analysis.wiring._tokens import LINE, WIDEST, head_words

    words = head_words(lines, meta, tokens)
    taller = LINE * max(map(len, words.values()))
    grid = place_rows(
        meta.n_layers, meta.n_heads, lines, taller=taller, narrowest=WIDEST + 7.0 + 9.0
    )
    return grid, place_boxes(grid, touches(lines), tags, words, line=LINE, size=WORDS)


def _subtitle(table: AffinityTable, pairs: pd.DataFrame, touched: int, metric: str) -> str:
    meta, cut = table.meta, cut_in_words(table)
    layers = len(meta.shape.layers)
    most = "" if meta.head_count == layers * meta.n_heads else "at most "
    first = (
        f"They touch {touched} of the {meta.head_count:,} heads "
        f"({layers} layers of {most}{meta.n_heads})" + (f"; {cut}" if cut else "") + "."
    )
    if (pairs["share"] < 1).any():
        first += " A pair with a key/value head is drawn, thinner, to each of its query heads."
    wide = "further above chance" if metric == "pk" else "stronger"
    return (
        f"{first}\nA line runs from the head that writes up to a head that could read it; wider: "
        f"{wide} in its pairing."
    )


def _marks(
    table: AffinityTable, pairs: pd.DataFrame, metric: str, heads: Iterable[Head]
) -> list[str]:
    """What the picture is read against: chance, the maximum, decoys, heads that erase."""
    pairings = list(dict.fromkeys(pairs["pairing"]))
    marks = [*chance_lines(table.meta, pairings)] if metric == "pk" else []
    # counted by PK, they say nothing on pairs that another metric chose
    if metric == "pk" and (decoys := decoy_line(pairs, table.meta, pairings)):
        marks.append(decoys)
    return [*marks, *_erasers(table, heads)]


def _erasers(table: AffinityTable, heads: Iterable[Head]) -> list[str]:
    """The heads with a line that write the negative of what they read, as their weights show."""
    derived = derived_roles(table.meta)
    names = [table.meta.head_name(*it) for it in sorted(heads) if derived.get(it) == "eraser"]
    rest = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return [f"derived erasers: {', '.join(names[:_NAMED])}{rest}"] if names else []


def _tags(roles: dict[Head, HeadRoles], theme: style.Theme) -> dict[Head, str]:
    return {head: theme.role(found.main).tag for head, found in roles.items()}


def _fills(roles: HeadRoles | None, theme: style.Theme) -> list[str]:
    if roles is None:
        return []
    return [theme.role(role).color for role in roles.mechanisms or (style.TASK,)]
