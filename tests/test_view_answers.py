"""Pages of answers in a real browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from headgraph.analysis.view import view_answer
from tests.chromium import needs_chromium, page

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Page]:
    with page() as tab:
        yield tab


def test_of_heads_outside_an_answer_the_page_says_nothing(browser: Page, tmp_path: Path) -> None:
    heads = [
        {"id": f"{layer}", "labels": labels, "properties": {"layer": layer, "head": 1}}
        for layer, labels in enumerate((["Head", "IdentityHead"], ["Head"]))
    ]
    about = {"query": "q", "title": "T", "params": {"run": "r"}}
    page_ = view_answer({"graph": about, "nodes": heads, "links": []})
    browser.goto(page_.write(tmp_path / "a.html").as_uri())
    counts = browser.locator("#roles label").all_inner_texts()
    assert [text.split() for text in counts] == [["identity", "1"], ["no", "known", "role", "1"]]
    browser.locator('.head[data-name="L0H0"]').click()
    expect(browser.locator("#detail h2")).to_have_text("L0H0not in the answer")


def test_the_page_of_an_empty_answer_says_so_and_works(browser: Page, tmp_path: Path) -> None:
    wrong: list[str] = []
    browser.on("pageerror", lambda error: wrong.append(str(error)))
    about = {"query": "q", "title": "T", "params": {"run": "r"}}
    nothing = view_answer({"graph": about, "nodes": [], "links": []})
    browser.goto(nothing.write(tmp_path / "b.html").as_uri())
    assert browser.locator(".head").count() == 0
    expect(browser.locator("#nothing")).to_have_text("The answer has no heads to draw.")
    browser.locator("#find").fill("L0H0")
    browser.locator("#find").press("Enter")
    for button in ("#closer", "#whole", "#reset", "#theme"):
        browser.locator(button).click()
    browser.keyboard.press("Escape")
    expect(browser.locator("html")).to_have_attribute("data-theme", "light")
    assert wrong == []
