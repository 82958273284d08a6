"""docs/guides/figures.md shows every kind of picture, with files that its commands drew."""

import re
from pathlib import Path

import pytest

from benchmarks.pictures import IMAGES, PICTURES, Picture, page
from headgraph.analysis.figures.commands import figure

DOCS = Path(__file__).parents[1] / "docs"


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.file)
@pytest.mark.parametrize("end", ["", "-dark"])
def test_each_picture_is_there_in_both_variants(picture: Picture, end: str) -> None:
    text = (IMAGES / f"{picture.file}{end}.svg").read_text("utf-8")
    model = Path(picture.args.split()[1]).name
    title = re.search("<title>(.*)</title>", text)
    assert title is not None
    assert title[1].startswith(f"{model}: ")
    assert ("#0d1117" in text) == bool(end), "the paper's colour"
    assert f"images/{picture.file}{end}.svg" in page()


def test_every_figure_command_stands_in_the_docs() -> None:
    text = "\n".join(path.read_text("utf-8") for path in DOCS.rglob("*.md")
                     if path.name != "commands.md")  # fmt: skip
    missing = [name for name in figure.commands if f"headgraph figure {name}" not in text]
    assert not missing
