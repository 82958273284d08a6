"""The wiring diagram shows what the paper's Fig. 1 shows, legibly, for models of any shape."""

import re
import subprocess
import sys
from collections import Counter
from itertools import combinations
from pathlib import Path

import matplotlib.text
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from matplotlib.figure import Figure

from headgraph import cli
from headgraph.analysis.errors import FigureError
from headgraph.analysis.figures import head_roles, save, strongest_pairs, usual_number
from headgraph.analysis.figures.style import DARK, LIGHT
from headgraph.analysis.wiring._layout import Box, Line, outlets
from headgraph.analysis.wiring._routes import _ALL, _EVEN, _FIRST, Router, _candidates, bezier
from headgraph.analysis.wiring.diagram import wiring
from headgraph.base.names import parse_head
from headgraph.pk_engine.labels import labels_for
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.pk_engine.table.selection import Selection
from tests.tables import random_table

Head = tuple[int, int]


@pytest.fixture(scope="module")
def figure(table: AffinityTable) -> Figure:
    return wiring(table)


def heads_of(pairs: pd.DataFrame) -> set[Head]:
    ends = [pairs[[f"{end}_layer", f"{end}_head"]].to_numpy() for end in ("source", "target")]
    return {(int(layer), int(head)) for layer, head in np.concatenate(ends)}


def ids(figure: Figure, start: str) -> list[str]:
    marks = [*figure.axes[0].patches, *figure.axes[0].texts]
    found = [str(mark.get_gid()) for mark in marks if mark.get_gid()]
    return [gid.removeprefix(start) for gid in found if gid.startswith(start)]


def words(figure: Figure) -> str:
    return "\n".join(text.get_text() for text in figure.findobj(matplotlib.text.Text))


# what is drawn ------------------------------------------------------------------------------


@pytest.mark.parametrize(("metric", "known", "bare"), [("pk", 24, 28), ("cs", 16, 30)])
def test_heads_and_classes_of_fig_1(
    table: AffinityTable, metric: str, known: int, bare: int
) -> None:
    """Published: by PK 52 heads, 24 of them in a class; by CS 46, 16 of them."""
    labels = labels_for(table.meta)
    fig_1 = set(head_roles(labels[labels["source"].str.endswith("Fig. 1")]))
    heads = heads_of(strongest_pairs(table, 20, metric))
    assert (len(heads & fig_1), len(heads - fig_1)) == (known, bare)


def test_each_pair_is_one_line_and_each_touched_head_a_named_box(
    table: AffinityTable, figure: Figure
) -> None:
    lines = ids(figure, "line-")
    assert Counter(line[:2] for line in lines) == {"OQ": 20, "OK": 20, "OV": 20}
    assert len(set(lines)) == 60
    assert "OK-L4H11-L5H1" in lines
    heads = heads_of(strongest_pairs(table))
    assert sorted(map(parse_head, ids(figure, "name-"))) == sorted(heads)
    assert sorted(map(parse_head, ids(figure, "head-"))) == sorted(heads)


def test_title_says_model_pairings_and_rule(table: AffinityTable, figure: Figure) -> None:
    assert figure.texts[0].get_text() == (
        "gpt2-small: the 20 strongest pairs each of OQ, OK, OV by PK"
    )
    assert "They touch 52 of the 144 heads (12 layers of 12)." in figure.texts[1].get_text()
    cut = wiring(table.select(Selection(top_percent=0.1)), metric="cs", per_pairing=11)
    assert cut.texts[0].get_text() == ("gpt2-small: the strongest pairs each of OQ, OK, OV by CS")
    assert "among the top 0.1 % per pairing" in cut.texts[1].get_text()


def test_legend_says_what_the_lines_are_read_against(figure: Figure) -> None:
    """At PK 21.42 there is no backward OK pair, so its share is (1 + 0) / 20, and of the 9 pairs
    between neighbouring layers (1 + 0) / 9; that of OV is (1 + 6) / 10.
    """
    text = words(figure).replace("\n", " ")
    assert "PK of random subspaces: 5.333 (sd 0.11); maximum 64" in text
    assert "trained heads can exceed the random value without any function" in text
    assert (
        "backward pairs as strong (decoys, not drawn), per pair drawn: OQ 25 % (neighbouring "
        "layers 23 %), OK 5 % (11 %), OV 65 % (70 %)"
    ) in text
    assert "derived erasers: L1H11, L3H10, L4H7, L5H11, L6H6" in text


def widths(figure: Figure) -> list[float]:
    return [p.get_linewidth() for p in figure.axes[0].patches if str(p.get_gid())[:5] == "line-"]


def test_random_weights_are_hairlines(figure: Figure, random_weights: AffinityTable) -> None:
    drawn = wiring(random_weights, per_pairing=20)
    assert min(widths(figure)) > 1.4 * max(widths(drawn))
    assert max(widths(figure)) > 2.3
    opaque = [p.get_alpha() for p in drawn.axes[0].patches if str(p.get_gid())[:5] == "line-"]
    assert max(opaque) < 0.65
    # forward and backward pairs of independent weights are alike
    _, _, line = words(drawn).replace("\n", " ").partition("per pair drawn: ")
    assert np.mean([int(share) for share in re.findall(r"O[QKV] (\d+) %", line)]) > 50


def test_legend_counts_every_touched_head_once(figure: Figure) -> None:
    text = words(figure)
    assert "OK  output read as key: 20, PK 21.4 to 39.3" in text
    for entry in ("identity (2)", "previous token (5)", "no known role (22)"):
        assert entry in text
    assert "acronyms circuit (1)" in text
    assert "copy suppression (second role)" in text
    legend = [text.get_text() for text in figure.axes[1].texts]
    counts = [found[1] for entry in legend if (found := re.fullmatch(r".*\((\d+)\)", entry))]
    assert sum(map(int, counts)) == 52


def test_strongest_pairs_go_by_rank_or_by_the_metric(table: AffinityTable) -> None:
    by_pk = strongest_pairs(table, 3)
    assert by_pk["pk_rank"].tolist() == [1, 2, 3] * 3
    assert by_pk["pairing"].tolist() == ["OQ"] * 3 + ["OK"] * 3 + ["OV"] * 3
    by_cs = strongest_pairs(table, 3, "cs")
    for pairing, rows in by_cs.groupby("pairing"):
        best = table.frame.loc[table.frame["pairing"] == pairing, "cs"].nlargest(3)
        assert rows["cs"].tolist() == best.tolist()
    assert by_cs["weight"].between(0, 1).all()
    assert strongest_pairs(table, 1)["weight"].tolist() == [1, 1, 1]


def test_a_head_shows_mechanisms_before_circuits(table: AffinityTable) -> None:
    roles = head_roles(labels_for(table.meta))
    assert roles[4, 7].main == "identity"
    assert roles[0, 1].mechanisms == ("identity", "duplicate_token")
    assert roles[0, 1].circuits == ("greater_than", "sequence_continuation")
    assert roles[4, 11].main == "previous_token"
    assert roles[6, 6].main == "sequence_continuation"
    assert roles[10, 7].mechanisms == ("negative_name_mover", "copy_suppression")


# how it looks -------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(12, 12), (2, 8), (5, 8, 4), (3, 32), (32, 3), (2, 1)])
def test_names_stand_in_their_boxes_and_boxes_apart(
    table: AffinityTable, figure: Figure, shape: tuple[int, ...]
) -> None:
    drawn = figure if shape == (12, 12) else wiring(random_table(*shape), per_pairing=12)
    axes = drawn.axes[0]
    boxes = {str(p.get_gid()): p.get_window_extent() for p in axes.patches if p.get_gid()}
    heads = {gid[5:]: box for gid, box in boxes.items() if gid.startswith("head-")}
    names = {t.get_text(): t.get_window_extent() for t in axes.texts if t.get_gid()}
    assert heads.keys() == names.keys()
    for name, box in heads.items():
        text = names[name]
        assert box.x0 < text.x0
        assert text.x1 < box.x1
        assert drawn.bbox.x0 < box.x0
        assert box.x1 < drawn.bbox.x1
    everything = [*heads.values(), *(t.get_window_extent() for t in axes.texts if not t.get_gid()
                                     and t.get_text().startswith(("layer", "head")))]  # fmt: skip
    assert not any(a.overlaps(b) for a, b in combinations(everything, 2))


def test_legend_text_stays_on_the_page_and_apart(figure: Figure) -> None:
    extents = [text.get_window_extent() for text in (*figure.axes[1].texts, *figure.texts)]
    assert all(e.x0 > 0 and e.x1 < figure.bbox.x1 and e.y0 > 0 for e in extents)
    assert not any(a.overlaps(b) for a, b in combinations(extents, 2))


@pytest.mark.parametrize("metric", ["pk", "cs"])
def test_no_line_hides_behind_a_head_or_runs_down(
    table: AffinityTable, figure: Figure, metric: str
) -> None:
    drawn = figure if metric == "pk" else wiring(table, metric=metric)
    patches = {str(p.get_gid()): p for p in drawn.axes[0].patches if p.get_gid()}
    heads = {gid[5:]: p.get_path().get_extents() for gid, p in patches.items() if gid[0] == "h"}
    for gid, patch in patches.items():
        if not gid.startswith("line-"):
            continue
        _, _, source, target = gid.split("-")
        curve = bezier(np.array(patch.get_path().vertices))
        others = [box for name, box in heads.items() if name not in (source, target)]
        hidden = [box.contains(x, y) for box in others for x, y in curve]
        assert not any(hidden), gid
        assert np.diff(curve[:, 1]).min() > -4, gid


def test_lines_of_one_layer_and_of_one_head_leave_and_come_back() -> None:
    boxes = [Box((0, head), 60.0 + 60 * head, 80, 30, 14, "", "", 1.0) for head in (0, 1)]
    router = Router((200, 160), boxes)
    for ends in ((0, 1), (1, 0), (0, 0)):
        start, end = boxes[ends[0]].outlet(0), boxes[ends[1]].inlet("K")
        curve = bezier(router.route(start, end, ends))
        assert np.abs(curve - start).max() > 20
        assert curve.min() > 0
        assert curve[:, 0].max() < 200


def test_parallel_lines_keep_apart() -> None:
    router = Router((400, 400), [])
    first, second = (bezier(router.route((200, 20), (200, 380), (0, 0))) for _ in range(2))
    assert np.abs(first[20:36, 0] - second[20:36, 0]).min() > 6


@pytest.mark.parametrize("tried", [_ALL, _EVEN], ids=["all", "even"])
def test_a_line_takes_the_cheapest_of_all_shapes(tried: np.ndarray) -> None:
    """Though the places of most shapes are not looked up."""
    rng = np.random.default_rng(0)
    places = rng.uniform(20, 380, (12, 2))
    boxes = [Box((0, head), x, y, 50, 30, "", "", 1.0) for head, (x, y) in enumerate(places)]
    router, beyond_first = Router((400, 400), boxes), 0
    for _ in range(20):
        start, end = ((x, y) for x, y in rng.uniform(0, 400, (2, 2)))
        points = bezier(_candidates(start, end, tried))
        by_itself = rng.uniform(0, 3, len(points))
        best = int(np.argmin(by_itself + router._place_cost(points, (0, 1))))
        assert router._cheapest(by_itself, points, (0, 1)) == best
        beyond_first += int(np.sum(by_itself < by_itself[best]) >= _FIRST)
        router.route(start, end, (0, 1))
    assert beyond_first > 3, "what is looked up first is enough"


def test_lines_leave_a_head_in_the_order_of_where_they_go() -> None:
    lines = [Line("OQ", (0, 3), (1, head), 1.0, 1.0) for head in (5, 0, 3)]
    assert outlets(lines) == [1.0, -1.0, 0.0]


def test_the_svg_is_the_same_twice_small_and_says_what_it_shows(
    table: AffinityTable, figure: Figure, tmp_path: Path
) -> None:
    first = save(figure, tmp_path / "a.svg").read_bytes()
    assert first == save(wiring(table), tmp_path / "b.svg").read_bytes()
    assert len(first) < 400_000
    text = first.decode()
    assert "<title>gpt2-small: the 20 strongest pairs each of OQ, OK, OV by PK</title>" in text
    assert "<desc>They touch 52 of the 144 heads" in text
    assert 'id="line-OK-L4H11-L5H1"' in text
    assert text.count(">L4H7</text>") == 1, "text stays text"
    assert len(re.findall("<text[^>]* textLength=", text)) == text.count("<text") > 100


def test_dark_pages_get_their_own_colors(tmp_path: Path) -> None:
    drawn = wiring(random_table(2, 2), per_pairing=1, dark=True)
    text = save(drawn, tmp_path / "a.svg").read_text()
    assert DARK.paper.lower() in text
    assert LIGHT.band.lower() not in text


# other models -------------------------------------------------------------------------------


def test_grouped_query_pairs_fan_out_and_count_once() -> None:
    """8 heads share 4 key/value heads: a pair read as key or value is two thinner lines."""
    drawn = wiring(random_table(5, 8, 4), per_pairing=6)
    assert Counter(line[:2] for line in ids(drawn, "line-")) == {"OQ": 6, "OK": 12, "OV": 12}
    wide: dict[str, float] = {}
    for patch in drawn.axes[0].patches:
        if str(patch.get_gid()).startswith("line-"):
            pairing = str(patch.get_gid())[5:7]  # the strongest of each has the same strength
            wide[pairing] = max(wide.get(pairing, 0.0), patch.get_linewidth())
    assert wide["OK"] == pytest.approx(wide["OQ"] * 0.5**0.5)
    assert "key/value head is drawn, thinner, to each of its query heads" in words(drawn)
    assert "read as key: 6" in words(drawn)


def test_a_model_without_known_roles_has_no_list_of_them() -> None:
    drawn = wiring(random_table(3, 3), per_pairing=2)
    assert "no known role" not in words(drawn)


def test_labels_of_ones_own_and_none(table: AffinityTable, tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text("layer,head,role\n4,7,a_role_of_mine\n")
    assert "a role of mine (1)" in words(wiring(table, labels=file, per_pairing=2))
    assert "identity" not in words(wiring(table, labels="none", per_pairing=2))


@pytest.mark.parametrize(
    ("shape", "number"),
    [((2, 8), 5), ((12, 12), 20), ((32, 32, 8), 20), ((4, 71, 1), 3), ((1, 1), 1)],
)
def test_how_many_pairs_a_model_gets(shape: tuple[int, ...], number: int) -> None:
    """20 from 60 heads on, a third of the heads below, and never more than 500 lines."""
    assert usual_number(random_table(*shape).meta) == number


def test_a_small_model_is_drawn_with_fewer_pairs() -> None:
    drawn = wiring(random_table(2, 8))
    assert drawn.texts[0].get_text().startswith("test/random: the 5 strongest pairs each of OQ")
    assert len(ids(drawn, "line-")) == 15


@pytest.mark.parametrize(
    ("role", "tag"),
    [
        ("copying", "copying"),
        ("attends_to_first", "attends"),
        ("a_role_of_mine", "a role of"),
        ("multiplication", "multipli…"),
        ("induction", "induct"),
    ],
)
def test_tags_end_where_a_word_ends(role: str, tag: str) -> None:
    assert LIGHT.role(role).tag == tag


def test_long_tags_stay_in_their_boxes_and_clear_of_the_words_beside_them(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    heads = "".join(f"{i // 12},{i % 12},multiplication\n" for i in range(24))
    file.write_text(f"layer,head,role\n{heads}")
    drawn = wiring(random_table(2, 12), labels=file, per_pairing=20)
    for axes in drawn.axes:
        boxes = [patch.get_window_extent() for patch in axes.patches]
        tags = [t.get_window_extent() for t in axes.texts if t.get_text() == "multipli…"]
        assert tags
        for tag in tags:
            assert any(b.x0 < tag.x0 and tag.x1 < b.x1 and b.y0 < tag.y1 < b.y1 for b in boxes)
    heads_drawn = [p.get_window_extent() for p in drawn.axes[0].patches
                   if str(p.get_gid()).startswith("head-")]  # fmt: skip
    assert not any(a.overlaps(b) for a, b in combinations(heads_drawn, 2))
    legend = [text.get_window_extent() for text in drawn.axes[1].texts]
    assert not any(a.overlaps(b) for a, b in combinations(legend, 2))


# what cannot be drawn -----------------------------------------------------------------------


def test_messages() -> None:
    full = random_table(2, 2)
    with pytest.raises(FigureError) as problem:
        wiring(full.select(Selection(min_pk=1000)))
    assert str(problem.value) == (
        "the table of test/random holds no pair of OQ, OK, OV (0 rows, OQ+OK+OV): nothing to draw"
    )
    with pytest.raises(FigureError, match=r"no metric 'cs', only pk: make one with compute"):
        wiring(full, metric="cs")
    with pytest.raises(FigureError, match="per_pairing=0: expected a whole number of at least 1"):
        wiring(full, per_pairing=0)
    with pytest.raises(FigureError, match=r"no pair of OQ, OK, OV \(4 rows, QQ\)"):
        wiring(random_table(2, 2, pairings=["QQ"]))


@pytest.mark.parametrize(
    ("shape", "n", "lines", "fits"),
    [((12, 12), 10_000, "28,512", 166), ((8, 16, 2), 100, "1,700", 29)],
)
def test_a_picture_of_too_many_lines_is_refused_at_once(
    shape: tuple[int, ...], n: int, lines: str, fits: int
) -> None:
    table = random_table(*shape)
    with pytest.raises(FigureError) as problem:
        wiring(table, per_pairing=n)
    assert str(problem.value) == (
        f"per_pairing={n} would draw {lines} lines: expected at most 500 in one picture, "
        f"which is per_pairing={fits} here; query('strongest_edges', graph, per_pairing={n}) "
        "lists them all"
    )
    assert len(strongest_pairs(table, fits)) <= 500 < len(strongest_pairs(table, fits + 1))


def test_other_pairings_of_a_table_are_left_out() -> None:
    drawn = wiring(random_table(3, 2, pairings=["OQ", "QQ", "OO"]), per_pairing=2)
    assert drawn.texts[0].get_text() == "test/random: the 2 strongest pairs of OQ by PK"


# the command --------------------------------------------------------------------------------


def test_command_writes_and_prints_the_path(tmp_path: Path) -> None:
    table = random_table(3, 3)
    source, output = tmp_path / "t.parquet", tmp_path / "w.png"
    table.write(source)
    call = ["figure", "wiring", str(source), "-o", str(output), "--per-pairing", "2", "--dark"]
    done = CliRunner().invoke(cli.headgraph, call)
    assert done.output == f"{output}\n"
    assert output.read_bytes().startswith(b"\x89PNG")
    again = CliRunner().invoke(cli.headgraph, call)
    assert "exists already" in str(again.exception)
    assert CliRunner().invoke(cli.headgraph, [*call, "--force"]).exit_code == 0


def test_help_imports_nothing_heavy_and_drawing_no_pyplot(tmp_path: Path) -> None:
    code = (
        "import sys; from headgraph import cli\n"
        "try: cli.headgraph.main(sys.argv[1:], standalone_mode=False)\n"
        "finally: print(sorted({'matplotlib', 'pandas', 'numpy', 'matplotlib.pyplot'}"
        " & set(sys.modules)))"
    )

    def imported(*args: str) -> str:
        return subprocess.run(
            [sys.executable, "-c", code, "figure", "wiring", *args],
            capture_output=True, text=True, check=True,
        ).stdout.splitlines()[-1]  # fmt: skip

    assert imported("--help") == "[]"
    assert imported("-o", str(tmp_path / "a.svg")) == "['matplotlib', 'numpy', 'pandas']"


@pytest.mark.parametrize(("pk", "weight"), [(8.0, 1.0), (4.0, 0.0), (2.0, 0.0)])
def test_equal_scores_are_drawn_alike_at_full_width_or_as_chance(pk: float, weight: float) -> None:
    """Two random subspaces of 8 dimensions of 16 have PK 4, and at most 8."""
    table = random_table(2, 2)
    flat = table.frame.assign(pk=np.float32(pk), pk_normalized=np.float32(pk / 8))
    keys = ["pairing", "source_layer", "source_head", "target_layer", "target_head"]
    flat = flat.sort_values(keys[1:], kind="stable")
    flat["pk_rank"] = flat.groupby("pairing").cumcount() + 1
    pairs = strongest_pairs(AffinityTable(flat, table.meta), 4)
    assert pairs["weight"].eq(weight).all()
