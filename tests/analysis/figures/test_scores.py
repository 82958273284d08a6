"""Scatter, heatmap and hubs show the table's numbers, legibly, up to 1,024 heads."""

from collections import defaultdict
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import matplotlib.text
import numpy as np
import pytest
from click.testing import CliRunner
from matplotlib.figure import Figure

from headgraph import cli
from headgraph.analysis.errors import AnalysisError, FigureError
from headgraph.analysis.figures import save
from headgraph.analysis.figures.chance import chance_lines
from headgraph.analysis.heatmap.figure import head_matrix, heatmap, layer_matrix
from headgraph.analysis.hubs.figure import hubs
from headgraph.analysis.scatter.figure import cut_both, scatter
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.pk_engine.table.selection import Selection
from tests.tables import random_table

both_themes = pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])


@pytest.fixture(scope="module")
def large() -> AffinityTable:
    """1,024 heads."""
    return random_table(32, 32, pairings=["OK"], metrics=("pk", "cs"), model="test/large")


def words(figure: Figure) -> str:
    return "\n".join(text.get_text() for text in figure.findobj(matplotlib.text.Text))


def collisions(figure: Figure) -> list[tuple[str, str]]:
    """Texts that lie over each other."""
    figure.draw_without_rendering()
    texts = [*figure.findobj(matplotlib.text.Text)]
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            for tick in axis.get_major_ticks():
                if not low <= tick.get_loc() <= high:  # matplotlib keeps these and draws none
                    texts = [t for t in texts if t not in (tick.label1, tick.label2)]
    texts = [text for text in texts if text.get_text().strip() and text.get_visible()]
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts]
    return [(a, b) for (a, x), (b, y) in combinations(boxes, 2) if x.padded(-1).overlaps(y)]


def dots(figure: Figure, panel: int) -> int:
    return sum(len(points.get_offsets()) for points in figure.axes[panel].collections)


# PK against CS -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pairing", "pk", "cs"), [("OQ", 12.26, 0.0635), ("OK", 10.79, 0.0619), ("OV", 10.44, 0.0572)]
)
def test_cutoffs_are_those_of_fig_5(
    table: AffinityTable, pairing: str, pk: float, cs: float
) -> None:
    cut = cut_both(table, pairing, "cs", 3.0)
    assert (round(cut.cutoffs[0], 2), round(cut.cutoffs[1], 4)) == (pk, cs)
    rows = table.frame[table.frame["pairing"] == pairing]
    by_pk, by_cs = (set(rows.nlargest(286, metric).index) for metric in ("pk", "cs"))
    shared = len(by_pk & by_cs)
    assert cut.counts == [shared, 286 - shared, 286 - shared, 9504 - 572 + shared]


@both_themes
def test_scatter_has_every_pair_once_and_says_model_pairings_and_rule(
    table: AffinityTable, dark: bool
) -> None:
    figure = scatter(table, dark=dark)
    assert [dots(figure, panel) for panel in range(3)] == [9504] * 3
    title = figure.texts[0].get_text()
    assert title == "gpt2-small: PK against CS for OQ, OK, OV, strongest 3 % of each"
    assert "OK: PK ≥ 10.79, CS ≥ 0.0619" in words(figure)
    assert "L4H11>L5H1" in words(figure)
    assert not collisions(figure)
    markers = {handle.get_marker() for handle in figure.legends[0].legend_handles}
    assert len(markers) == 4, "classes differ by more than colour"


def test_scatter_takes_other_metrics_and_percentages() -> None:
    table = random_table(3, 4, metrics=("pk", "cka"), pairings=["OK", "QQ"])
    figure = scatter(table, metric="cka", top_percent=10, pairings="qq")
    assert "PK against CKA for QQ, strongest 10 %" in figure.texts[0].get_text()
    assert dots(figure, 0) == 48
    with pytest.raises(FigureError, match="PK is one axis already"):
        scatter(table, metric="pk")
    with pytest.raises(AnalysisError, match="lacks cs"):
        scatter(table, pairings="OK")
    with pytest.raises(AnalysisError, match="of its 96 pairs"):
        scatter(table.select(Selection(top=3)), metric="cka", pairings=["OK"])


# heatmaps ------------------------------------------------------------------------------------


def test_matrices_hold_each_pair_at_its_place() -> None:
    table = random_table(3, 4, 2, pairings=["OK"])
    by_layer, by_head = defaultdict(list), np.full((3 * 2, 3 * 4), np.nan)
    for row in table.frame.to_dict("records"):
        by_layer[row["target_layer"], row["source_layer"]].append(row["pk"])
        up = row["target_layer"] * 2 + row["target_head"]  # key/value heads
        by_head[up, row["source_layer"] * 4 + row["source_head"]] = row["pk"]
    for how, wanted in (("mean", np.mean), ("max", np.max)):
        matrix = layer_matrix(table, "OK", "pk", how)
        filled = {tuple(place) for place in np.argwhere(np.isfinite(matrix)).tolist()}
        assert filled == set(by_layer) == {(1, 0), (2, 0), (2, 1)}
        for place, values in by_layer.items():
            assert matrix[place] == pytest.approx(wanted(values), rel=1e-6)
    np.testing.assert_allclose(head_matrix(table, "OK", "pk"), by_head)


@both_themes
def test_heatmap_by_layer_writes_what_it_shows(table: AffinityTable, dark: bool) -> None:
    figure = heatmap(table, dark=dark)
    rows = table.frame[table.frame["pairing"] == "OK"]
    rows = rows[(rows["source_layer"] == 4) & (rows["target_layer"] == 5)]
    panel = {axes.get_title(loc="left"): axes for axes in figure.axes}
    for title, value in (("OK: mean PK", rows["pk"].mean()), ("OK: largest PK", 39.331)):
        cell = [t.get_text() for t in panel[title].texts if t.get_position() == (4, 5)]
        assert cell == [f"{value:.1f}"]
    assert figure.texts[0].get_text() == "gpt2-small: PK of OQ, OK, OV, layer by layer"
    assert "; ".join(chance_lines(table.meta, ["OQ"])) + "." in words(figure)
    assert (
        "Backward pairs as strong (decoys, not drawn), per pair in the top 3 %: "
        "OQ 18 % (neighbouring layers 22 %), OK 26 % (26 %), OV 48 % (58 %)."
    ) in words(figure)
    assert not collisions(figure)


@pytest.mark.parametrize("by", ["layer", "head"])
def test_no_line_marks_chance_where_its_levels_differ(by: str) -> None:
    pairings = ["OQ", "OV"]
    table = random_table(3, 4, pairings=pairings)
    other = {name: value + 0.5 for name, value in table.meta.moments["OV"].items()}
    meta = replace(table.meta, moments={**table.meta.moments, "OV": other})
    for shown, lines in ((table, 1), (AffinityTable(table.frame, meta), 0)):
        figure = heatmap(shown, pairings=pairings, by=by)
        labels = [axes.get_ylabel() for axes in figure.axes if axes.get_ylabel()]
        assert any("(line: random)" in label for label in labels) == bool(lines)


def test_one_pairing_is_drawn_head_by_head_where_that_is_legible(
    table: AffinityTable, large: AffinityTable
) -> None:
    small = heatmap(table, pairings="OK")
    assert small.axes[0].images[0].get_array().shape == (144, 144)
    assert not collisions(small)
    assert heatmap(large, pairings="OK").axes[0].images[0].get_array().shape == (32, 32)
    assert heatmap(large, pairings="OK", by="head").axes[0].images[0].get_array().shape[0] == 1024
    with pytest.raises(FigureError, match="by='pair': expected layer, head or auto"):
        heatmap(table, by="pair")


def test_two_layers_are_drawn_head_by_head_without_their_empty_corners() -> None:
    figure = heatmap("induction-2l")
    for axes, role in zip(figure.axes[:3], "QKV", strict=True):
        assert axes.get_xlim() == (-0.5, 7.5)
        assert axes.get_ylim() == (7.5, 15.5)
        assert [tick.get_text() for tick in axes.get_xticklabels()][7] == "L0H7"
        assert axes.get_ylabel() == f"target head ({role})"
    assert not collisions(figure)


def test_heatmap_of_all_pairings_and_of_one_layer() -> None:
    table = random_table(3, 2, pairings=["OQ", "OK", "OV", "QQ", "VO"])
    assert len(heatmap(table, pairings=["QQ", "VO"]).axes) == 6
    with pytest.raises(
        FigureError, match="test/random has no pair of OQ, OK, OV in layer order forward"
    ):
        heatmap(random_table(1, 4))


# hubs ----------------------------------------------------------------------------------------


@both_themes
def test_hubs_stand_where_their_sums_say(table: AffinityTable, dark: bool) -> None:
    figure = hubs(table, dark=dark)
    inlet, outlet = defaultdict(float), defaultdict(float)
    kept = table.frame[table.frame["pk_rank"] <= 286]
    for row in kept.to_dict("records"):
        inlet[row["target_layer"], row["target_head"]] += row["z"]
        outlet[row["source_layer"], row["source_head"]] += row["z"]
    heads = {*inlet, *outlet}
    wanted = sorted((inlet[head], outlet[head]) for head in heads)
    drawn = sorted(
        tuple(map(float, point))
        for points in figure.axes[0].collections
        for point in points.get_offsets()
    )
    np.testing.assert_allclose(drawn, wanted, rtol=1e-5)
    assert figure.texts[0].get_text() == "gpt2-small: hubs of OQ, OK, OV, top 3 % per pairing"
    names = [text.get_text() for text in figure.axes[0].texts]
    assert names[0] == "L4H7", "the paper's hub"
    assert len(names) > 15
    assert not collisions(figure)


def test_hubs_of_a_cut_table_without_roles() -> None:
    table = random_table(3, 4).select(Selection(top=5))
    figure = hubs(table, top_percent=None, labels="none", pairings="OK,OQ")
    assert figure.texts[0].get_text() == "test/random: hubs of OQ, OK, top 5 per pairing"
    assert "no known role" in words(figure)
    with pytest.raises(FigureError, match="no pair of OQ is kept"):
        hubs(table.select(Selection(min_pk=100)), pairings="OQ")


# large models and files ----------------------------------------------------------------------


@pytest.mark.parametrize("draw", [scatter, heatmap, hubs], ids=lambda draw: draw.__name__)
def test_a_model_of_1024_heads_is_legible(large: AffinityTable, draw, tmp_path: Path) -> None:
    figure = draw(large, pairings="OK")
    assert not collisions(figure)
    assert min(text.get_size() for text in figure.findobj(matplotlib.text.Text)) >= 4
    assert save(figure, tmp_path / "large.svg").stat().st_size < 4_000_000


@pytest.mark.parametrize("name", ["scatter", "heatmap", "hubs"])
def test_the_command_writes_the_same_bytes_twice(name: str, tmp_path: Path) -> None:
    table = random_table(3, 4, metrics=("pk", "cs")).write(tmp_path / "t.parquet")
    files = []
    for number in (1, 2):
        path = tmp_path / f"{number}.svg"
        done = CliRunner().invoke(
            cli.headgraph, ["figure", name, str(table), "-o", str(path)], catch_exceptions=False
        )
        assert done.exit_code == 0, done.output
        assert done.output.strip() == str(path)
        files.append(path.read_bytes())
    assert files[0] == files[1]


def test_a_rule_that_a_table_passed_before_is_named_once() -> None:
    once = random_table(6, 6).select(Selection(top_percent=10))
    assert words(hubs(once)).count("top 10 % per pairing") == 1
    assert words(hubs(once.select(Selection(top_percent=10)))) == words(hubs(once))
