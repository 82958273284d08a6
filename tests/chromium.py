"""A real browser for tests: Chromium from the system's packages, headless."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

CHROMIUM = (
    os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
)

needs_chromium = pytest.mark.skipif(
    CHROMIUM is None and not os.environ.get("CI"),
    reason="no chromium: install your system's package, or set CHROMIUM to its path",
)


@contextmanager
def page(*, dark: bool = False) -> Iterator[Page]:
    """A page 1280 x 900 in a browser of its own, with an empty profile."""
    with started() as browser:
        yield fresh_page(browser, dark=dark)


def fresh_page(browser: Browser, *, dark: bool = False) -> Page:
    """A page 1280 x 900 with an empty profile; it goes when its context is closed."""
    scheme: Literal["dark", "light"] = "dark" if dark else "light"
    size: ViewportSize = {"width": 1280, "height": 900}
    return browser.new_context(viewport=size, color_scheme=scheme).new_page()


@contextmanager
def started() -> Iterator[Browser]:
    """A browser without a page."""
    assert CHROMIUM, "CI must have chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        try:
            yield browser
        finally:
            browser.close()
