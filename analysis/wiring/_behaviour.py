"""Heads shaded by behaviour: its colour, and its strength as the depth of the colour."""

import os

import numpy as np
import pandas as pd

from headgraph.analysis.errors import FigureError
from headgraph.analysis.figures import style
from headgraph.analysis.figures.roles import Head
from headgraph.base.errors import BadName
from headgraph.base.files.documents import shown
from headgraph.base.files.rows import check_numbers, read_csv
from headgraph.base.names import parse_head
from headgraph.base.text import listed

BEHAVIOURS = ("previous_token", "induction")
"""Behaviours that the paper's Fig. 4 shades, in green and in blue."""
_ROUNDING = 1e-5


def read_strengths(
    behaviour: str | os.PathLike[str] | pd.DataFrame, heads: set[Head]
) -> dict[Head, tuple[str, float]]:
    """The stronger behaviour of each head and its score, 0 to 1.

    Args:
        behaviour: rows of `headgraph.behaviour`, or a CSV file of them: `layer` and
            `head`, or `head` as `L0H7`; then `previous_token` and `induction`, or one row for each
            with `behaviour` and `score`.
        heads: the heads of the model.

    Raises:
        FigureError: a file that cannot be read, missing columns, an unknown head, or a score
            outside 0 to 1.
    """
    name = "the behaviour rows" if isinstance(behaviour, pd.DataFrame) else shown(behaviour)
    columns = (*BEHAVIOURS, "score")
    frame = check_numbers(_rows(behaviour), columns, source=name, problem=FigureError)
    if _is_numbered(frame):
        places = ("layer", "head")
        frame = check_numbers(frame, places, source=name, problem=FigureError, whole=True)
    given, frame = frame, _wide(frame)
    measured = [column for column in BEHAVIOURS if column in frame]
    if "head" not in frame or not measured:
        raise FigureError(
            f"{name} has the columns {listed(given.columns)}: expected layer and head, and "
            "previous_token or induction as columns or in the column behaviour"
        )
    scores = (
        frame[measured].fillna(0.0).to_numpy(float)
    )  # an empty cell: no position allows the behaviour
    if not ((scores >= -_ROUNDING) & (scores <= 1 + _ROUNDING)).all():
        raise FigureError(f"{name} holds a score outside 0 to 1")
    found = {}
    for head, row in zip(_heads(frame, name), scores, strict=True):
        if head not in heads:
            raise FigureError(f"{name} names L{head[0]}H{head[1]}, which this model does not have")
        best = int(np.argmax(row))
        found[head] = measured[best], float(np.clip(row[best], 0, 1))
    return found


def shade(role: str, strength: float, theme: style.Theme) -> str:
    """The role's colour, mixed with that of a plain head by the strength, 0 to 1."""
    from matplotlib.colors import to_hex, to_rgb

    ends = np.array([to_rgb(theme.plain), to_rgb(theme.role(role).color)])
    red, green, blue = (1 - strength) * ends[0] + strength * ends[1]
    return to_hex((float(red), float(green), float(blue)))


def _rows(behaviour: str | os.PathLike[str] | pd.DataFrame) -> pd.DataFrame:
    if isinstance(behaviour, pd.DataFrame):
        return behaviour
    return read_csv(behaviour, problem=FigureError)


def _wide(frame: pd.DataFrame) -> pd.DataFrame:
    keys = [column for column in ("layer", "head") if column in frame]
    if not keys or not {"behaviour", "score"} <= set(frame):
        return frame
    frame = frame[frame["behaviour"].isin(BEHAVIOURS)]  # others may be named as a column is
    return frame.pivot_table(index=keys, columns="behaviour", values="score").reset_index()


def _is_numbered(frame: pd.DataFrame) -> bool:
    """Whether heads are numbers beside a layer, and not names such as `L0H7`."""
    if not {"layer", "head"} <= set(frame):
        return False
    return not frame["head"].astype(str).str.startswith("L").any()


def _heads(frame: pd.DataFrame, name: str) -> list[Head]:
    try:
        if _is_numbered(frame):
            return list(zip(frame["layer"].tolist(), frame["head"].tolist(), strict=True))
        return [parse_head(str(head)) for head in frame["head"]]
    except BadName as error:
        raise FigureError(f"{name}: {error.message.marked}") from error
