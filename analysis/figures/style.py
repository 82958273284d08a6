"""One look for every figure: fonts, sizes, colours, and a light and a dark variant.

Colour never stands alone. Pairings differ in lightness too (so they survive greyscale) and carry a
marker and a line style; roles carry a short tag and a marker. A search chose
the colours with the largest distance under normal vision and the three colour vision deficiencies
(simulated as in Machado, Oliveira & Fernandes 2009, doi:10.1109/TVCG.2009.113);
tests/analysis/figures has the numbers.

The hues of OQ, OK and OV follow the paper's Fig. 1 (red, green, blue). Previous-token heads are
green and induction heads blue, as in its Fig. 4.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from headgraph.analysis.figures._font import FONT, text_width
from headgraph.base.palette import (
    DARK,
    LIGHT,
    ROLE_ORDER,
    TASK,
    PairingStyle,
    RoleStyle,
    Theme,
    contrast,
    luminance,
)
from headgraph.base.text import short

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "DARK",
    "LIGHT",
    "ROLE_ORDER",
    "TASK",
    "PairingStyle",
    "RoleStyle",
    "Theme",
    "contrast",
    "headline",
    "legible",
    "luminance",
    "new_figure",
    "styled",
    "text_width",
    "theme",
    "verbatim",
]

TITLE, SUBTITLE, LABEL, SMALL, TINY = 13.0, 8.2, 8.0, 7.0, 5.6
"""Text sizes in points; a figure 648 points wide is about 900 pixels on a page."""
WIDTH = 648.0
"""Default width of a figure in points."""
_LONGEST_TITLE, _LONGEST_LINE = 140, 180  # characters


def theme(dark: bool = False) -> Theme:
    """The light or the dark variant."""
    return DARK if dark else LIGHT


@contextmanager
def styled(colors: Theme) -> Iterator[None]:
    """Apply this style while the context lasts; the user's settings return afterwards.

    matplotlib keeps its defaults per process: do not draw from several threads at once.
    """
    import matplotlib.style

    values = {
        "font.family": FONT,
        "font.size": LABEL,
        "text.color": colors.ink,
        "axes.labelcolor": colors.ink,
        "axes.edgecolor": colors.faint,
        "axes.facecolor": colors.paper,
        "axes.titlesize": LABEL,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "xtick.color": colors.muted,
        "ytick.color": colors.muted,
        "xtick.labelsize": SMALL,
        "ytick.labelsize": SMALL,
        "grid.color": colors.faint,
        "grid.linewidth": 0.5,
        "legend.frameon": False,
        "legend.fontsize": SMALL,
        "image.cmap": colors.sequential,
    }
    # start from matplotlib's defaults, so that a user's matplotlibrc does not change figures
    with matplotlib.style.context(["default", values]):
        yield


def new_figure(width: float, height: float, colors: Theme) -> "Figure":
    """An empty figure of this size in points, on an Agg canvas that belongs to no window."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    from headgraph.analysis.figures._picture import Picture

    figure = Picture(figsize=(width / 72, height / 72), dpi=200, facecolor=colors.paper)
    FigureCanvasAgg(figure)
    return figure


def headline(figure: "Figure", title: str, lines: str, left: float = 24.0) -> None:
    """Write the title and, below it, a description; a saved file contains both.

    Args:
        figure: made by `new_figure`.
        title: one line.
        lines: smaller lines below it, separated by newlines.
        left: distance from the left edge in points.
    """
    width, height = (72 * size for size in figure.get_size_inches())
    title = short(title, _LONGEST_TITLE)
    lines = "\n".join(short(line, _LONGEST_LINE) for line in lines.splitlines())
    # a long model name makes the title smaller, never cut off
    fit = min(1.0, (width - 2 * left) / text_width(legible(title), TITLE, bold=True))
    for gid, text, size, weight, down in (
        ("title", title, TITLE * fit, "bold", 16.0),
        ("subtitle", lines, SUBTITLE, "normal", 38.0),
    ):
        drawn = "\n".join(legible(line, len(line)) for line in text.splitlines())
        figure.text(
            left / width, 1 - down / height, drawn, size=size, weight=weight, va="top", gid=gid,
            label=text,
        )  # fmt: skip


def legible(text: object, longest: int = _LONGEST_TITLE) -> str:
    r"""Outside text as one line that matplotlib draws literally.

    Control characters are escaped, a letter that the font lacks becomes U+FFFD, and long text is
    cut in its middle. `$` is escaped so that matplotlib reads no formula; `verbatim` undoes that.
    """
    letters = _letters()
    words = "".join(c if ord(c) in letters else "\ufffd" for c in short(text, longest))
    return words.replace("$", r"\$")


def verbatim(text: str) -> str:
    """The result of `legible` without its escapes of `$`, for text inside a file."""
    return text.replace(r"\$", "$")


@cache
def _letters() -> frozenset[int]:
    from matplotlib.font_manager import findfont, get_font

    return frozenset(get_font(findfont(FONT)).get_charmap())
