"""The documentation as a site: built strictly, searched and read in a real browser, alone."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest

from tests.chromium import needs_chromium, page
from tests.test_cli import ROOT


class Quiet(SimpleHTTPRequestHandler):
    """Files of a folder, without a line for each request."""

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make site` builds it."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    env = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """Where the site is served: on this machine alone."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site))) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_links_and_files_are_there(site: Path) -> None:
    checked = 0
    for written in site.rglob("*.html"):
        if written.name == "404.html":  # its links begin at the root of a server
            continue
        for target in re.findall(r'(?:href|src|srcset)="([^"]+)"', written.read_text("utf-8")):
            path = unquote(urlsplit(urljoin(written.as_uri(), target)).path)
            if not re.match(r"[a-z]+:|#", target):
                assert Path(path).exists(), f"{written}: {target}"
                checked += 1
    assert checked > 1000


def test_public_functions_are_in_the_reference(site: Path) -> None:
    import headgraph

    page = (site / "reference" / "python.html").read_text("utf-8")
    for name in dir(headgraph):
        assert f'id="{name.lower()}"' in page, name


@needs_chromium
@pytest.mark.usefixtures("one_browser")
@pytest.mark.parametrize("dark", [False, True])
def test_it_is_read_and_searched_without_a_request_elsewhere(address: str, dark: bool) -> None:
    asked: list[str] = []
    failed: list[str] = []
    with page(dark=dark) as tab:
        tab.on("request", lambda request: asked.append(request.url))
        tab.on(
            "response", lambda answer: failed.append(answer.url) if answer.status >= 400 else None
        )
        tab.on("pageerror", lambda error: failed.append(str(error)))
        tab.goto(f"{address}start/concepts.html")
        picture = tab.locator("picture img").first
        picture.wait_for()
        assert picture.evaluate("image => image.currentSrc").endswith(
            "concepts-dark.svg" if dark else "concepts.svg"
        )
        shown = tab.evaluate("getComputedStyle(document.body).backgroundColor")
        light = sum(int(part) for part in re.findall(r"\d+", shown)[:3]) > 3 * 128
        assert light is not dark, shown
        tab.locator("input[name=query]").click()  # loads the index
        tab.locator("input[name=query]").press_sequentially("hubs", delay=20)
        found = tab.locator(".md-search-result__link")
        found.first.wait_for()
        targets = [found.nth(place).get_attribute("href") or "" for place in range(found.count())]
        of_queries = [place for place, target in enumerate(targets) if "queries.html?h=" in target]
        assert of_queries, targets
        found.nth(of_queries[0]).click()  # which page comes first follows from every page's words
        tab.wait_for_url(re.compile("h=hubs"))
    assert failed == []
    assert asked
    assert {urlsplit(url).hostname for url in asked if not url.startswith("data:")} == {"127.0.0.1"}
