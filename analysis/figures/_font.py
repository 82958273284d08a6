"""The font of figures, and how wide its text is."""

FONT = "DejaVu Sans"
"""A font that ships with matplotlib, so letters are the same on every machine."""


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Width of one line in points, without a renderer."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    if not text:
        return 0.0
    font = FontProperties(family=FONT, weight="bold" if bold else "normal")
    return float(TextPath((0, 0), text, size=size, prop=font).get_extents().x1)
