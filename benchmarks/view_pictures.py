"""The pictures of docs/guides/view.md, as the browser draws the page.

python -m benchmarks.view_pictures [FOLDER]
"""

import sys
import tempfile
from pathlib import Path

from benchmarks.common import DOCS
from headgraph.analysis.view import view
from tests.chromium import page

IMAGES = DOCS / "images"
SHOTS = {"view": (False, ""), "view-selected": (True, "head=L4H7")}
"""File without its ending: whether it is dark, and what stands in the address."""


def main(folder: Path = IMAGES) -> None:
    """Draw GPT-2's page as it opens, and dark with a head selected."""
    with tempfile.TemporaryDirectory() as here:
        address = view("gpt2-small").write(Path(here) / "view.html").as_uri()
        for name, (dark, state) in SHOTS.items():
            with page(dark=dark) as tab:
                tab.goto(f"{address}#{state}")
                tab.screenshot(path=folder / f"{name}.png")
                print(folder / f"{name}.png")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
