"""The figure and the page of a difference show what changed, and say what they leave open."""

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import matplotlib.text
import pytest
from matplotlib.figure import Figure
from playwright.sync_api import expect

import headgraph
from headgraph import Difference, Selection
from headgraph.analysis.errors import FigureError
from headgraph.analysis.figures import style
from headgraph.base.names import CHANGES
from tests.analysis.figures.vision import EYES, distance, lightness
from tests.chromium import needs_chromium, page
from tests.tables import random_table

THEMES = [style.LIGHT, style.DARK]
themes = pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
CUT = [random_table(seed=seed).select(Selection(top=12)) for seed in (0, 1)]


def words(figure: Figure) -> str:
    return "\n".join(text.get_text() for text in figure.findobj(matplotlib.text.Text))


def lines(figure: Figure) -> list[str]:
    ids = [str(mark.get_gid()) for mark in figure.axes[0].patches if mark.get_gid()]
    return sorted(gid for gid in ids if gid.startswith("line-"))


def data(found: Difference, **options: Any) -> dict[str, Any]:
    html = found.page(**options).html()
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', html)
    answer: dict[str, Any] = json.loads(text)
    return answer


@themes
@pytest.mark.parametrize("eyes", EYES)
def test_changes_differ_for_all_eyes(theme: style.Theme, eyes: str) -> None:
    colors = [theme.changes[kind].color for kind in CHANGES]
    assert min(distance(a, b, eyes) for a, b in combinations(colors, 2)) > 25


@themes
def test_changes_differ_in_grey_and_in_shape(theme: style.Theme) -> None:
    looks = [theme.changes[kind] for kind in CHANGES]
    for a, b in combinations(looks, 2):
        assert abs(lightness(a.color) - lightness(b.color)) > 9
        assert a.dashes != b.dashes
    assert all(style.contrast(look.color, theme.paper) > 3 for look in looks)


def test_each_changed_pair_is_a_line_of_its_kind() -> None:
    figure = headgraph.difference_figure(*CUT)
    pairs = headgraph.diff(*CUT).pairs
    assert len(pairs) > 20
    assert lines(figure) == sorted(
        f"line-{row['pairing']}-{row['change']}-{row['source']}-{row['target']}"
        for row in pairs.to_dict("records")
    )
    text = words(figure)
    for kind, number in pairs["change"].value_counts().items():
        look = style.LIGHT.changes[str(kind)].meaning
        assert f"{look}: {number} pairs, {number} drawn, by " in text
    assert "From test/random (A) to test/random (B)" in text
    assert f"Drawn: all {len(pairs)} changed pairs." in text
    assert "that one table lacks are undecided, as they may be equal" in text
    assert "are in neither table" in text
    assert "A pair that a cut table lacks is below its cutoff, not 0" in text


def test_the_largest_are_drawn_and_the_others_are_counted() -> None:
    whole = random_table(seed=0), random_table(seed=1)
    figure = headgraph.difference_figure(*whole, most=7, by="z", dark=True)
    assert len(lines(figure)) == 7
    text = words(figure)
    assert "Drawn: the 7 of 288 changed pairs with the largest difference of z." in text
    assert "cutoff, not 0" not in text, "these tables are whole"
    assert "gained: in B alone, above A's cutoff: 0 pairs" in text


def test_a_pair_of_a_key_value_head_is_drawn_to_each_of_its_query_heads() -> None:
    grouped = [random_table(n_kv_heads=2, pairings=("OK",), seed=seed) for seed in (0, 1)]
    assert len(lines(headgraph.difference_figure(*grouped, most=5))) == 10


def test_what_cannot_be_drawn_is_said() -> None:
    same = CUT[0]
    with pytest.raises(FigureError, match="nothing to draw: no pair differs: the 36 pairs that"):
        headgraph.difference_figure(same, same)
    with pytest.raises(FigureError, match=r"^most=0: expected a whole number of at least 1$"):
        headgraph.difference_figure(*CUT, most=0)
    with pytest.raises(FigureError, match=r"^most=0: expected a whole number"):
        headgraph.diff(*CUT).page(most=0)
    backward = [random_table(pairings=("QK",), seed=seed) for seed in (0, 1)]
    with pytest.raises(FigureError, match="pairs changed in QK alone, and OQ, OK, OV are drawn"):
        headgraph.difference_figure(*backward)
    large = [random_table(8, 8, n_kv_heads=1, pairings=("OK",), seed=seed) for seed in (0, 1)]
    with pytest.raises(FigureError, match=r"^most=100 would draw 800 lines: .* about most=62 here"):
        headgraph.difference_figure(*large, most=100)


def test_the_page_has_a_filter_for_each_change_of_each_pairing() -> None:
    found = headgraph.diff(*CUT)
    shown = data(found)
    kinds = {f"{row['pairing']} {row['change']}" for row in found.pairs.to_dict("records")}
    assert {pairing["name"] for pairing in shown["pairings"]} == kinds
    names = [head["name"] for head in shown["heads"]]
    columns = [shown["edges"][key] for key in ("pairing", "source", "target", "weight")]
    sizes = shown["edges"]["figures"]["pk"]
    edges = {
        (shown["pairings"][kind]["name"], names[a], names[b]): (size, weight)
        for kind, a, b, weight, size in zip(*columns, sizes, strict=True)
    }
    largest = found.pairs["difference"].abs().max()
    assert len(edges) == len(found.pairs)
    for row in found.pairs.to_dict("records"):
        key = (f"{row['pairing']} {row['change']}", row["source"], row["target"])
        size, weight = edges[key]
        assert size == pytest.approx(abs(row["difference"]), rel=1e-4)
        assert weight == pytest.approx(abs(row["difference"]) / largest, abs=1e-3)
    figures = shown["edges"]["figures"]
    for place, kind in enumerate(shown["edges"]["pairing"]):
        gained = shown["pairings"][kind]["name"].endswith("gained")
        assert (figures["PK in A"][place] is None) == gained
        assert (figures["PK in A is at most"][place] is not None) == gained


def test_the_page_says_what_was_compared_and_how_much_it_holds() -> None:
    found = headgraph.diff(*CUT)
    html = found.page(most=5).html()
    assert "the 5 largest of" in html.replace("holds the", "the")
    assert "below its cutoff, which does not mean PK 0" in html
    assert "Largest changes" in html
    none = headgraph.diff(CUT[0], CUT[0]).page().html()
    assert "No pair differs: the 36 pairs that both tables have are equal" in none


@needs_chromium
def test_the_page_in_a_browser(tmp_path: Path) -> None:
    found = headgraph.diff(*CUT)
    address = found.page().write(tmp_path / "difference.html").as_uri()
    wrong: list[str] = []
    with page() as tab:
        tab.on("pageerror", lambda error: wrong.append(str(error)))
        tab.on("console", lambda message: wrong.append(message.text))
        tab.goto(address)
        expect(tab.locator(".edges path.edge")).to_have_count(len(found.pairs))
        expect(tab.locator("#amount")).to_contain_text(f"the {len(found.pairs)} largest changes")
        kind = tab.locator("#pairings label", has_text="OK gained")
        kind.locator("input").uncheck()
        gained = (found.pairs["pairing"] == "OK") & (found.pairs["change"] == "gained")
        expect(tab.locator(".edges path.edge")).to_have_count(int((~gained).sum()))
        first = found.pairs[~gained].iloc[0]
        tab.locator(f'.head[data-name="{first["source"]}"]').click()
        listed = tab.locator("#detail li", has_text=f"{first['pairing']} {first['change']}")
        expect(listed.filter(has_text=first["target"]).first).to_be_visible()
    assert wrong == []


@needs_chromium
def test_twelve_filters_keep_their_order(tmp_path: Path) -> None:
    """In the address and in the legend of a saved picture, as in the panel."""
    tables = [random_table(6, 6, seed=seed).select(Selection(top=200)) for seed in (0, 1)]
    found = headgraph.diff(*tables)
    names = [pairing["name"] for pairing in data(found)["pairings"]]
    assert len(names) == 12
    with page() as tab:
        tab.goto(found.page().write(tmp_path / "difference.html").as_uri())
        shown = tab.locator("#pairings label").all_inner_texts()
        assert [" ".join(text.split()[:2]) for text in shown] == names
        with tab.expect_download() as waiting:
            tab.locator("#save").click()
        svg = waiting.value.path().read_text("utf-8")
        legend = svg[svg.index('class="legend"') :]
        drawn = [name for name in names if f">{name} " in legend]
        assert sorted(drawn, key=lambda name: legend.index(f">{name} ")) == drawn
        assert {name[:2] for name in drawn} == {"OQ", "OK", "OV"}
        tab.locator("#pairings label", has_text="OQ gained").locator("input").uncheck()
        tab.wait_for_url(re.compile("pairings="))
        asked = tab.evaluate("new URLSearchParams(location.hash.slice(1)).get('pairings')")
        assert asked.split(",") == [name for name in names if name != "OQ gained"]


def test_a_picture_says_that_models_look_unrelated() -> None:
    tables = [random_table(12, 4, seed=seed) for seed in (1, 2)]
    cut = [table.select(Selection(top_percent=9)) for table in tables]
    for pair in (tables, cut):
        said = words(headgraph.difference_figure(*pair, most=5))
        (note,) = [line for line in headgraph.diff(*pair).sentences() if "unrelated" in line]
        assert note in said
    assert "unrelated" not in words(headgraph.difference_figure(CUT[0], CUT[1]))
