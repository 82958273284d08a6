"""Write a figure as SVG, PNG or PDF; the same figure gives the same bytes."""

import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headgraph.analysis.errors import FigureError
from headgraph.analysis.figures._font import FONT, text_width
from headgraph.base.files.documents import reason, shown
from headgraph.base.files.output import beside, writable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ENDINGS = (".svg", ".png", ".pdf")
_OUTLINED = "outlined-"
_TEXT = re.compile(r'<text style="(?P<style>[^"]*)"(?P<rest>[^>]*)>(?P<words>[^<]+)</text>')
MOST_PIXELS = 300_000_000
"""Most pixels of a PNG, at four bytes each; 126 layers of 128 heads need fewer."""


def picture_path(path: str | os.PathLike[str], *, force: bool = False) -> Path:
    """The path, if a picture can be written there; call it before drawing, not after.

    Raises:
        FigureError: an ending that is none of `.svg`, `.png`, `.pdf`, or no file can be written
            there.
        OutputExists: the file is there and `force` is false.
    """
    path = Path(path)
    if path.suffix.lower() not in ENDINGS:
        raise FigureError(
            f"{shown(path.name)} ends in {shown(path.suffix) or 'nothing'!r}: expected a picture "
            "file ending in .svg, .png or .pdf"
        )
    return writable(path, force=force, problem=FigureError)


def save(figure: "Figure", path: str | os.PathLike[str], *, force: bool = False) -> Path:
    """Write a figure beside `path` and rename it into place.

    The same figure gives the same bytes: no date, no random ids. Text in an SVG is text, which can
    be searched, selected and edited; each piece states its length, so that another font than DejaVu
    Sans moves no label. `<title>` and `<desc>` in the file describe the figure. `Figure.savefig`
    works too, but guarantees none of this.

    Raises:
        FigureError: an unknown ending, a PNG that is too large, or the file cannot be written.
        OutputExists: the file is there and `force` is false.
    """
    path = picture_path(path, force=force)
    data = render(figure, path.suffix.lower().lstrip("."))
    try:
        with beside(path) as stream:
            stream.write(data)
    except OSError as error:
        raise FigureError(f"cannot write {shown(path)}: {reason(error)}") from error
    return path


def render(figure: "Figure", kind: str = "svg") -> bytes:
    """The bytes that `save` writes, as `svg`, `png` or `pdf`.

    Raises:
        FigureError: a PNG that would take gigabytes of memory.
    """
    import matplotlib as mpl

    if kind == "png":
        _refuse_too_large(figure)
    stable: dict[Any, Any] = {
        "svg.hashsalt": "headgraph",
        "svg.fonttype": "none",
        "pdf.fonttype": 42,
    }
    buffer = io.BytesIO()
    with mpl.rc_context(stable), _plain_text(figure) if kind == "svg" else nullcontext():
        figure.savefig(buffer, format=kind, metadata=_metadata(figure, kind))
    data = buffer.getvalue()
    return _finish(data, figure) if kind == "svg" else data


def _refuse_too_large(figure: "Figure") -> None:
    wide, high = (round(inches * figure.dpi) for inches in figure.get_size_inches())
    if wide * high > MOST_PIXELS:
        raise FigureError(
            f"the picture would have {wide:,} by {high:,} pixels: expected at most "
            f"{MOST_PIXELS:,} in a PNG; give a name ending in .svg"
        )


def _metadata(figure: "Figure", kind: str) -> dict[str, Any]:
    title = _words(figure, "title")
    if kind == "svg":
        return {"Title": title, "Creator": "headgraph", "Date": None}
    if kind == "pdf":
        return {"Title": title, "Creator": "headgraph", "Producer": None, "CreationDate": None}
    return {"Title": title, "Software": "headgraph"}


@contextmanager
def _plain_text(figure: "Figure") -> Iterator[None]:
    """Without the outlines around letters, which would turn the letters into shapes."""
    from matplotlib.text import Text

    outlined = [text for text in figure.findobj(Text) if text.get_path_effects()]
    kept = [(text, text.get_path_effects(), text.get_gid()) for text in outlined]
    for number, text in enumerate(outlined):
        text.set_path_effects([])
        text.set_gid(f"{_OUTLINED}{number}")
    try:
        yield
    finally:
        for text, effects, gid in kept:
            text.set_path_effects(effects)
            text.set_gid(gid)


def _finish(data: bytes, figure: "Figure") -> bytes:
    from xml.sax.saxutils import escape

    from matplotlib.colors import to_hex

    words = escape(_words(figure, "subtitle"))
    text = re.sub(r' d="[^"]*"', _rounded, data.decode("utf-8"))
    text = _TEXT.sub(_with_length, text)
    paper = to_hex(figure.get_facecolor())
    outline = f"stroke: {paper}; stroke-width: 1.6; stroke-linejoin: round; paint-order: stroke"
    text = re.sub(rf'<g id="{_OUTLINED}\d+"', rf'<g style="{outline}"', text)
    text = text.replace("<svg ", '<svg role="img" ', 1)
    return text.replace("</title>", f"</title>\n <desc>{words}</desc>", 1).encode()


def _with_length(found: "re.Match[str]") -> str:
    """A piece of text with its length, and fonts that stand in for one that a reader lacks."""
    from html import unescape

    style, rest, words = found["style"], found["rest"], found["words"]
    size = re.search(r"([\d.]+)px", style)
    bold = re.search(r"font-weight: (bold|[6-9]00)", style) is not None
    # with a letter behind it, so that the space at its end counts as it does for the next letter
    both, last = (
        text_width(part, float(size[1]) if size else 0.0, bold=bold)
        for part in (f"{unescape(words)}x", "x")
    )
    long = both - last
    style = style.replace(f"'{FONT}'", f"'{FONT}', Verdana, sans-serif")
    length = f' textLength="{long:.2f}" lengthAdjust="spacingAndGlyphs"' if long else ""
    return f'<text style="{style}"{length}{rest}>{words}</text>'


def _rounded(path: "re.Match[str]") -> str:
    # a hundredth of a point cannot be seen, and the last digits differ between machines
    return re.sub(r"(\.\d\d)\d+", r"\1", path[0])


def _words(figure: "Figure", gid: str) -> str:
    """The text that `style.headline` wrote under this id."""
    texts = (str(text.get_label()) for text in figure.texts if text.get_gid() == gid)
    return " ".join(text.replace("\n", " ") for text in texts)
