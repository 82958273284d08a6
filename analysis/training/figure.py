"""Loss, PK of pairs and behaviour over the checkpoints of a run."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from headgraph.analysis._files import command_rows
from headgraph.analysis.errors import FigureError
from headgraph.analysis.figures import style
from headgraph.analysis.figures.panels import TOP, panel_grid, panel_title
from headgraph.analysis.training._trajectory import trajectory
from headgraph.base.names import GRAPH_PAIRINGS
from headgraph.base.spelling import argument

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_NEEDED = (
    "series", "step", "loss", "pairing", "source", "target", "pk", "source_previous_token",
    "target_induction",
)  # fmt: skip
_PAIR = ["pairing", "source", "target"]
_MOST_PAIRS = 9
_LONGEST_LABEL = 30  # characters beside a panel
_LOG_FROM = 64
"""The axis of steps is logarithmic if the last step is this many times the first after 0."""
_MOST_MARKERS = 30
"""Checkpoints up to which each has a marker. More would hide the line and its dashes."""
_MARKER_GAP = 0.06
"""Between the markers of more checkpoints, as a share of the panel's diagonal."""
_DASHES = ((), (4.0, 1.6), (1.2, 1.4))


def training_figure(
    run: str | os.PathLike[str] | pd.DataFrame,
    *,
    pairs: Sequence[str] | str | None = None,
    top: int | None = None,
    pairings: Sequence[str] | str = GRAPH_PAIRINGS,
    seed: int = 0,
    dark: bool = False,
) -> "Figure":
    """Draw the loss, PK of pairs and behaviour of their heads over the training steps.

    The panel of behaviour has the previous-token score of sources and the induction score of
    targets, which together explain OK edges. It is left out for rows without behaviour, and the
    panel of the loss for rows without a loss.

    Args:
        run: as for `headgraph.trajectory`, or its rows, or a CSV file of them.
        pairs: as for `headgraph.trajectory`; at most nine pairs are drawn.
        top: as for `headgraph.trajectory`.
        pairings: as for `headgraph.trajectory`.
        seed: as for `headgraph.trajectory`.
        dark: for dark pages.

    Raises:
        FigureError: not rows of a trajectory, or more than nine pairs.
        TrainingError, EngineError, RunningError: as for `headgraph.trajectory`.
    """
    rows = _rows(run, pairs, top, pairings, seed)
    groups = list(rows.groupby(_PAIR, sort=False))
    if len(groups) > _MOST_PAIRS:
        raise FigureError(
            f"{len(groups)} pairs cannot be told apart: expected at most {_MOST_PAIRS}; choose "
            f"with {argument('pairs')} or {argument('top')}"
        )
    with_loss = rows["loss"].notna().any()
    behaved = rows[["source_previous_token", "target_induction"]].notna().any().any()
    count = 1 + int(with_loss) + int(behaved)
    theme = style.theme(dark)
    with style.styled(theme):
        figure = style.new_figure(style.WIDTH, TOP + 118.0 * count + 30.0 * (count - 1) + 44, theme)
        style.headline(
            figure,
            f"{rows['series'].iloc[0]}: PK{' and loss' if with_loss else ''} over "
            f"{len(set(rows['step']))} checkpoints",
            f"PK of pairs of heads{', and attention scores of these heads' if behaved else ''}, by "
            "training step.",
        )
        axes = panel_grid(figure, count, 1, gap=(0.0, 30.0), right=150.0)
        panels = iter(axes)
        if with_loss:
            _loss(next(panels), rows, theme)
        _scores(next(panels), groups, theme)
        if behaved:
            _behaviour(next(panels), rows, theme)
        _steps(axes, rows)
    return figure


def _rows(
    run: str | os.PathLike[str] | pd.DataFrame,
    pairs: Sequence[str] | str | None,
    top: int | None,
    pairings: Sequence[str] | str,
    seed: int,
) -> pd.DataFrame:
    """Rows of a trajectory: given, read from a file, or computed."""
    if isinstance(run, pd.DataFrame) or Path(run).suffix.lower() == ".csv":
        rows = command_rows(
            run, _NEEDED, "headgraph.trajectory", "headgraph trajectory -o FILE.csv",
            whole=("step",), numbers=("loss", "pk", "source_previous_token", "target_induction"),
        )  # fmt: skip
        for column in _PAIR:
            if (empty := rows[column].isna().to_numpy()).any():
                raise FigureError(
                    f"the rows, row {int(empty.argmax()) + 1}, have no {column}: expected one in "
                    "every row"
                )
        return rows
    return trajectory(run, pairs=pairs, top=top, pairings=pairings, seed=seed)


def _loss(axes: "Axes", rows: pd.DataFrame, theme: style.Theme) -> None:
    one = rows.drop_duplicates("step")
    axes.plot(one["step"], one["loss"], color=theme.ink, marker="o", markersize=3, linewidth=1.3,
              clip_on=False, markevery=_marked(rows))  # fmt: skip
    axes.set_ylim(bottom=min(0.0, float(one["loss"].min())))
    panel_title(axes, "loss, nats per token")


def _scores(axes: "Axes", groups: "Sequence[tuple[Any, pd.DataFrame]]", theme: style.Theme) -> None:
    seen: dict[str, int] = {}
    for (pairing, source, target), part in groups:
        place = seen[pairing] = seen.get(pairing, -1) + 1
        look = theme.pairings.get(pairing)
        (line,) = axes.plot(
            part["step"], part["pk"], color=look.color if look else theme.muted, markersize=4,
            marker=look.marker if look else "o", linewidth=1.3, clip_on=False,
            markevery=_marked(part),
            label=style.legible(f"{source} to {target}, {pairing}", _LONGEST_LABEL),
        )  # fmt: skip
        if dashes := _DASHES[place % len(_DASHES)]:
            line.set_dashes(dashes)
    axes.set_ylim(bottom=0.0)
    panel_title(axes, "PK")
    _legend(axes)


def _behaviour(axes: "Axes", rows: pd.DataFrame, theme: style.Theme) -> None:
    """A line for each head, in the role's colour."""
    for column, end, role in (
        ("source_previous_token", "source", "previous_token"),
        ("target_induction", "target", "induction"),
    ):
        look = theme.role(role)
        heads = rows.drop_duplicates(["step", end]).groupby(end, sort=False)
        for place, (head, part) in enumerate(heads):
            (line,) = axes.plot(
                part["step"], part[column], color=look.color, marker=look.marker, markersize=4,
                linewidth=1.3, clip_on=False, markevery=_marked(part),
                label=style.legible(f"{head}, {look.name}", _LONGEST_LABEL),
            )  # fmt: skip
            if dashes := _DASHES[place % len(_DASHES)]:
                line.set_dashes(dashes)
    axes.set_ylim(0.0, 1.04)
    panel_title(axes, "mean attention, 0 to 1")
    _legend(axes)


def _marked(rows: pd.DataFrame) -> float | None:
    """`markevery` of a line: None marks every point."""
    return None if rows["step"].nunique() <= _MOST_MARKERS else _MARKER_GAP


def _legend(axes: "Axes") -> None:
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), handlelength=2.8)


def _steps(axes: Sequence["Axes"], rows: pd.DataFrame) -> None:
    """One axis of steps for all panels, numbers below the last."""
    steps = sorted({int(step) for step in rows["step"]})
    after = [step for step in steps if step > 0]
    log = bool(after) and steps[-1] >= _LOG_FROM * after[0]
    for panel in axes:
        panel.grid(axis="both")
        panel.set_axisbelow(True)
        if log:
            panel.set_xscale("symlog", linthresh=after[0], linscale=0.5)
            decades = [10**power for power in range(len(str(steps[-1])))]
            ticks = [step for step in (0, *decades) if step == 0 or step >= after[0]]
            panel.set_xticks(ticks, [f"{step:,}" for step in ticks])
        last = max(steps[-1], 1)  # a run may have step 0 alone
        panel.set_xlim(-0.02 * (after[0] if log else last), 1.02 * last)
        panel.tick_params(length=0, labelbottom=panel is axes[-1])
    axes[-1].set_xlabel("training step")
