"""docs/guides/figures.md shows every kind of picture, with files that its commands drew."""

import re
import shlex
from pathlib import Path

import pytest

from benchmarks.pictures import HERE, IMAGES, PICTURES, SHOWN, Picture, page
from headgraph.analysis.figures.commands import figure
from tests.commands import headgraph
from tests.shared import needs_shared

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


def words(path: Path) -> list[str]:
    """What an SVG says, in the order in which it was drawn."""
    return re.findall(r"<text[^>]*>([^<]*)</text>", path.read_text("utf-8"))


@needs_shared
@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.file)
def test_each_picture_says_what_is_drawn_today(picture: Picture, tmp_path: Path) -> None:
    file = tmp_path / "today.svg"
    done = headgraph("figure", *shlex.split(picture.args.replace(SHOWN, HERE)), "-o", str(file))
    assert done.returncode == 0, done.stderr
    assert len(words(file)) > 10
    for end in ("", "-dark"):
        assert words(IMAGES / f"{picture.file}{end}.svg") == words(file)


def test_the_picture_of_identity_heads_says_what_is_drawn_today(tmp_path: Path) -> None:
    file = tmp_path / "today.svg"
    done = headgraph("figure", "identity", "gpt2-small", "-o", str(file))
    assert done.returncode == 0, done.stderr
    for end in ("", "-dark"):
        assert words(IMAGES / f"gpt2-identity{end}.svg") == words(file)


def test_every_figure_command_stands_in_the_docs() -> None:
    text = "\n".join(path.read_text("utf-8") for path in DOCS.rglob("*.md")
                     if path.name != "commands.md")  # fmt: skip
    missing = [name for name in figure.commands if f"headgraph figure {name}" not in text]
    assert not missing
