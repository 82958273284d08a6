"""docs/guides/figures.md shows every kind of picture, with files that its commands drew."""

import json
import re
import shlex
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.figure import Figure

from benchmarks import detection
from benchmarks.pictures import HERE, IMAGES, PICTURES, SHOWN, Picture, page
from headgraph.analysis.detection import detect, detection_figure
from headgraph.analysis.detection._detect import LAYERS
from headgraph.analysis.figures import save
from headgraph.analysis.figures.commands import figure
from headgraph.analysis.training import trajectory
from headgraph.analysis.training.figure import training_figure
from headgraph.pk_engine.bundled import model_path
from headgraph.pk_engine.metrics.registry import METRICS
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


def drawn(made: Figure, path: Path, *, numbers: bool = True) -> list[str]:
    """What a figure says once it is saved; without `numbers`, plain numbers are left out."""
    save(made, path)
    return [it for it in words(path) if numbers or not it.replace(".", "").isdecimal()]


def shown(name: str, *, numbers: bool = True) -> list[str]:
    """What both variants of a picture of the docs say."""
    light, dark = (
        [it for it in words(IMAGES / f"{name}{end}.svg")
         if numbers or not it.replace(".", "").isdecimal()]
        for end in ("", "-dark")
    )  # fmt: skip
    assert light == dark
    return light


@pytest.mark.parametrize(
    ("name", "task"), [("gpt2-detection", "heads"), ("gpt2-ioi-edges", "edges")]
)
def test_pictures_of_detection_say_what_is_drawn_today(
    name: str, task: str, tmp_path: Path
) -> None:
    """Values are marks and not words, so a few resamples and one metric say all the rest."""
    found = detect("gpt2-small", task=task, metrics=["pk"], resamples=2)
    found = found.assign(resamples=detection.RESAMPLES)
    one, layers = (found[(found["metric"] == LAYERS) == only] for only in (False, True))
    rows = pd.concat([*(one.assign(metric=metric) for metric in METRICS), layers])
    paper = dict.fromkeys(METRICS, ["0.5"] * 3) if task == "heads" else None
    made = detection_figure(rows, model="GPT-2 small", paper=paper)
    assert drawn(made, tmp_path / "t.svg", numbers=False) == shown(name, numbers=False)


def test_the_picture_of_training_says_what_is_drawn_today(tmp_path: Path) -> None:
    """Attention scores are marks and not words, so the model need not run."""
    edge = json.loads((model_path("induction-2l") / "training.json").read_text("utf-8"))
    pair = "{source}>{target}:OK".format(**edge["strongest_ok"])
    rows = trajectory("induction-2l", pairs=pair, behaviour=False)
    made = training_figure(rows.assign(source_previous_token=0.5, target_induction=0.9))
    assert drawn(made, tmp_path / "t.svg", numbers=False) == shown("training", numbers=False)
