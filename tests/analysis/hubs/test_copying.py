"""The figure of copying against self-overlap marks what the weights show, and nothing else."""

from dataclasses import replace
from pathlib import Path

import matplotlib.text
import numpy as np
import pytest
from matplotlib.figure import Figure

from benchmarks.null_simulations import independent
from benchmarks.null_simulations import save as save_model
from headgraph.analysis.errors import FigureError
from headgraph.analysis.figures import save
from headgraph.analysis.hubs.copying import copying_figure
from headgraph.analysis.hubs.figure import hubs
from headgraph.pk_engine import Selection, compute
from headgraph.pk_engine.table.affinity import AffinityTable
from tests.commands import headgraph
from tests.tables import random_table

ERASERS = {"L1H11", "L3H10", "L4H7", "L5H11", "L6H6"}


@pytest.fixture(scope="module")
def figure(table: AffinityTable) -> Figure:
    return copying_figure(table)


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(matplotlib.text.Text)]


def test_the_five_erasers_of_gpt2_are_named_in_their_corner(figure: Figure) -> None:
    assert set(texts(figure)) >= ERASERS
    axes = figure.axes[0]
    corner = {t.get_text() for t in axes.texts if t.xy[1] < -0.9 and t.xy[0] > 0.5}
    assert corner == ERASERS
    assert "erasers 5, copiers 7." in figure.texts[1].get_text()


def test_rings_of_random_weights_are_said_to_be_chance(figure: Figure, tmp_path: Path) -> None:
    """By the counts of both tables: about as many backward pairs as forward ones, and 30 %."""
    model = save_model(independent(np.random.default_rng(0)), tmp_path)
    table = compute(model, selection=Selection())
    strongest = table.select(Selection(top_percent=3)).frame.groupby("pairing")
    share = (1 + strongest["decoys"].max()).sum() / strongest.size().sum()
    assert 0.7 < share < 1.4
    for draw in (copying_figure, hubs):
        words = draw(table).texts[1].get_text()
        assert f"Decoys are {100 * share:.0f} %: the hubs may be chance." in words
    words = figure.texts[1].get_text()
    assert "may be chance" not in words
    assert "Decoys: OQ 18 %, OK 26 %, OV 48 %." in words


def test_every_head_is_one_point_at_its_scores(figure: Figure, table: AffinityTable) -> None:
    rings, *points = sorted(
        figure.axes[0].collections, key=lambda one: len(one.get_facecolor()) > 0
    )
    places = np.concatenate([np.asarray(part.get_offsets()) for part in points])
    heads = [np.array(table.meta.heads[name]).ravel() for name in ("self_overlap", "copying")]
    assert np.array(sorted(places.tolist())) == pytest.approx(
        np.array(sorted(np.array(heads).T.tolist()))
    )
    # the paper's hub, ringed
    ringed = np.asarray(rings.get_offsets())
    assert len(ringed) == 10
    at = table.meta.heads["self_overlap"][4][7], table.meta.heads["copying"][4][7]
    assert any(tuple(place) == pytest.approx(at) for place in ringed)


def test_chance_is_where_two_random_subspaces_overlap(figure: Figure) -> None:
    lines = [line.get_xdata()[0] for line in figure.axes[0].lines if line.get_xdata()[0] > 0.05]
    assert lines[0] == pytest.approx(64 / 768, abs=1e-6)


def test_names_do_not_cover_each_other(figure: Figure) -> None:
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts if text.get_text()]
    assert not any(
        a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[i + 1 :]
    )  # region names included


def test_heads_without_a_score_are_counted_and_left_out() -> None:
    table = random_table(3, 4, format_2=True)
    scores = [list(layer) for layer in table.meta.heads["copying"]]
    scores[1][2] = None
    meta = replace(table.meta, heads={**table.meta.heads, "copying": scores})
    words = copying_figure(AffinityTable(table.frame, meta)).texts[1].get_text()
    assert words.startswith("11 heads;")
    assert "Heads without a score, left out: 1." in words
    nothing = [[None] * 4 for _ in range(3)]
    meta = replace(table.meta, heads={"copying": nothing, "self_overlap": nothing})
    with pytest.raises(FigureError, match="no head of test/random has a copying score"):
        copying_figure(AffinityTable(table.frame, meta))


def test_a_table_without_scores_of_heads_is_refused_with_what_to_do() -> None:
    with pytest.raises(FigureError) as problem:
        copying_figure(random_table(3, 4))
    assert str(problem.value) == (
        "the table of test/random has no copying and self-overlap of its heads: make one with "
        "compute(MODEL), which writes them where V and O are both read"
    )


def test_the_command_draws_the_same_bytes_twice(tmp_path: Path) -> None:
    files = []
    for name in ("a.svg", "b.svg"):
        done = headgraph("figure", "copying", "gpt2-small", "-o", str(tmp_path / name))
        assert done.returncode == 0, done.stderr
        files.append((tmp_path / name).read_bytes())
    assert files[0] == files[1]
    assert b">L4H7</text>" in files[0]


def test_the_svg_has_its_letters_as_text(figure: Figure, tmp_path: Path) -> None:
    """Names have an outline on a picture; in the file it must not turn them into shapes."""
    effects = [text.get_path_effects() for text in figure.axes[0].texts]
    text = save(figure, tmp_path / "a.svg").read_text("utf-8")
    for name in ERASERS:
        assert f">{name}</text>" in text
    assert "paint-order: stroke" in text
    assert [text.get_path_effects() for text in figure.axes[0].texts] == effects
