"""Lines while the slider of the page to explore moves: drawn on a canvas, as the elements are."""

from collections.abc import Iterator
from io import BytesIO

import numpy as np
import pytest
from matplotlib.image import imread
from playwright.sync_api import Page, expect

from headgraph.analysis.view import view
from tests.chromium import needs_chromium, page

pytestmark = needs_chromium
ELEMENTS = 300
"""Lines that are elements at rest."""
SLIDE = """(steps) => {
  const slider = document.getElementById("threshold");
  for (const step of steps) {
    slider.value = step;
    slider.dispatchEvent(new Event("input"));
  }
}"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    return view("gpt2-small").write(tmp_path_factory.mktemp("sliding") / "v.html").as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[Page]:
    """A page whose clock is ours: the slider rests when a test says so."""
    with page() as tab:
        tab.clock.install()
        yield tab


@pytest.fixture
def tab(browser: Page) -> Iterator[Page]:
    said: list[str] = []
    hear = {"pageerror": lambda error: said.append(str(error)),
            "console": lambda message: said.append(message.text)}  # fmt: skip
    for name, ear in hear.items():
        browser.on(name, ear)
    yield browser
    browser.clock.resume()
    browser.mouse.move(0, 0)
    for name, ear in hear.items():
        browser.remove_listener(name, ear)
    assert said == []


def picture(tab: Page) -> np.ndarray:
    return np.asarray(imread(BytesIO(tab.locator("#stage").screenshot()))[..., :3])


def show(tab: Page, address: str, state: str = "") -> None:
    tab.goto("about:blank")
    tab.goto(f"{address}#{state}")
    tab.clock.pause_at(tab.evaluate("Date.now()") / 1000 + 2)


def of_elements(tab: Page) -> np.ndarray:
    """The lines at rest as elements: many of them are elements only on paper."""
    many = tab.locator("#plane.instead").count() == 1
    if many:
        tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    expect(tab.locator("#lines")).to_be_hidden()
    assert (tab.locator(".edges path.edge").count() > ELEMENTS) == many
    found = picture(tab)
    tab.evaluate("dispatchEvent(new Event('afterprint'))")
    expect(tab.locator("#lines")).to_be_visible(visible=many)
    return found


@pytest.mark.parametrize(
    "state", ["", "theme=dark", "head=L4H7", "find=induction", "pairings=OK&roles=induction"]
)
def test_the_canvas_shows_what_the_elements_show(tab: Page, address: str, state: str) -> None:
    show(tab, address, state)
    bare = picture(tab)
    # up, from a picture kept, further, and few
    for steps in ([9, 699], [999, 299], [20, 610], [600, 9]):
        tab.evaluate(SLIDE, steps)
        expect(tab.locator("#lines")).to_be_visible()
        expect(tab.locator(".edges")).to_be_hidden()
        tab.clock.run_for(300)  # a jump is drawn over several frames
        sliding = picture(tab)
        tab.clock.run_for(500)
        rests = of_elements(tab)
        away = np.abs(sliding - rests).mean()
        assert away < 0.005, "lines on broken pixels are 0.01 away, and blurred"
        assert away < 0.2 * np.abs(bare - rests).mean(), "far closer than other lines"
        tab.clock.run_for(500)


def test_one_step_changes_elements_alone(tab: Page, address: str) -> None:
    show(tab, address)
    expect(tab.locator("#folding")).to_be_hidden()  # 12 layers, all in sight
    tab.evaluate(SLIDE, [50])
    expect(tab.locator("#lines")).to_be_hidden()
    tab.clock.run_for(1000)
    tab.evaluate(SLIDE, [60])
    expect(tab.locator("#lines")).to_be_hidden()
    tab.evaluate(SLIDE, [70])
    expect(tab.locator("#lines")).to_be_visible()
    tab.clock.run_for(500)
    expect(tab.locator("#lines")).to_be_hidden()
    assert tab.locator(".edges path.edge").count() == 3 * 71


@pytest.mark.parametrize("button", ["#pairings input[value=OQ]", "#theme", "#closer", "#reset"])
def test_anything_else_ends_the_movement(tab: Page, address: str, button: str) -> None:
    show(tab, address)
    tab.evaluate(SLIDE, [50, 60])
    expect(tab.locator("#lines")).to_be_visible()
    tab.locator(button).click()
    expect(tab.locator("#lines")).to_be_hidden()
    expect(tab.locator(".edges")).to_be_visible()


@pytest.mark.parametrize("step", [60, 510])
def test_on_paper_there_are_elements(tab: Page, address: str, step: int) -> None:
    show(tab, address)
    tab.evaluate(SLIDE, [step - 10, step])
    tab.pdf()
    expect(tab.locator("#lines")).to_be_visible(visible=3 * step > ELEMENTS)
    assert tab.locator(".edges path.edge").count() == 3 * (step + 1)
