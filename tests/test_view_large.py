"""A page of more heads and edges than a browser holds as elements: canvases, folding, its file."""

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread
from playwright.sync_api import Page, expect

from headgraph.analysis.view.content import Content
from headgraph.analysis.view.page import Page as Written
from tests.chromium import needs_chromium, page
from tests.tables import random_edges

pytestmark = needs_chromium
LAYERS, HEADS, EDGES = 20, 104, 10_200
LINES = 3000
SVG = "{http://www.w3.org/2000/svg}"
PLACE = """(name) => {
  const head = JSON.parse(document.getElementById("data").textContent)
    .heads.find((head) => head.name === name);
  const at = new DOMPoint(head.x, head.y)
    .matrixTransform(document.getElementById("root").getScreenCTM());
  return [at.x, at.y];
}"""
# the opacity of each point, kept in the page, as hundreds of thousands of numbers are slow to send
KEEP = """([id, name]) => {
  const sheet = document.getElementById(id);
  const copy = new OffscreenCanvas(sheet.width, sheet.height)
    .getContext("2d", { willReadFrequently: true });
  copy.drawImage(sheet, 0, 0);
  const { data } = copy.getImageData(0, 0, sheet.width, sheet.height);
  window[name] = data.filter((_, i) => i % 4 === 3);
  return window[name].reduce((sum, one) => sum + one, 0);
}"""
SAME = "([one, other]) => window[one].every((value, i) => value === window[other][i])"
ALONG = """() => {
  const sheet = document.getElementById("shading");
  const stage = sheet.getBoundingClientRect();
  return [...document.querySelectorAll(".above path.near")].map((path) => {
    const at = path.getPointAtLength(path.getTotalLength() * 0.3)
      .matrixTransform(path.getScreenCTM());
    const x = Math.floor((at.x - stage.x) * sheet.width / stage.width);
    const y = Math.floor((at.y - stage.y) * sheet.height / stage.height);
    const near = [-1, 0, 1].flatMap((down) => [-1, 0, 1].map((across) =>
      window.all[(y + down) * sheet.width + x + across]));
    return [path.__data__.i, Math.max(...near)];
  });
}"""
# what is done on each canvas, as "id method": number of calls
CALLS = """
window.calls = {};
for (const name of ["clearRect", "fillRect", "fill", "stroke", "putImageData"]) {
  const own = CanvasRenderingContext2D.prototype[name];
  CanvasRenderingContext2D.prototype[name] = function (...all) {
    const key = `${this.canvas.id} ${name}`;
    window.calls[key] = (window.calls[key] ?? 0) + 1;
    return own.apply(this, all);
  };
}
"""
# clicks on a place, and what stands there before anything else can happen
CLICK = """([x, y, query]) => {
  document.getElementById("graph").dispatchEvent(
    new MouseEvent("click", { bubbles: true, view: window, clientX: x, clientY: y }));
  return document.querySelectorAll(query).length;
}"""
STROKED = " stroke"  # lines are drawn on a canvas that is not on the page, and copied from there
ROWS = "#detail li.edge-row"


@pytest.fixture(scope="module")
def edges() -> pd.DataFrame:
    return random_edges(LAYERS, HEADS, EDGES)


@pytest.fixture(scope="module")
def address(edges: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> str:
    first = edges["source_layer"][0], edges["source_head"][0]
    content = Content(
        title="large", about=["Large."], n_layers=LAYERS, n_heads=HEADS, edges=edges,
        roles={(3, 5): ("induction",), first: ("identity", "previous_token", "s_inhibition")},
        total=EDGES,
    )  # fmt: skip
    return Written(content).write(tmp_path_factory.mktemp("large") / "v.html").as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[Page]:
    with page() as tab:
        tab.add_init_script(CALLS)
        yield tab


@pytest.fixture
def tab(browser: Page, address: str) -> Iterator[Page]:
    said: list[str] = []
    hear = {"pageerror": lambda error: said.append(str(error)),
            "console": lambda message: said.append(message.text)}  # fmt: skip
    for name, ear in hear.items():
        browser.on(name, ear)
    browser.goto("about:blank")
    browser.goto(address)
    yield browser
    browser.mouse.move(0, 0)
    for name, ear in hear.items():
        browser.remove_listener(name, ear)
    assert said == []


def at_rest(tab: Page) -> None:
    expect(tab.locator("#plane")).not_to_have_class(
        re.compile(r"\b(counting|sliding|moving|drawing)\b")
    )


def all_edges(tab: Page) -> None:
    tab.locator("#threshold").press("End")
    at_rest(tab)


def ends(edges: pd.DataFrame, end: str, layer: int, head: int) -> int:
    return int(((edges[f"{end}_layer"] == layer) & (edges[f"{end}_head"] == head)).sum())


def name_of(row: pd.Series, end: str) -> str:
    return f"L{row[f'{end}_layer']}H{row[f'{end}_head']}"


def test_only_what_has_the_focus_is_an_element(tab: Page, edges: pd.DataFrame) -> None:
    assert tab.locator(".head").count() == 1
    tab.locator(".head").focus()
    for key, name in (("ArrowRight", "L0H1"), ("ArrowUp", "L1H1"), ("End", f"L1H{HEADS - 1}")):
        tab.keyboard.press(key)
        head = tab.locator(".head:focus")
        expect(head).to_have_attribute("data-name", name)
        expect(head).to_have_attribute("aria-label", re.compile(rf"^{name}, \d+ in, \d+ out$"))
        expect(head.locator(".reach")).to_be_visible()
    assert tab.locator(".head[tabindex='0']").count() == 1


def test_a_click_lists_and_draws_the_edges_of_a_head(tab: Page, edges: pd.DataFrame) -> None:
    all_edges(tab)
    row = edges.iloc[-1]
    name = name_of(row, "target")
    own = row["target_layer"], row["target_head"]
    tab.mouse.click(*tab.evaluate(PLACE, name))
    expect(tab.locator("#detail h2")).to_have_text(name)
    into, out = (ends(edges, end, *own) for end in ("target", "source"))
    expect(tab.locator("#detail h3").first).to_have_text(f"Could read ({into} edges shown)")
    expect(tab.locator("#detail h3").nth(1)).to_have_text(f"Could be read by ({out} edges shown)")
    assert tab.locator(".above path.near").count() == into + out
    assert tab.locator(f".copy[data-of={name}]").count() == 1
    expect(tab.locator(f".head[data-name={name}]")).to_have_attribute("aria-pressed", "true")
    x, y = tab.evaluate(PLACE, name)
    tab.mouse.click(x, y + 3)  # below the box, which is four pixels high
    expect(tab.locator("#detail h2")).to_have_text("Heads with most edges shown")
    assert tab.evaluate(CLICK, [x, y + 3, "[aria-pressed=true]"]) == 1
    assert tab.evaluate(CLICK, [x, y + 7, "[aria-pressed=true]"]) == 0, "the next row is farther"


def test_figures_of_a_packed_edge_are_those_of_the_table(tab: Page, edges: pd.DataFrame) -> None:
    row = edges.iloc[0]
    tab.locator("#find").fill(name_of(row, "source"))
    tab.locator("#find").press("Enter")
    line = tab.locator("#detail li button").filter(has_text=name_of(row, "target")).first
    line.hover()
    words = tab.locator("#tip dl").inner_text()
    assert f"{row['pk']:.4g}" in words
    assert "place in its pairing\n1\n" in words
    assert "key/value" not in words
    assert "share" not in words


def test_weaker_edges_are_shading_and_all_are_counted(tab: Page, edges: pd.DataFrame) -> None:
    assert tab.evaluate(KEEP, ["shading", "none"]) == 0
    all_edges(tab)
    expect(tab.locator("#amount")).to_contain_text("10,200 edges")
    expect(tab.locator("#undrawn")).to_have_text(
        f"3,000 strongest as lines, the other {EDGES - LINES:,} as shading"
    )
    assert drawn(tab)[STROKED] == LINES
    assert tab.evaluate(KEEP, ["shading", "all"]) > 0
    # the lines of a selected head are drawn by the browser: the shading has points along each
    hubs = edges.iloc[LINES:].value_counts(["source_layer", "source_head"])
    tab.mouse.click(*tab.evaluate(PLACE, name_of(hubs.reset_index().iloc[0], "source")))
    shaded = [opacity for i, opacity in tab.evaluate(ALONG) if i >= LINES]
    assert len(shaded) > 5
    assert min(shaded) > 0


def test_lines_taken_away_leave_no_trace(tab: Page) -> None:
    slider = tab.locator("#threshold")
    places = int(slider.get_attribute("max") or 0)
    slider.fill(str(places - 5))
    at_rest(tab)
    assert tab.evaluate(KEEP, ["shading", "before"]) > 0
    all_edges(tab)
    tab.evaluate(KEEP, ["shading", "all"])
    slider.fill(str(places - 5))
    at_rest(tab)
    tab.evaluate(KEEP, ["shading", "again"])
    assert not tab.evaluate(SAME, ["before", "all"])
    assert tab.evaluate(SAME, ["before", "again"])
    slider.fill("0")
    at_rest(tab)
    assert tab.evaluate(KEEP, ["shading", "none"]) == 0


def saved(tab: Page, folder: Path) -> str:
    with tab.expect_download() as waiting:
        tab.locator("#save").click()
    waiting.value.save_as(folder / "v.svg")
    return (folder / "v.svg").read_text("utf-8")


def test_folded_layers_are_counted_and_come_back(
    tab: Page, edges: pd.DataFrame, tmp_path: Path
) -> None:
    all_edges(tab)
    tab.locator("#folded").fill("2-4, 19, 77, x")
    tab.locator("#folded").press("Enter")
    at_rest(tab)
    gone = edges["source_layer"].isin([2, 3, 4, 19]) | edges["target_layer"].isin([2, 3, 4, 19])
    expect(tab.locator("#undrawn")).to_contain_text(
        f"not drawn: 4 folded layers, {4 * HEADS} heads, {gone.sum():,} edges"
    )
    expect(tab.locator("#folded")).to_have_value("2-4, 19")
    expect(tab.locator("#amount")).to_contain_text(f"{(~gone).sum():,} of 10,200 edges")
    tab.wait_for_url("**fold=2-4%2C19*")
    assert tab.locator(".strip").count() == 2
    assert "layers 2–4, 19 folded" in saved(tab, tmp_path)
    assert "layers 2–4 folded" in tab.locator("text.layer").all_text_contents()
    # the first folded strip, then the name of layer 0
    box = tab.locator(".strip").first.bounding_box()
    assert box
    tab.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(tab.locator("#folded")).to_have_value("19")
    assert "layer 19 folded" in saved(tab, tmp_path)
    name = tab.locator("text.layer").first.bounding_box()
    assert name
    tab.mouse.click(name["x"] + 2, name["y"] + name["height"] / 2)
    expect(tab.locator("#folded")).to_have_value("0, 19")
    # a head that is looked for is not left folded away
    tab.locator("#find").fill("19.3")
    tab.locator("#find").press("Enter")
    expect(tab.locator(".head:focus")).to_have_attribute("data-name", "L19H3")
    expect(tab.locator("#folded")).to_have_value("0")


def test_the_saved_picture_has_all_heads_and_the_shading(tab: Page, tmp_path: Path) -> None:
    all_edges(tab)
    root = ElementTree.fromstring(saved(tab, tmp_path))
    heads = root.find(f".//{SVG}g[@class='heads']")
    assert heads is not None
    assert len(heads.findall(f"{SVG}rect")) + len(heads.findall(f"{SVG}circle")) == LAYERS * HEADS
    assert heads.findall(f"{SVG}text") == [], "squares are too small for names"
    (image,) = root.iter(f"{SVG}image")
    assert str(image.get("href")).startswith("data:image/png;base64,")
    assert len(root.findall(f".//{SVG}g[@class='edges']//{SVG}path")) == LINES
    words = " ".join(text.text or "" for text in root.iter(f"{SVG}text"))
    assert f"Drawn: 3,000 strongest as lines, the other {EDGES - LINES:,} as shading." in words
    # words below the drawing are as large as the names on its axes
    (below,) = [g for g in root.iter(f"{SVG}g") if "PK\u00a0≥" in (g.findtext(f"{SVG}text") or "")]
    unit = float(re.findall(r"scale\((.*)\)", below.get("transform", ""))[0])
    (size,) = {text.get("font-size") for text in root.iter(f"{SVG}text") if text.text == "15"}
    assert unit * 11 == pytest.approx(float(str(size).removesuffix("px")), abs=0.1)
    assert unit > 2


def test_a_file_saved_from_close_has_names_and_stripes(tab: Page, tmp_path: Path) -> None:
    for _ in range(4):
        tab.locator("#closer").click()
    expect(tab.locator("#plane")).to_have_class(re.compile(r"\bcloser\b"))
    root = ElementTree.fromstring(saved(tab, tmp_path))
    texts = root.findall(f".//{SVG}g[@class='heads']/{SVG}text")
    boxes = root.findall(f".//{SVG}g[@class='heads']/{SVG}rect[@rx]")
    assert len(texts) == len(boxes) > 150
    stripes = root.findall(f".//{SVG}rect[@class='stripe']")
    assert len({stripe.get("fill") for stripe in stripes}) == len(stripes) == 2
    assert len({text.get("font-weight") for text in texts}) == 2


def picture(tab: Page) -> np.ndarray:
    return np.asarray(imread(BytesIO(tab.locator("#stage").screenshot()))[..., :3])


def test_paper_has_the_colours_of_paper(tab: Page) -> None:
    """Lines, shading and heads, in the colours that a light page has."""
    all_edges(tab)
    looks = {}
    for theme in ("light", "dark"):
        tab.evaluate("theme => { location.hash = `place=999999&theme=${theme}`; }", theme)
        expect(tab.locator("#theme")).to_have_text(f"Theme: {theme}")
        at_rest(tab)
        looks[theme] = picture(tab)
    apart = np.abs(looks["light"] - looks["dark"]).mean()
    assert apart > 0.3
    for kind, theme in (("beforeprint", "light"), ("afterprint", "dark")):
        tab.evaluate("kind => dispatchEvent(new Event(kind))", kind)
        at_rest(tab)
        assert np.abs(picture(tab) - looks[theme]).mean() < 0.01 * apart


def test_paper_has_the_heads_as_pixels(tab: Page) -> None:
    """Chromium prints their clearing too if they are not, and then nothing that is below."""
    all_edges(tab)
    images = []
    for theme in ("light", "dark"):
        tab.evaluate("theme => { location.hash = `place=999999&theme=${theme}`; }", theme)
        expect(tab.locator("#theme")).to_have_text(f"Theme: {theme}")
        at_rest(tab)
        images.append(tab.pdf().count(b"/Subtype /Image"))
    assert images[0] == images[1] > 0


def drawn(tab: Page) -> dict[str, int]:
    """What was done on canvases since this was called before, once all is at rest."""
    at_rest(tab)
    calls: dict[str, int] = tab.evaluate("() => { const all = calls; calls = {}; return all; }")
    return calls


def test_what_has_the_focus_is_drawn_above_all_that_stays(tab: Page, edges: pd.DataFrame) -> None:
    """A click draws its neighbours; the pointer and a step of the slider, what they change."""
    all_edges(tab)
    assert drawn(tab)["boxes fillRect"] >= LAYERS * HEADS
    row = edges.iloc[0]
    own = row["target_layer"], row["target_head"]
    tab.mouse.click(*tab.evaluate(PLACE, name_of(row, "target")))
    expect(tab.locator("#detail h2")).to_have_text(name_of(row, "target"))
    near = {*ends_of(edges, "target", own, "source"), *ends_of(edges, "source", own, "target")}
    calls = drawn(tab)
    assert {key.partition(" ")[0] for key in calls} == {"glow"}
    assert calls["glow fillRect"] == len(near) + 1
    tab.keyboard.press("Escape")
    drawn(tab)
    tab.mouse.move(*tab.evaluate(PLACE, name_of(row, "source")))
    expect(tab.locator("#tip")).to_be_visible()
    assert drawn(tab) == {}
    tab.locator("#threshold").press("Home")
    drawn(tab)
    for _ in range(3):  # the second of them begins a movement
        tab.locator("#threshold").press("ArrowRight")
    calls = drawn(tab)
    new = int(tab.locator("#amount").inner_text().split(": ")[1].split(" ")[0]) - 3
    assert 0 < calls["boxes clearRect"] <= 2 * new < 50
    assert "shading putImageData" not in calls


def ends_of(edges: pd.DataFrame, at: str, head: tuple[int, int], end: str) -> set[tuple[int, int]]:
    """The heads at the other end of a head's edges."""
    own = edges[(edges[f"{at}_layer"] == head[0]) & (edges[f"{at}_head"] == head[1])]
    return {*zip(own[f"{end}_layer"], own[f"{end}_head"], strict=True)}


def test_rows_in_sight_come_first_and_are_used_again(tab: Page, edges: pd.DataFrame) -> None:
    all_edges(tab)
    hubs = edges.value_counts(["target_layer", "target_head"]).index[:2]
    listed = [[min(ends(edges, end, *hub), 50) for end in ("target", "source")] for hub in hubs]
    for hub, rows in zip(hubs, listed, strict=True):
        tab.evaluate("rows => document.querySelectorAll(rows).forEach(li => li.old = true)", ROWS)
        place = tab.evaluate(PLACE, "L{}H{}".format(*hub))
        assert tab.evaluate(CLICK, [*place, ROWS]) == 36 < sum(rows)
        kept = tab.locator(ROWS).evaluate_all("all => all.filter(li => li.old).length")
        expect(tab.locator(ROWS)).to_have_count(sum(rows))
    (into, out), (new, _) = listed
    seen = min(new, 36)
    assert kept == min(into, seen) + min(out, 36 - seen) > 30
    for box in tab.locator("#detail ul").all():
        values = [float(value) for value in box.locator("b").all_inner_texts()]
        assert values == sorted(values, reverse=True)
    first = tab.locator(ROWS).first
    first.hover()
    expect(tab.locator("#tip strong")).to_contain_text(first.locator("strong").inner_text())
    tab.mouse.move(5, 5)
    expect(tab.locator("#tip")).to_be_hidden()
    other = first.locator("strong").inner_text()
    first.click()
    expect(tab.locator("#detail h2")).to_have_text(other)


def test_heads_that_stand_out_are_on_a_canvas(tab: Page) -> None:
    assert tab.evaluate(KEEP, ["glow", "none"]) == 0
    tab.locator("#find").fill("L1")
    expect(tab.locator("#found")).to_have_text(f"{11 * HEADS:,} heads")
    expect(tab.locator(".copy.found")).to_have_count(0)
    many = tab.evaluate(KEEP, ["glow", "many"])
    tab.locator("#find").fill("induction")
    expect(tab.locator(".copy.found")).to_have_count(1)
    assert 0 < tab.evaluate(KEEP, ["glow", "one"]) < many / 100
    tab.keyboard.press("Escape")
    assert tab.evaluate(KEEP, ["glow", "none"]) == 0
