"""Pictures of a report, drawn once for light pages and once for dark ones."""

from base64 import b64encode
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Picture = tuple[str, str, str]
"""Caption, and the picture for light and for dark pages as data addresses."""


def picture(caption: str, draw: Callable[[bool], "Figure"]) -> Picture:
    """Both variants of a picture.

    Args:
        caption: what it shows.
        draw: makes the figure; called with whether it is for dark pages.
    """
    from headgraph.analysis.figures import render

    light, dark = (_address(render(draw(for_dark))) for for_dark in (False, True))
    return caption, light, dark


def _address(svg: bytes) -> str:
    """An SVG as an address that needs no file; ids of several cannot meet on one page."""
    return f"data:image/svg+xml;base64,{b64encode(svg).decode()}"
