"""How the page to explore looks where there is little room or much on it, and how it moves."""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from headgraph.analysis.view import view
from headgraph.base.palette import contrast
from tests.chromium import needs_chromium, page, without_messages
from tests.tables import random_table

pytestmark = needs_chromium
LINES = ".edges path.edge"
PLACED = "document.querySelector('#root').getAttribute('transform')"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("looks")
    view("gpt2-small").write(where / "gpt2.html")
    view(random_table(32, 32)).write(where / "big.html")
    return where


@pytest.fixture(scope="module")
def browser() -> Iterator[Page]:
    with page() as tab:
        yield tab


@pytest.fixture
def tab(browser: Page) -> Iterator[Page]:
    with without_messages(browser):
        yield browser
        browser.set_viewport_size({"width": 1280, "height": 900})
        browser.emulate_media(color_scheme="light", media="screen")


def show(tab: Page, path: Path, state: str = "") -> None:
    tab.goto("about:blank")
    tab.goto(f"{path.as_uri()}#{state}")


# luminance and contrast as WCAG 2.2 defines them
CONTRASTS = """() => {
  const channel = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const parts = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const color = parts(getComputedStyle(e).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
  };
  const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p);
                            return (x + 0.05) / (y + 0.05); };
  const words = [...document.querySelectorAll("header *, aside *")].filter((element) =>
    [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim()));
  const found = words.map((e) =>
    [e.textContent, ratio(parts(getComputedStyle(e).color), behind(e))]);
  const find = document.getElementById("find");
  found.push(["placeholder",
    ratio(parts(getComputedStyle(find, "::placeholder").color), behind(find))]);
  for (const text of document.querySelectorAll(".touched > text")) {
    const box = text.parentElement.querySelector(".box");
    found.push([text.textContent,
      ratio(parts(getComputedStyle(text).fill), parts(getComputedStyle(box).fill))]);
  }
  return found;
}"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_all_words_can_be_read(tab: Page, folder: Path, theme: str) -> None:
    show(tab, folder / "gpt2.html", f"place=134&theme={theme}")
    found = tab.evaluate(CONTRASTS)
    assert len(found) > 150
    assert [pair for pair in found if pair[1] < 4.5] == []


RING = """element => {
  const parts = (color) => color.match(/[\\d.]+/g).map(Number);
  const [ring, gap] = [".reach", ".box"].map((one) =>
    getComputedStyle(element.querySelector(one)).stroke);
  return [parts(ring), parts(gap), parts(getComputedStyle(document.body).backgroundColor)];
}"""


def ring_contrast(tab: Page, head: str) -> float:
    """Contrast of the ring around a head with the gap inside it, which is paper."""
    ring, gap, paper = tab.locator(head).first.evaluate(RING)
    assert gap == paper
    return contrast(*("#" + "".join(f"{part:02x}" for part in color) for color in (ring, gap)))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_focus_and_what_is_found_stand_out_from_any_colour(
    tab: Page, folder: Path, theme: str
) -> None:
    show(tab, folder / "gpt2.html", f"theme={theme}&find=induction")
    assert ring_contrast(tab, '.found[data-of="L5H1"]') > 3, "a box as blue as the ring"
    tab.locator("#find").fill("")
    tab.locator(".head[tabindex='0']").focus()
    for key in (*["ArrowUp"] * 5, "ArrowRight"):
        tab.keyboard.press(key)
    assert ring_contrast(tab, '.head[data-name="L5H1"]:focus-visible') > 3


def test_lines_that_stay_are_not_made_again(tab: Page, folder: Path) -> None:
    show(tab, folder / "gpt2.html")
    tab.evaluate("document.querySelectorAll('.edges path').forEach(path => path.old = true)")
    tab.locator("#threshold").press("ArrowRight")
    kept = tab.locator(LINES).evaluate_all("all => all.map(path => path.old ?? false)")
    assert (kept.count(True), kept.count(False)) == (102, 3)


def test_the_strongest_lie_on_top_whatever_came_first(tab: Page, folder: Path) -> None:
    show(tab, folder / "gpt2.html", "place=10")
    for key in ("End", "Home", "PageUp", "PageUp"):
        tab.locator("#threshold").press(key)
    expect(tab.locator("#plane")).not_to_have_class(re.compile(r"\bsliding\b"))
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")  # on paper all lines are elements
    places = tab.locator(LINES).evaluate_all("all => all.map(path => path.__data__.i)")
    assert places == list(reversed(range(len(places))))
    assert len(places) > 300


def test_a_search_lights_up_the_lines_of_what_it_finds(tab: Page, folder: Path) -> None:
    show(tab, folder / "gpt2.html")
    tab.locator("#find").fill("4.7")
    assert tab.locator(".above path.near").count() == 23
    show(tab, folder / "gpt2.html", "place=1000&find=L1")
    expect(tab.locator("#found")).to_have_text("36 heads")
    expect(tab.locator(".copy.found")).to_have_count(36)
    assert tab.locator(".above path.near").count() == 0, "all of them would be the graph again"


OPACITY = "getComputedStyle(document.querySelector('#graph')).opacity"


def test_a_search_that_all_heads_match_picks_out_none(tab: Page, folder: Path) -> None:
    show(tab, folder / "gpt2.html")
    tab.locator("#find").fill("L")
    expect(tab.locator("#found")).to_have_text("144 heads")
    expect(tab.locator(".copy")).to_have_count(0)
    assert tab.evaluate(OPACITY) == "1"


def test_what_is_under_the_pointer_or_has_the_focus_does_not_fade(tab: Page, folder: Path) -> None:
    show(tab, folder / "gpt2.html", "head=L4H7")
    assert tab.evaluate(OPACITY) == "0.3"
    far = tab.locator('.copy[data-of="L0H0"]')
    expect(far).to_have_count(0)
    tab.locator('.head[data-name="L0H0"]').hover()
    expect(far).to_have_class(re.compile(r"\bover\b"))
    tab.mouse.move(2, 2)
    expect(far).to_have_count(0)
    tab.locator('.head[tabindex="0"]').focus()
    for key in ("Home", *["ArrowDown"] * 4):
        tab.keyboard.press(key)
    assert tab.evaluate("document.activeElement.dataset.name") == "L0H0"
    expect(far).to_have_class(re.compile(r"\bfocused\b"))


@pytest.mark.parametrize("state", ["head=L4H7&place=600", "find=induction&place=134"])
def test_of_what_is_lit_the_strongest_lie_on_top(tab: Page, folder: Path, state: str) -> None:
    show(tab, folder / "gpt2.html", state)
    lit = tab.locator(".above path.near").evaluate_all("all => all.map(path => path.__data__.i)")
    assert lit == sorted(lit, reverse=True)
    assert len(lit) > 40
    tab.locator("#threshold").press("Home")
    tab.locator("#threshold").press("PageUp")
    lit = tab.locator(".above path.near").evaluate_all("all => all.map(path => path.__data__.i)")
    assert lit == sorted(lit, reverse=True)
    assert lit


def test_back_leads_to_the_head_before(tab: Page, folder: Path) -> None:
    show(tab, folder / "gpt2.html")
    for name in ("L4H7", "L5H1"):
        tab.locator(f'.head[data-name="{name}"]').click()
        expect(tab).to_have_url(re.compile(f"head={name}$"))
    tab.locator("#threshold").press("ArrowRight")
    expect(tab).to_have_url(re.compile("place=35&head=L5H1$"))
    tab.go_back()
    expect(tab.locator("#detail h2")).to_contain_text("L4H7")
    tab.go_back()
    expect(tab.locator("#detail h2")).to_have_text("Heads with most edges shown")


def test_an_address_is_followed_though_a_late_change_rewrites_it(tab: Page, folder: Path) -> None:
    show(tab, folder / "gpt2.html")
    # the page writes its state into the address late, perhaps before it hears of a new address
    tab.evaluate("location.hash = 'theme=dark'; history.replaceState(null, '', location.pathname)")
    expect(tab.locator("#theme")).to_have_text("Theme: dark")
    expect(tab).to_have_url(re.compile("#theme=dark$"))


def test_it_works_inside_a_notebook(tab: Page, folder: Path) -> None:
    notebook = folder / "notebook.html"
    notebook.write_text(f"<!doctype html><body>{view('gpt2-small')._repr_html_()}", "utf-8")
    show(tab, notebook)
    before = tab.evaluate("history.length")
    frame = tab.frame_locator("iframe")
    frame.locator('.head[data-name="L4H7"]').click()
    expect(frame.locator("#detail h2")).to_contain_text("L4H7")
    frame.locator("#threshold").press("ArrowRight")
    expect(frame.locator("#amount")).to_contain_text("top 35 of each")
    tab.wait_for_timeout(300)  # the address would be written by now
    assert tab.evaluate("history.length") == before


def test_keys_and_search_move_the_drawing_along(tab: Page, folder: Path) -> None:
    show(tab, folder / "gpt2.html")
    for _ in range(4):
        tab.locator("#closer").click()
    inside = """name => {
      const own = document.querySelector(`.head[data-name="${name}"]`).getBoundingClientRect();
      const all = document.querySelector("#stage").getBoundingClientRect();
      return own.left >= all.left && own.right <= all.right
        && own.top >= all.top && own.bottom <= all.bottom;
    }"""
    assert not tab.evaluate(inside, "L11H11")
    tab.locator("#find").fill("11.11")
    tab.locator("#find").press("Enter")
    assert tab.evaluate(inside, "L11H11")
    for key in ("Home", *["ArrowDown"] * 11):
        tab.keyboard.press(key)
    assert tab.evaluate("document.activeElement.dataset.name") == "L0H0"
    assert tab.evaluate(inside, "L0H0")


def test_the_wheel_zooms_to_what_is_under_it(tab: Page, folder: Path) -> None:
    show(tab, folder / "gpt2.html")
    middle = """() => {
      const box = document.querySelector('.head[data-name="L4H7"] .box').getBoundingClientRect();
      return [box.x + box.width / 2, box.y + box.height / 2, box.width];
    }"""
    x, y, width = tab.evaluate(middle)
    before = tab.evaluate(PLACED)
    tab.mouse.move(x, y)
    for _ in range(5):
        tab.mouse.wheel(0, -100)
    expect(tab.locator("#root")).not_to_have_attribute("transform", before)
    now = tab.evaluate(middle)
    assert now[2] > 1.5 * width
    assert now[:2] == pytest.approx([x, y], abs=1)
    tab.locator("#whole").click()
    assert tab.evaluate(PLACED) == before


@pytest.mark.parametrize("name", ["gpt2", "big"])
@pytest.mark.parametrize("width", [390, 1280])
def test_names_on_the_axes_stay_legible_and_apart(
    tab: Page, folder: Path, name: str, width: int
) -> None:
    tab.set_viewport_size({"width": width, "height": 844})
    show(tab, folder / f"{name}.html")
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    for kind, side in (("layer", "y"), ("index", "x")):
        boxes = tab.locator(f"text.{kind}").evaluate_all(
            "all => all.filter(text => text.textContent).map(text => {"
            " const box = text.getBoundingClientRect();"
            " return {x: box.x, y: box.y, right: box.right, width: box.width, height: box.height}})"
        )
        assert len(boxes) >= 4
        assert min(box["height"] for box in boxes) >= 9
        assert min(box["x"] for box in boxes) >= 0
        size = {"x": "width", "y": "height"}[side]
        ordered = sorted(boxes, key=lambda box: box[side])
        gaps = [b[side] - a[side] - 0.8 * a[size] for a, b in pairwise(ordered)]
        assert min(gaps) >= 0


def test_names_too_small_to_read_wait_until_one_is_closer(tab: Page, folder: Path) -> None:
    tab.set_viewport_size({"width": 390, "height": 844})
    show(tab, folder / "gpt2.html")
    name = tab.locator('.touched[data-name="L4H7"] > text')
    expect(name).to_be_hidden()
    tab.locator("#closer").click()
    expect(name).to_be_visible()


def test_few_heads_do_not_fill_the_screen(tab: Page, folder: Path) -> None:
    show(tab, view(random_table(2, 2)).write(folder / "few.html"))
    box = tab.locator(".touched .box").first.bounding_box()
    assert box
    assert box["height"] < 30
    assert tab.locator("#roles").is_hidden(), "no roles, nothing to choose"


def test_a_hub_lists_its_strongest_edges(tab: Page, folder: Path) -> None:
    show(tab, folder / "gpt2.html", "place=1000&head=L4H7")
    titles = tab.locator("#detail h3").all_inner_texts()
    numbers = [int(re.findall(r"\((\d+) edges? shown\)", title)[0]) for title in titles]
    assert max(numbers) > 50
    # rows below what is in sight come at rest
    expect(tab.locator("#detail li")).to_have_count(sum(min(number, 50) for number in numbers))
    expect(tab.locator("#detail ul + p").first).to_have_text(re.compile(r"^and \d+ weaker edges?$"))


def test_on_paper_there_are_no_controls(tab: Page, folder: Path) -> None:
    show(tab, folder / "gpt2.html")
    tab.emulate_media(media="print")
    for name in ("#find", "#threshold", "#tools", "#pairings input"):
        expect(tab.locator(name).first).to_be_hidden()
    for name in ("h1", "#graph", "#pairings", "#amount"):
        expect(tab.locator(name)).to_be_visible()
    tab.evaluate("location.hash = 'theme=dark'")
    expect(tab.locator("#theme")).to_have_text("Theme: dark")
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


# where the stage and the drawing stand while the page is printed
PRINTED = """() => matchMedia("print").addEventListener("change", ({ matches }) => {
  const [stage, drawing] = ["#stage", ".bands"]
    .map((name) => document.querySelector(name).getBoundingClientRect());
  if (matches) window.printed = [drawing.left - stage.left, drawing.top - stage.top,
    stage.right - drawing.right, stage.bottom - drawing.bottom];
})"""


def test_on_paper_no_part_of_the_drawing_is_cut_off(tab: Page, folder: Path) -> None:
    tab.emulate_media(media="null")
    show(tab, folder / "gpt2.html")
    tab.evaluate(PRINTED)
    tab.pdf()
    assert all(room > 0 for room in tab.evaluate("printed"))


def test_columns_of_pk_have_one_number_of_decimals(tab: Page, folder: Path) -> None:
    show(tab, folder / "gpt2.html", "head=L4H7&place=1000")
    for column in tab.locator("#detail ul").all():
        expect(column.locator("b").nth(40)).to_be_attached()  # rows out of sight come at rest
        figures = column.locator("b").all_inner_texts()
        assert {len(figure.partition(".")[2]) for figure in figures} == {2}
        values = [float(figure) for figure in figures]
        assert values == sorted(values, reverse=True)
        assert len(set(values)) > 10
