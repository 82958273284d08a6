"""The font of figures, and how wide its text is."""

FONT = "DejaVu Sans"
"""A font that ships with matplotlib, so letters are the same on every machine."""


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Width of one line in points, without a renderer."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    if not text:
        return 0.0
    font = FontProperties(family=FONT, weight="bold" if bold else "normal")
    # a name may hold dollars, which TextPath would read as formulas
    corners, _ = text_to_path.get_text_path(font, text, ismath=False)
    right = max((x for x, _ in corners), default=0.0)
    return float(right) * size / text_to_path.FONT_SCALE
