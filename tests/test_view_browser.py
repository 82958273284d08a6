"""The page to explore in a real browser: slider, filters, search, pointer, keys, address, file."""

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from playwright.sync_api import Page, Request, expect

from benchmarks.null_simulations import independent, save
from headgraph.analysis.view import view
from headgraph.pk_engine import Selection, compute
from headgraph.pk_engine.labels import labels_for
from headgraph.pk_engine.table.sources import read_table
from tests.analysis.test_view import HOSTILE
from tests.chromium import needs_chromium, page, without_messages
from tests.tables import random_table

pytestmark = needs_chromium
LINES = ".edges path.edge"
NEAR = ".above path.near"
CHANCE = (
    "PK of random subspaces: 5.333 (sd 0.11); maximum 64. "
    "Trained heads can exceed the random value without any function."
)
IDENTITY = ["L0H1", "L0H3", "L0H4", "L0H5", "L1H11", "L4H7"]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    return view("gpt2-small").write(tmp_path_factory.mktemp("view") / "v.html").as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[Page]:
    with page() as tab:
        yield tab


@pytest.fixture
def tab(browser: Page, address: str) -> Iterator[Page]:
    """The page as it opens; afterwards nothing was asked for and nothing went wrong."""
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url.partition(":")[0])

    browser.on("request", note)
    with without_messages(browser):
        browser.goto("about:blank")
        browser.goto(address)
        yield browser
    browser.remove_listener("request", note)
    assert set(asked) <= {"file", "blob", "about"}


def lines(tab: Page) -> int:
    """Lines at rest: while the slider moves they are on a canvas, and more than 300 stay there."""
    plane = tab.locator("#plane")
    expect(plane).not_to_have_class(re.compile(r"\b(sliding|drawing)\b"))
    many = tab.locator("#plane.instead").count() == 1
    for kind in ("beforeprint", "afterprint") if many else ():  # on paper they are elements
        tab.evaluate("kind => dispatchEvent(new Event(kind))", kind)
    assert (tab.locator(LINES).count() > 300) == many
    return tab.locator(LINES).count()


def slide(tab: Page, place: int) -> None:
    tab.locator("#threshold").fill(str(place - 1))


def head(tab: Page, name: str) -> None:
    tab.locator(f'.head[data-name="{name}"]').click()


def test_the_slider_says_how_many_lines_there_are(tab: Page) -> None:
    assert lines(tab) == 102
    slide(tab, 10)
    assert lines(tab) == 30
    expect(tab.locator("#amount")).to_have_text(
        re.compile(r"^top 10 of each pairing: 30 of 3,000 edges, PK\u00a0≥\u00a0\d\d\.\d\d$")
    )
    slide(tab, 1000)
    assert lines(tab) == 3000
    tab.locator("#threshold").press("ArrowLeft")
    assert lines(tab) == 2997


def test_hubs_of_random_weights_may_be_chance(tab: Page, tmp_path: Path) -> None:
    """A model of independent weights shows the sentence and the share; GPT-2 does not."""
    expect(tab.locator("#detail h2")).to_have_text("Heads with most edges shown")
    assert tab.locator("p.chance").count() == 0
    first = tab.locator("#detail li").first
    expect(first.locator("strong")).to_have_text("L4H7")
    edges = read_table("gpt2-small").frame
    edges = edges[edges["pk_rank"] <= lines(tab) // 3]
    own = [(edges[end] == "L4H7").sum() for end in ("target", "source")]
    layer = sum((edges[f"{end}_layer"] == 4).sum() for end in ("target", "source"))
    expect(first.locator("b")).to_have_text(f"{own[0]} in, {own[1]} out")
    expect(first.locator("small")).to_have_text(f"copying −1.00; layer mean {layer / 12:.1f} edges")
    table = compute(save(independent(np.random.default_rng(0)), tmp_path), selection=Selection())
    strongest = table.frame[table.frame["pk_rank"] <= 40].groupby("pairing")
    shares = (1 + strongest["decoys"].max()) / strongest.size()
    tab.goto(view(table).write(tmp_path / "random.html").as_uri())
    slide(tab, 40)
    expect(tab.locator("p.chance")).to_have_text(
        f"Decoys are {100 * shares.mean():.0f} % of the pairs shown, so this order may be chance."
    )


def into_induction(place: int) -> int:
    """How many of the strongest pairs of each pairing end in an induction head."""
    table = read_table("gpt2-small")
    labels = labels_for(table.meta)
    heads = labels[labels["role"] == "induction"][["layer", "head"]].drop_duplicates()
    heads = heads.set_axis(["target_layer", "target_head"], axis=1)
    return len(table.frame.query("pk_rank <= @place").merge(heads))


def test_wider_is_stronger(tab: Page) -> None:
    slide(tab, 1000)
    lines(tab)
    widths = tab.locator(f"{LINES}.p1").evaluate_all(
        "paths => paths.map(path => [path.__data__.place, +path.getAttribute('stroke-width')])"
    )
    by_place = [width for _, width in sorted(widths)]
    assert by_place == sorted(by_place, reverse=True)
    assert by_place[0] > 3 * by_place[-1]


def test_pairings_and_roles_filter(tab: Page) -> None:
    tab.locator("#pairings input[value=OQ]").uncheck()
    assert lines(tab) == 68
    assert tab.locator(f"{LINES}.p0").count() == 0
    tab.locator("#roles input[value=identity]").check()
    few = lines(tab)
    assert 0 < few < 68
    touching = tab.locator(LINES).evaluate_all(
        "paths => paths.every(p => [p.__data__.source, p.__data__.target]"
        f".some(h => {IDENTITY}.includes(h.name)))"
    )
    assert touching
    sides = {}
    for side, ends in {"into": ["target"], "out": ["source"]}.items():
        tab.locator("#side").select_option(side)
        sides[side] = lines(tab)
        assert set(tab.locator(LINES).evaluate_all(
            f"paths => paths.map(p => p.__data__.{ends[0]}.name)"
        )) <= set(IDENTITY)  # fmt: skip
    assert sides["into"] + sides["out"] >= few > max(sides.values()) > 0
    tab.locator("#side").select_option("touching")
    tab.locator("#roles input[value=identity]").uncheck()
    assert lines(tab) == 68
    for name in ("OK", "OV"):
        tab.locator(f"#pairings input[value={name}]").uncheck()
    expect(tab.locator("#nothing")).to_have_text("No edge passes these filters.")
    tab.locator("#reset").click()
    assert lines(tab) == 102


def test_search_finds_heads_and_roles(tab: Page) -> None:
    find = tab.locator("#find")
    for text, names in {"l4h7": ["L4H7"], "4.7": ["L4H7"], "4 h 7": ["L4H7"]}.items():
        find.fill(text)
        found = tab.locator(".copy.found").evaluate_all("all => all.map(h => h.dataset.of)")
        assert found == names, text
    find.fill("duplicate")
    expect(tab.locator("#found")).to_have_text("3 heads")
    find.fill("name mover")
    expect(tab.locator("#found")).to_have_text("3 heads")  # and no backup or negative name mover
    find.fill("name_mover")
    expect(tab.locator("#found")).to_have_text("3 heads")
    find.fill("mover")
    expect(tab.locator("#found")).not_to_have_text("3 heads")
    find.fill("eraser")
    expect(tab.locator("#found")).to_have_text("5 heads")
    find.fill("L99H1")
    expect(tab.locator("#found")).to_have_text("no such head")
    find.fill("L4H7")
    find.press("Enter")
    expect(tab.locator("#detail h2")).to_contain_text("L4H7")
    expect(tab.locator('.head[data-name="L4H7"]')).to_be_focused()


def test_the_pointer_gives_figures(tab: Page) -> None:
    tip = tab.locator("#tip")
    tab.locator('.head[data-name="L4H7"]').hover()
    expect(tip).to_contain_text("identity")
    expect(tip).to_contain_text("edges in7edges out16")
    expect(tip).to_contain_text("derived from its weights: eraser")
    slide(tab, 1)
    x, y = tab.locator(f"{LINES}.p1").evaluate(
        "path => { const p = path.getPointAtLength(path.getTotalLength() * 0.4)"
        ".matrixTransform(path.getScreenCTM()); return [p.x, p.y]; }"
    )
    tab.mouse.move(x, y)
    # the strongest OK pair, as the paper prints it
    expect(tip).to_contain_text("L4H11 → L5H1OK: output read as key")
    expect(tip).to_contain_text("PK39.33")
    expect(tip).to_contain_text("place in its pairing1")
    tab.mouse.move(30, 700)
    expect(tip).to_be_hidden()


def test_a_click_shows_what_a_head_reads_and_writes(tab: Page) -> None:
    head(tab, "L4H7")
    assert tab.locator(NEAR).count() == 23
    expect(tab.locator("#detail h3").first).to_have_text("Could read (7 edges shown)")
    expect(tab.locator("#detail h3").nth(1)).to_have_text("Could be read by (16 edges shown)")
    expect(tab.locator("#detail li")).to_have_count(23)
    first = "document.querySelector('aside').firstElementChild.id"
    assert tab.evaluate(first) == "detail", "what was clicked for comes first"
    expect(tab.locator("#detail")).to_contain_text("eraser: writes the negative of what it reads")
    assert tab.locator("#detail dl").inner_text().split() == [
        "copying", "−0.9985", "self-overlap", "0.8411",
    ]  # fmt: skip
    other = tab.locator("#detail li").first.locator("strong").inner_text()
    tab.locator("#detail li button").first.click()
    expect(tab.locator("#detail h2")).to_contain_text(other)
    tab.keyboard.press("Escape")
    assert tab.locator(NEAR).count() == 0
    expect(tab.locator("#detail h2")).to_have_text("Heads with most edges shown")
    assert tab.evaluate(first) != "detail"


def test_the_share_of_decoys_is_that_of_the_threshold_whatever_roles_are_chosen(tab: Page) -> None:
    """At the top 3 % of each pairing, 286 of 9,504: OQ 18 %, OK 26 %, OV 48 %."""
    slide(tab, 286)
    tab.locator("#roles input[value=identity]").check()
    words = tab.locator("#pairings small").all_inner_texts()
    assert words == [
        "PK ≥ 12.26, decoys 18 % (neighbouring layers 22 %)",
        "PK ≥ 10.79, decoys 26 % (neighbouring layers 26 %)",
        "PK ≥ 10.44, decoys 48 % (neighbouring layers 58 %)",
    ]
    # as 13, 9 and 10 of the 20 strongest pairs are, and 2, 0 and 6 backward pairs as strong
    slide(tab, 20)
    words = tab.locator("#pairings small").all_inner_texts()
    shares = [re.search(r"neighbouring layers (\d+) %", word)[1] for word in words]
    assert shares == [f"{100 * share:.0f}" for share in (3 / 13, 1 / 9, 7 / 10)]
    # of a pair that no backward pair reaches, 1 / 1 is an upper bound
    slide(tab, 1)
    words = [word.split("decoys ")[1] for word in tab.locator("#pairings small").all_inner_texts()]
    assert words == ["at most 100 %", "at most 100 %", "300 %"]
    expect(tab.locator("#marks")).to_contain_text(CHANCE)


def test_a_page_states_each_level_of_chance(browser: Page, address: str, tmp_path: Path) -> None:
    text = Path(address.removeprefix("file://")).read_text("utf-8")
    first, mark = re.findall(r'("chance": ?\[\[.*?\], ?)(\[.*?\])', text)[0]
    file = tmp_path / "levels.html"
    file.write_text(text.replace(first + mark, f"{first}[4.0, 0.5, 32.0]"), "utf-8")
    browser.goto(file.as_uri())
    expect(browser.locator("#marks")).to_contain_text(
        "PK of random subspaces: OQ, OV 5.333 (sd 0.11); OK 4 (sd 0.50); maximum 64. Trained"
    )


def test_a_head_under_the_pointer_lights_its_edges(tab: Page) -> None:
    own = ".pointed path.own"
    tab.locator('.head[data-name="L4H7"]').hover()
    arrows = tab.locator(own).evaluate_all("all => all.map(p => p.getAttribute('d')).join('')")
    assert arrows.count("C") == 23
    expect(tab.locator("#plane")).to_have_class(re.compile(r"\bpointing\b"))
    tab.mouse.move(30, 890)
    assert tab.locator(own).count() == 0
    expect(tab.locator("#plane")).not_to_have_class(re.compile(r"\bpointing\b"))


def test_a_line_ends_in_an_arrow_at_its_target(tab: Page) -> None:
    tips = tab.locator(LINES).evaluate_all(
        "paths => paths.map(p => [p.getAttribute('d').split('L')[1], p.__data__.curve.slice(6)])"
    )
    assert len(tips) == 102
    for tip, end in tips:
        assert [float(part) for part in tip.split(",")] == pytest.approx(end, abs=0.051)


def test_headings_go_down_a_level_at_a_time(tab: Page) -> None:
    levels = (
        "() => [...document.querySelectorAll('h1, h2, h3, h4, h5, h6')].map(h => +h.tagName[1])"
    )
    assert tab.evaluate(levels) == [1, 2]
    looks = "h => [getComputedStyle(h).fontSize, getComputedStyle(h).color]"
    hubs = tab.locator("#detail h2").evaluate(looks)
    head(tab, "L4H7")
    assert tab.evaluate(levels) == [1, 2, 3, 3]
    assert tab.locator("#detail h3").first.evaluate(looks) == hubs, "titles of lists look alike"


def test_all_of_it_works_with_keys(tab: Page) -> None:
    tab.locator("#reset").focus()
    tab.keyboard.press("Tab")
    tab.keyboard.press("Tab")  # the drawing has one stop: a head
    focused = "document.activeElement.dataset.name"
    if tab.evaluate(focused) is None:
        tab.keyboard.press("Shift+Tab")
    assert tab.evaluate(focused) == "L0H0"
    for key, name in {
        "ArrowUp": "L1H0", "ArrowRight": "L1H1", "End": "L1H11", "ArrowRight+": "L1H11",
        "ArrowDown": "L0H11", "Home": "L0H0", "ArrowLeft": "L0H0",
    }.items():  # fmt: skip
        tab.keyboard.press(key.rstrip("+"))
        assert tab.evaluate(focused) == name
    ring = "getComputedStyle(document.activeElement.querySelector('.reach')).strokeWidth"
    assert tab.evaluate(ring) == "9px", "the focus can be seen"
    tab.keyboard.press("ArrowUp")
    tab.keyboard.press("Enter")
    chosen = tab.locator('.head[data-name="L1H0"]')
    expect(chosen).to_have_attribute("aria-pressed", "true")
    assert (chosen.get_attribute("aria-label") or "").startswith("L1H0, ")
    tab.keyboard.press("Escape")
    expect(chosen).to_have_attribute("aria-pressed", "false")
    tab.keyboard.press("/")
    expect(tab.locator("#find")).to_be_focused()


def test_the_address_brings_back_what_was_shown(tab: Page) -> None:
    slide(tab, 50)
    tab.locator("#pairings input[value=OV]").uncheck()
    tab.locator("#roles input[value=induction]").check()
    tab.locator("#theme").click()
    tab.locator("#theme").click()
    head(tab, "L5H1")
    expect(tab).to_have_url(re.compile("head=L5H1"))
    before = lines(tab), tab.evaluate("location.hash")
    assert before[1] == "#place=50&pairings=OQ%2COK&roles=induction&head=L5H1&theme=dark"
    tab.reload()
    assert (lines(tab), tab.evaluate("location.hash")) == before
    expect(tab.locator("#detail h2")).to_contain_text("L5H1")
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(13, 17, 23)"
    tab.evaluate("location.hash = '#side=out&roles=induction'")
    expect(tab.locator("#side")).to_have_value("out")
    tab.evaluate("location.hash = '#place=x&side=y'")
    expect(tab.locator("#side")).to_have_value("touching")
    tab.evaluate("location.hash = '#side=toString&roles=induction'")  # what every object has
    expect(tab.locator("#side")).to_have_value("touching")
    expect(tab.locator("#roles input[value=induction]")).to_be_checked()
    tab.evaluate("location.hash = '#place=x&pairings=QQ,OK&roles=<b>&head=L99H9&theme=pink'")
    expect(tab.locator("#theme")).to_have_text("Theme: auto")
    assert lines(tab) == 34, "what the page does not have is left as it is at first"


def test_the_picture_is_saved_as_a_file_of_its_own(tab: Page, tmp_path: Path) -> None:
    slide(tab, 20)
    tab.locator("#roles input[value=induction]").check()
    tab.locator("#side").select_option("into")
    tab.locator("#find").fill("4.11")
    head(tab, "L4H7")
    with tab.expect_download() as waiting:
        tab.locator("#save").click()
    assert waiting.value.suggested_filename == "gpt2-small.svg"
    path = tmp_path / "saved.svg"
    waiting.value.save_as(path)
    text = path.read_text("utf-8")
    root = ElementTree.fromstring(text)
    name = "{http://www.w3.org/2000/svg}"
    assert root.tag == f"{name}svg"
    assert len(root.findall(f".//{name}g[@class='edges']//{name}path")) == into_induction(20)
    assert len(root.findall(f".//{name}g[@class='above']/{name}path")) == tab.locator(NEAR).count()
    assert root.find(f"{name}title").text == "gpt2-small"  # type: ignore[union-attr]
    assert "L4H7" in {text.text for text in root.iter(f"{name}text")}
    words = [each.text or "" for each in root.iter(f"{name}text")]
    assert {"OQ output read as query", "OK output read as key", "identity"} <= set(words)
    assert f"gpt2-small: {tab.locator('#amount').inner_text()}" in words
    (filters,) = [word for word in words if word.startswith("Filters: ")]
    assert filters == (
        "Filters: edges into heads with induction; L4H7 selected (derived: eraser): 0 edges in, "
        f"{tab.locator(NEAR).count()} out; search for “4.11”."
    )
    assert CHANCE in words
    assert any(
        word.startswith("Backward pairs as strong (decoys, not drawn), per pair") for word in words
    )
    opacity = {g.get("class"): g.get("opacity") for g in root.iter(f"{name}g")}
    assert [opacity[part] for part in ("edges", "above", "heads", "lit")] == [
        "0.1",
        "1",
        "0.3",
        "1",
    ]
    copied = {g.get("data-of") for g in root.iter(f"{name}g")}
    assert "L4H7" in copied
    assert "L0H0" not in copied
    assert not root.findall(f".//{name}script")
    assert "var(" not in text
    assert "NaN" not in text
    tab.goto(path.as_uri())
    assert tab.locator("path").first.evaluate("p => getComputedStyle(p).fill") == "none"


def test_it_follows_the_reader_into_the_dark(tab: Page) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    tab.emulate_media(color_scheme="dark")
    assert tab.evaluate(background) == "rgb(13, 17, 23)"
    tab.locator("#theme").click()
    expect(tab.locator("#theme")).to_have_text("Theme: light")
    assert tab.evaluate(background) == "rgb(255, 255, 255)"
    tab.emulate_media(color_scheme="light")


@pytest.mark.parametrize(
    ("shape", "count"),
    [((1, 4, 4), 0), ((2, 1, 1), 3), ((3, 8, 2), 576)],
    ids=["one layer", "one head", "grouped query"],
)
def test_other_shapes_are_drawn(
    tab: Page, tmp_path: Path, shape: tuple[int, int, int], count: int
) -> None:
    table = random_table(*shape, model=HOSTILE)
    tab.goto(view(table).write(tmp_path / "other.html").as_uri())
    if count:
        if count > 3:
            tab.locator("#threshold").press("End")
        assert lines(tab) == len(table.edges()) == count
    else:
        expect(tab.locator("#nothing")).to_have_text(
            "There is no edge here. In one layer no head reads what another writes."
        )
    # a hostile name is words, and its script did not run (tab fails on any console message)
    expect(tab.locator("h1")).to_contain_text("<script>alert(1)</script>")
    assert tab.locator("img").count() == 0
    assert tab.locator(".head").count() == shape[0] * shape[1]
