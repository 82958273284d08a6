"""The pictures of docs/view.md, as the browser draws the page.

python -m benchmarks.view_pictures [FOLDER]
"""

import sys
import tempfile
from io import BytesIO
from pathlib import Path

from PIL import Image

from analysis.view import view
from benchmarks.common import PAGE
from tests.chromium import page

IMAGES = PAGE.parent / "images"
SHOTS = {"view": (False, ""), "view-dark": (True, ""), "view-selected": (False, "head=L4H7")}
"""File without its ending: whether it is dark, and what stands in the address."""


def small(png: bytes) -> Image.Image:
    """The screenshot in 256 colours: a third of the size, and no difference to the eye."""
    return Image.open(BytesIO(png)).convert("RGB").quantize(256, dither=Image.Dither.NONE)


def main(folder: Path = IMAGES) -> None:
    """Draw GPT-2's page light and dark, and with a head selected."""
    with tempfile.TemporaryDirectory() as here:
        address = view("gpt2-small").write(Path(here) / "view.html").as_uri()
        for name, (dark, state) in SHOTS.items():
            with page(dark=dark) as tab:
                tab.goto(f"{address}#{state}")
                small(tab.screenshot()).save(folder / f"{name}.png", optimize=True)
                print(folder / f"{name}.png")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
