"""Parts of the report: printed figures beside ours, to the printed digits, and pictures."""

from base64 import b64encode
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from matplotlib.figure import Figure


MATCHES, DIFFERS, READING, NOT_RUN = "matches", "differs", "our reading", "not run"
VERDICTS = {
    MATCHES: "our value, rounded as in the paper, is the same",
    DIFFERS: "our value, rounded as in the paper, is another number",
    READING: "the paper does not state how it was computed, so the difference is shown, not judged",
    NOT_RUN: "it needs something that is not at hand, such as the weights",
}

Picture = tuple[str, str, str]
"""Caption, and the picture for light and for dark pages as data addresses."""


class Claim(NamedTuple):
    """One line of a comparison.

    Attributes:
        quantity: what it is.
        paper: as the paper prints it; empty where it prints nothing.
        ours: to the same digits; empty where it could not be computed.
        difference: ours minus the paper's, from all digits of ours.
        verdict: one of `VERDICTS`, or empty where the paper prints nothing.
    """

    quantity: str
    paper: str
    ours: str
    difference: str
    verdict: str


@dataclass(frozen=True)
class Part:
    """A table or figure of the paper, as far as the model at hand allows.

    Attributes:
        title: what it shows.
        where: in the paper.
        claims: the figures compared.
        says: sentences on what is seen, and on what is our reading.
        figures: SVG pictures, light and dark.
    """

    title: str
    where: str
    claims: list[Claim]
    says: tuple[str, ...] = ()
    figures: tuple[Picture, ...] = ()


def claim(quantity: str, paper: str, value: float, *, reading: bool = False) -> Claim:
    """Ours beside the printed figure: equal once rounded to its digits, or not.

    Args:
        quantity: what it is.
        paper: the printed figure, such as `2.876` or `.446`.
        value: ours, in full.
        reading: whether the paper leaves open how it was computed; then nothing is judged.
    """
    digits = _digits(paper)
    ours = f"{value:.{digits}f}"
    if paper.startswith("."):
        ours = ours.replace("0.", ".", 1)
    verdict = READING if reading else MATCHES if Decimal(ours) == Decimal(paper) else DIFFERS
    return Claim(quantity, paper, ours, f"{value - float(paper):+.{digits + 1}f}", verdict)


def not_run(quantity: str, paper: str) -> Claim:
    """A printed figure that could not be computed; the part says why."""
    return Claim(quantity, paper, "", "", NOT_RUN)


def count(parts: Iterable[Part]) -> dict[str, int]:
    """How many claims have each verdict."""
    verdicts = [claim.verdict for part in parts for claim in part.claims]
    return {verdict: verdicts.count(verdict) for verdict in VERDICTS}


def _digits(text: str) -> int:
    """Places after the point: 3 for `.446`, 0 for `52`."""
    return len(text.partition(".")[2])


def picture(caption: str, draw: Callable[[bool], "Figure"]) -> Picture:
    """A picture for light pages and for dark ones.

    Args:
        caption: what it shows.
        draw: draws the figure; its argument says whether it is for dark pages.
    """
    from headgraph.analysis.figures import render

    light, dark = (_address(render(draw(for_dark))) for for_dark in (False, True))
    return caption, light, dark


def _address(svg: bytes) -> str:
    """An SVG as a data address, so that ids of several pictures cannot clash on one page."""
    return f"data:image/svg+xml;base64,{b64encode(svg).decode()}"
