"""The picture of guides/browser.md: Neo4j Browser with the IOI circuit, roles in colour.

    python -m benchmarks.browser_picture [FOLDER]

Needs the run gpt2-small on the local server: headgraph server start, headgraph load gpt2-small.
"""

import sys
from pathlib import Path

from benchmarks.common import DOCS
from headgraph import queries
from headgraph.graphdb.server import RunningServer, running
from headgraph.queries.browser import kit_link
from tests.chromium import page

IMAGES = DOCS / "images"
RUN = "gpt2-small"
COLORS = 256
"""Of the picture file: few enough for a small file, enough for the colours of the palette."""


def main(folder: Path = IMAGES) -> None:
    """Draw the circuit, light and dark."""
    server = running()
    if server is None:
        raise SystemExit("no local server is running: headgraph server start")
    for name, dark in (("browser", False), ("browser-dark", True)):
        path = folder / f"{name}.png"
        _draw(server, path, dark=dark)
        flatten(path)
        print(path)


def _draw(server: RunningServer, path: Path, *, dark: bool) -> None:
    link = queries.browser_link(
        server.browser_url,
        uri=server.bolt_uri,
        user=server.user,
        cypher=queries.filled("ioi_circuit", run=RUN),
    )
    with page(dark=dark) as tab:
        tab.set_viewport_size({"width": 1280, "height": 620})
        tab.goto(kit_link(link, [RUN], every=True))
        tab.get_by_role("button", name="Add them").click()
        tab.get_by_test_id("password").fill(server.password())
        tab.get_by_test_id("connect").click()
        tab.get_by_text("You are connected as user").wait_for()
        tab.get_by_test_id("editor-Run").click()
        tab.locator("svg .node").first.wait_for()
        tab.wait_for_timeout(5000)  # heads move until their forces are at rest
        tab.screenshot(path=path)


def flatten(path: Path) -> None:
    """Make a screenshot a small file."""
    from PIL import Image  # comes with matplotlib

    with Image.open(path) as picture:
        flat = picture.convert("RGB").quantize(COLORS)
    flat.save(path, optimize=True)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
