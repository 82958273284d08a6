"""The font of figures, and how wide its text is."""

from functools import lru_cache

FONT = "DejaVu Sans"
"""A font that ships with matplotlib, so letters are the same on every machine."""


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Width of one line in points, without a renderer."""
    from matplotlib.textpath import text_to_path

    return _right(text, bold) * size / text_to_path.FONT_SCALE if text else 0.0


@lru_cache(maxsize=2**14)
def _right(text: str, bold: bool) -> float:
    """Right end of the letters at the scale of `text_to_path`; pictures repeat their labels."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(family=FONT, weight="bold" if bold else "normal")
    # a name may hold dollars, which TextPath would read as formulas
    corners, _ = text_to_path.get_text_path(font, text, ismath=False)
    return float(max((x for x, _ in corners), default=0.0))
