"""A real browser for tests: Chromium from the system's packages, headless."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

CHROMIUM = (
    os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
)

# a busy machine takes longer than the five seconds that are Playwright's own limit
expect.set_options(timeout=60_000)

needs_chromium = pytest.mark.skipif(
    CHROMIUM is None and not os.environ.get("CI"),
    reason="no chromium: install your system's package, or set CHROMIUM to its path",
)


_open: list[Browser] = []


@contextmanager
def page(*, dark: bool = False) -> Iterator[Page]:
    """A page 1280 x 900 with an empty profile, in the browser that is open or in one of its own."""
    with nullcontext(_open[-1]) if _open else started() as browser:
        tab = fresh_page(browser, dark=dark)
        try:
            yield tab
        finally:
            tab.context.close()


def fresh_page(browser: Browser, *, dark: bool = False) -> Page:
    """A page 1280 x 900 with an empty profile; it goes when its context is closed."""
    scheme: Literal["dark", "light"] = "dark" if dark else "light"
    size: ViewportSize = {"width": 1280, "height": 900}
    return browser.new_context(viewport=size, color_scheme=scheme).new_page()


@contextmanager
def without_messages(tab: Page) -> Iterator[None]:
    """A block in which a page writes nothing to its console and raises no error."""
    messages: list[str] = []
    listeners = {
        "console": lambda message: messages.append(message.text),
        "pageerror": lambda error: messages.append(str(error)),
    }
    for event, listener in listeners.items():
        tab.on(event, listener)
    yield
    for event, listener in listeners.items():
        tab.remove_listener(event, listener)
    assert messages == []


@contextmanager
def started() -> Iterator[Browser]:
    """A browser without a page; `page` uses it as long as it is open."""
    assert CHROMIUM, "CI must have chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        _open.append(browser)
        try:
            yield browser
        finally:
            _open.remove(browser)
            browser.close()
