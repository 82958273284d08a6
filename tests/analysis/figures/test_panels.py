"""Parts that figures share: where panels stand, and names that do not cover each other."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Annotation

from headgraph.analysis.figures import panels, style
from headgraph.analysis.heatmap import heatmap
from headgraph.analysis.wiring import wiring_panels
from headgraph.pk_engine import compute
from headgraph.pk_engine.table.selection import Selection
from tests.pk_engine.unequal_checkpoints import checkpoint

themes = pytest.mark.parametrize("theme", [style.LIGHT, style.DARK], ids=lambda theme: theme.name)


def blank(width: float = 648, height: float = 300) -> Figure:
    return style.new_figure(width, height, style.LIGHT)


def test_panels_are_equal_and_keep_their_margins_in_points() -> None:
    figure = blank()
    axes = panels.panel_grid(figure, 2, 3, left=50, right=20, top=80, bottom=40, gap=(30, 25))
    boxes = [a.get_position().transformed(figure.transSubfigure) for a in axes]
    points = np.array([box.extents for box in boxes]) * 72 / figure.dpi
    assert points[0][[0, 3]] == pytest.approx([50, 220])
    assert points[5][[2, 1]] == pytest.approx([628, 40])
    assert points[1][0] - points[0][2] == pytest.approx(30)
    assert points[0][1] - points[3][3] == pytest.approx(25)
    assert np.ptp(points[:, 2] - points[:, 0]) == pytest.approx(0)


@pytest.mark.parametrize(("n", "most"), [(1, 1), (12, 12), (32, 16), (100, 17), (2000, 17)])
def test_heads_are_numbered_from_0_and_never_crowded(n: int, most: int) -> None:
    axes = blank().add_subplot()
    panels.index_axis(axes.xaxis, n, "head")
    ticks = axes.get_xticks()
    assert ticks[0] == 0
    assert len(ticks) <= most
    assert ticks[-1] < n
    assert len(set(np.diff(ticks))) <= 1


def test_names_cover_neither_each_other_nor_leave_the_panel() -> None:
    figure = blank()
    (axes,) = panels.panel_grid(figure, 1, 1)
    places = [tuple(place) for place in np.random.default_rng(0).random((60, 2))]
    names = [f"L{i}H{i}" for i in range(60)]
    written = panels.name_points(axes, places, names, style.LIGHT, points=places)
    figure.draw_without_rendering()
    texts = [text for text in axes.texts if isinstance(text, Annotation)]
    assert len(texts) == len(written) > 30
    assert [text.get_text() for text in texts] == [names[i] for i in written]
    boxes = [text.get_window_extent() for text in texts]
    frame = axes.get_window_extent().padded(4)
    assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))
    assert all(frame.containsx(b.x0) and frame.containsx(b.x1) for b in boxes)
    assert written[0] == 0, "the first name goes first"


def test_a_name_in_a_crowd_stands_outside_it_with_a_line_to_its_point() -> None:
    figure = blank(height=400)
    (axes,) = panels.panel_grid(figure, 1, 1)
    crowd = [tuple(place) for place in 0.5 + 0.006 * np.random.default_rng(0).normal(size=(200, 2))]
    assert panels.name_points(axes, crowd[:1], ["L10H10"], style.LIGHT, points=crowd) == [0]
    figure.draw_without_rendering()
    (text,) = axes.texts
    box = text.get_window_extent()
    dots = axes.transData.transform(crowd)
    assert not any(box.contains(x, y) for x, y in dots)
    (line,) = axes.lines
    assert (line.get_xdata()[0], line.get_ydata()[0]) == crowd[0]
    end = axes.transData.transform((line.get_xdata()[1], line.get_ydata()[1]))
    assert box.padded(8).contains(*end)


def test_crowded_names_are_left_out_rather_than_piled_up() -> None:
    figure = blank()
    (axes,) = panels.panel_grid(figure, 1, 1)
    written = panels.name_points(axes, [(0.5, 0.5)] * 40, ["L10H10"] * 40, style.LIGHT)
    assert 2 <= len(written) <= 24, "eight places at each of three distances"


@themes
def test_legend_of_roles_keeps_their_order_and_looks(theme: style.Theme) -> None:
    handles = panels.role_handles(["my_role", "induction", "identity", "induction"], theme)
    assert [handle.get_label() for handle in handles] == ["identity", "induction", "my role"]
    assert len({handle.get_marker() for handle in handles}) == 3
    assert handles[1].get_markerfacecolor() == theme.role("induction").color


def test_a_colour_bar_stands_beside_its_panel() -> None:
    figure = blank()
    with style.styled(style.DARK):
        (axes,) = panels.panel_grid(figure, 1, 1, right=60)
        shown = axes.imshow(np.eye(3), aspect="auto")
        bar = panels.color_bar(figure, axes, shown, "PK")
    assert bar.get_position().x0 > axes.get_position().x1
    assert bar.get_position().height == pytest.approx(axes.get_position().height)
    assert bar.get_ylabel() == "PK"


def test_layers_without_heads_have_no_row(tmp_path: Path) -> None:
    """Layers 1, 4 and 7 of this hybrid have heads; a line ends at the place of its layer."""
    table = compute(checkpoint(tmp_path / "hybrid", "hybrid"), selection=Selection())
    for figure in (heatmap(table, by="layer"), wiring_panels(table, per_pairing=48)):
        assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["1", "4", "7"]
    rows = table.frame[table.frame["pairing"] == "OQ"]
    drawn = sorted(
        tuple(end[1] for end in line) for line in figure.axes[0].collections[0].get_segments()
    )
    places = {1: 0.0, 4: 1.0, 7: 2.0}
    ends = zip(rows["source_layer"], rows["target_layer"], strict=True)
    assert drawn == sorted((places[source], places[target]) for source, target in ends)
    first = heatmap(table, pairings="OQ", by="head").axes[0].images[0].get_array()
    assert first is not None
    assert first.shape == (12, 12)
    mean = table.frame[table.frame["pairing"] == "OQ"]["pk"].mean()
    assert first.mean() == pytest.approx(mean, rel=1e-5)


def test_layers_of_an_encoder_decoder_have_their_names(tmp_path: Path) -> None:
    table = compute(checkpoint(tmp_path / "parts", "parts"), selection=Selection())
    names = ["E0", "E1", "D0", "X0", "D1", "X1"]
    for figure in (heatmap(table, by="layer"), wiring_panels(table)):
        assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == names
