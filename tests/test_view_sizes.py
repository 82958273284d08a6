"""What a page of a size draws as elements and what on canvases, and how high folded layers are."""

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from headgraph.analysis.view.content import Content
from headgraph.analysis.view.page import Page as Written
from tests.chromium import needs_chromium, page
from tests.tables import random_edges
from tests.test_view_large import (
    CALLS,
    EDGES,
    LINES,
    STROKED,
    SVG,
    all_edges,
    at_rest,
    drawn,
    ends,
    picture,
    saved,
)

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Page]:
    with page() as tab:
        tab.add_init_script(CALLS)
        yield tab


@pytest.fixture
def tab(browser: Page) -> Page:
    browser.set_viewport_size({"width": 1280, "height": 900})
    browser.goto("about:blank")
    browser.mouse.move(0, 0)
    return browser


@pytest.mark.parametrize("size", [(1280, 900), (390, 844)])
def test_a_folded_layer_of_many_has_room_for_its_name(
    tab: Page, size: tuple[int, int], tmp_path: Path
) -> None:
    content = Content(
        title="deep", about=["Deep."], n_layers=126, n_heads=64, edges=random_edges(126, 64, 150),
        roles={}, total=150,
    )  # fmt: skip
    tab.set_viewport_size({"width": size[0], "height": size[1]})
    tab.goto(Written(content).write(tmp_path / "v.html").as_uri() + "#fold=3")
    hub = tab.locator("#detail li small").first
    expect(hub).to_have_text("layer mean below 0.1 edges")  # of 64 heads one or two have an edge
    name = tab.get_by_text("layer 3 folded")
    box, strip = name.bounding_box(), tab.locator(".strip").bounding_box()
    assert box
    assert strip
    assert box["height"] > 8
    assert abs(box["y"] + box["height"] / 2 - strip["y"] - strip["height"] / 2) < 2
    # every second layer: strips take no more room than they leave
    last = tab.locator(".band:not(.strip)").last
    before = last.bounding_box()
    tab.locator("#folded").fill(", ".join(map(str, range(0, 126, 2))))
    tab.locator("#folded").press("Enter")
    expect(tab.locator(".strip")).to_have_count(63)
    after = last.bounding_box()
    assert before
    assert after
    assert after["height"] >= before["height"]


def test_few_heads_of_many_edges_stay_elements(tab: Page, tmp_path: Path) -> None:
    few = random_edges(12, 24, EDGES)
    content = Content(title="few", about=[], n_layers=12, n_heads=24, edges=few)
    address = Written(content).write(tmp_path / "v.html").as_uri()
    tab.goto(f"{address}#fold=3,5")
    assert tab.locator(".head").count() == 10 * 24
    gone = few["source_layer"].isin([3, 5]) | few["target_layer"].isin([3, 5])
    all_edges(tab)
    expect(tab.locator("#amount")).to_contain_text(f"{(~gone).sum():,} of 10,200 edges")
    # what is built anew looks as it did, can be reached with Tab and says what it is
    tab.locator("#folded").fill("2")
    tab.locator("#folded").press("Enter")
    name = tab.locator("text.layer").nth(4).bounding_box()
    assert name
    tab.mouse.click(name["x"] + 2, name["y"] + name["height"] / 2)
    expect(tab.locator("#folded")).to_have_value("2, 4")
    left = few[~(few["source_layer"].isin([2, 4]) | few["target_layer"].isin([2, 4]))]
    own = [set(left[[f"{end}_layer", f"{end}_head"]].itertuples(index=False, name=None))
           for end in ("source", "target")]  # fmt: skip
    assert tab.locator(".head.touched").count() == len(own[0] | own[1])
    expect(tab.locator(".head[tabindex='0']")).to_have_count(1)
    into, out = (ends(left, end, 5, 1) for end in ("target", "source"))
    words = tab.locator(".head[data-name=L5H1]").get_attribute("aria-label")
    assert words == f"L5H1, {into} in, {out} out"
    tab.locator(".head[tabindex='0']").focus()
    for _ in range(3):
        tab.keyboard.press("ArrowUp")
    expect(tab.locator(".head:focus")).to_have_attribute("data-name", "L5H0")


def test_more_lines_than_elements_stay_on_their_canvas(tab: Page, tmp_path: Path) -> None:
    """They look as elements do, move along, come away again, and are elements in a file."""
    n = LINES + 200
    content = Content(
        title="lines", about=[], n_layers=17, n_heads=24, edges=random_edges(17, 24, n),
        layers=[f"D{layer}" for layer in range(17)],
    )  # fmt: skip
    tab.goto(Written(content).write(tmp_path / "v.html").as_uri())
    all_edges(tab)
    expect(tab.locator("#folding")).to_be_visible()  # so many layers
    expect(tab.locator("#lines")).to_be_visible()
    expect(tab.locator(".edges")).to_be_hidden()
    assert drawn(tab)[STROKED] == n
    tab.locator(".head.touched .reach").first.click()
    assert tab.locator(".above path.near").count() > 10
    tab.keyboard.press("Escape")
    assert STROKED not in drawn(tab)
    for button in ("#closer", "#whole"):
        tab.locator(button).click()
        assert drawn(tab)[STROKED] == n
    on_canvas = picture(tab)
    root = ElementTree.fromstring(saved(tab, tmp_path))
    assert len(root.findall(f".//{SVG}g[@class='edges']//{SVG}path")) == n
    tab.evaluate("document.getElementById('plane').classList.remove('instead')")
    elements = picture(tab)
    tab.evaluate("document.getElementById('plane').classList.add('instead')")
    assert np.abs(on_canvas - elements).mean() < 0.005
    tab.locator("#threshold").press("Home")
    at_rest(tab)
    expect(tab.locator(".edges")).to_be_visible()
    expect(tab.locator("#lines")).to_be_hidden()
    assert np.abs(picture(tab) - elements).mean() > 0.05
    tab.locator("#folded").fill("d2-D4, 9")
    tab.keyboard.press("Enter")
    expect(tab.locator("#folded")).to_have_value("D2-D4")  # case does not matter
