"""The picture of docs/reference/queries.md: the page of an answer, light and dark.

    python -m benchmarks.answer_picture [FOLDER]

Needs the run gpt2-small in a database: headgraph server start, headgraph load gpt2-small.
"""

import sys
import tempfile
from pathlib import Path

from benchmarks.browser_picture import IMAGES, RUN, flatten
from headgraph import queries
from headgraph.analysis.view import view_answer
from headgraph.graphdb import connect
from tests.chromium import page

QUERY = "through"
HEAD = "L4H7"


def main(folder: Path = IMAGES) -> None:
    """Ask for the paths through the identity head, and draw the page."""
    with connect() as graph:
        answer = queries.node_link(QUERY, graph, run=RUN, head=HEAD)
    with tempfile.TemporaryDirectory() as here:
        address = view_answer(answer).write(Path(here) / "answer.html").as_uri()
        for name, dark in (("answer", False), ("answer-dark", True)):
            path = folder / f"{name}.png"
            with page(dark=dark) as tab:
                tab.goto(address)
                tab.screenshot(path=path)
            flatten(path)
            print(path)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
