"""A real browser for tests: Chromium from the system's packages, headless."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, sync_playwright

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
    assert CHROMIUM, "CI must have chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        try:
            context = browser.new_context(
                viewport={"width": 1280, "height": 900}, color_scheme="dark" if dark else "light"
            )
            yield context.new_page()
        finally:
            browser.close()
