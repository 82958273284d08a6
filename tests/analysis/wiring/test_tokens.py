"""The wiring diagram with tokens in its boxes."""

from itertools import combinations
from pathlib import Path

import matplotlib.text
import pytest
from click.testing import CliRunner

import headgraph
from headgraph import cli
from headgraph.analysis.errors import FigureError
from headgraph.analysis.wiring.diagram import wiring
from headgraph.pk_engine.errors import WeightsError
from headgraph.pk_engine.table.affinity import AffinityTable
from tests.shared import GPT2, needs_shared
from tests.tables import random_table

MODEL = "induction-2l"


def test_boxes_list_the_tokens_of_the_roles_that_lines_touch(small: AffinityTable) -> None:
    figure = wiring(small, tokens=MODEL)
    axes = figure.axes[0]
    drawn = [str(p.get_gid()).split("-") for p in axes.patches if str(p.get_gid())[:5] == "line-"]
    wanted = {(source, "O") for _, _, source, _ in drawn}
    wanted |= {(target, pairing[1]) for _, pairing, _, target in drawn}
    texts = {
        tuple(str(text.get_gid()).split("-")[1:]): text
        for text in axes.texts
        if str(text.get_gid()).startswith("words-")
    }
    assert set(texts) == wanted
    frame = headgraph.tokens(MODEL)
    for (head, role), text in texts.items():
        first, *words = text.get_text().split(" ")
        assert first == role
        assert len(words) >= 2
        rows = frame[(frame["head"] == head) & (frame["role"] == role)]
        assert words == rows["token"].tolist()[: len(words)]


def test_boxes_with_tokens_stay_apart_and_hold_their_words(small: AffinityTable) -> None:
    figure = wiring(small, tokens=MODEL, dark=True)
    figure.draw_without_rendering()
    axes = figure.axes[0]
    boxes = {
        str(p.get_gid())[5:]: p.get_window_extent()
        for p in axes.patches
        if str(p.get_gid()).startswith("head-")
    }
    assert len(boxes) > 10
    assert not any(a.overlaps(b) for a, b in combinations(boxes.values(), 2))
    words = [text for text in axes.texts if str(text.get_gid()).startswith("words-")]
    for text in words:
        inside, box = text.get_window_extent(), boxes[str(text.get_gid()).split("-")[1]]
        assert box.x0 <= inside.x0
        assert inside.x1 <= box.x1
        assert box.y0 - 1 <= inside.y0
        assert inside.y1 <= box.y1
    every = [t.get_window_extent() for t in words]
    assert not any(a.padded(-1).overlaps(b) for a, b in combinations(every, 2))
    assert min(text.get_size() for text in figure.findobj(matplotlib.text.Text)) >= 5


def test_tokens_must_be_of_the_same_weights(small: AffinityTable) -> None:
    other = random_table(2, 8)
    with pytest.raises(FigureError, match="table of test/random was made from other weights"):
        wiring(other, tokens=MODEL)


@needs_shared
def test_without_an_embedding_the_command_says_so(tmp_path: Path) -> None:
    args = ["figure", "wiring", "gpt2-small", "--tokens", str(GPT2), "-o", str(tmp_path / "w.svg")]
    done = CliRunner().invoke(cli.headgraph, args)
    assert isinstance(done.exception, WeightsError)
    assert "no token embedding" in str(done.exception)
