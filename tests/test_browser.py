"""Neo4j Browser on the local server: log in, run a stored query, see its graph; nothing leaves."""

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Locator, Page, Request, expect

from headgraph import loader, queries
from headgraph.graphdb import Graph
from headgraph.graphdb.server import RunningServer
from headgraph.pk_engine import Selection
from tests.chromium import needs_chromium, page

pytestmark = needs_chromium


def test_id(name: str) -> str:
    return f'[data-testid="{name}"]'


test_id.__test__ = False  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def gpt2(database: Graph) -> Graph:
    database.command("MATCH (n) CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 10000 ROWS")
    loader.load("gpt2-small", database, run="gpt2", selection=Selection(top_percent=3))
    return database


@pytest.fixture(scope="module")
def tab(one_browser: None, server: RunningServer, gpt2: Graph) -> Iterator[Page]:
    """A Browser of which no request left the machine, where a link has typed a stored query in."""
    link = queries.browser_link(
        server.browser_url,
        uri=server.bolt_uri,
        user=server.user,
        cypher=queries.filled("strongest_edges", run="gpt2", per_pairing=5),
    )
    with page() as tab:
        asked: set[str | None] = set()
        refused: set[str | None] = set()
        tab.on("request", lambda request: asked.add(urlsplit(request.url).hostname))
        tab.on("requestfailed", lambda request: refused.add(_host_if_refused(request)))
        tab.goto(link)
        log_in(tab, server)
        yield tab
        # Browser asks for fonts and the like outside; the server's policy ends that in the page
        assert asked - refused <= {"127.0.0.1", "localhost", None}


def log_in(tab: Page, server: RunningServer) -> None:
    tab.locator(test_id("password")).fill(server.password())
    tab.locator(test_id("connect")).click()
    # the form goes before the connection is there
    expect(tab.get_by_text("You are connected as user")).to_be_visible(timeout=30_000)
    # what Browser shows by itself: that it is connected, and how to begin
    expect(tab.locator(test_id("frame"))).to_have_count(2)


def _host_if_refused(request: Request) -> str | None:
    return urlsplit(request.url).hostname if request.failure == "csp" else None


def picture(tab: Page, name: str) -> None:
    """Keep a screenshot for the eye where HEADGRAPH_PICTURES names a folder."""
    folder = os.environ.get("HEADGRAPH_PICTURES")
    if folder:
        tab.screenshot(path=Path(folder) / f"{name}.png")


def answered(tab: Page, cypher: str | None = None) -> Locator:
    """The new frame after what is in the editor, or this in its place, was run."""
    frames = tab.locator(test_id("frame"))
    before = frames.count()
    if cypher is not None:
        tab.locator(f"{test_id('activeEditor')} .monaco-editor textarea").focus()
        tab.keyboard.press("Control+A")
        tab.keyboard.insert_text(cypher)
    tab.locator(test_id("editor-Run")).click()
    expect(frames).to_have_count(before + 1)
    return frames.first


def test_the_link_types_a_stored_query_in_and_it_draws(tab: Page) -> None:
    frame = answered(tab)
    expect(frame.locator("svg .node").first).to_be_visible(timeout=30_000)
    # Browser adds the other edges among the heads it shows
    expect(frame.locator("svg .relationship").nth(14)).to_be_attached()
    assert frame.locator("svg .node").count() == 14
    picture(tab, "browser-link")


def test_a_stored_query_can_be_pasted(tab: Page) -> None:
    frame = answered(tab, queries.filled("through", run="gpt2", head="L4H7", limit=4))
    expect(frame.locator("svg .node").first).to_be_visible(timeout=30_000)
    expect(frame.locator("svg").get_by_text("L4H7").first).to_be_visible()
    picture(tab, "browser-pasted")


def test_what_show_prints_runs_as_it_stands(tab: Page) -> None:
    """The text with its :params line: two statements, run one after the other."""
    frame = answered(tab, queries.show("hubs", run="gpt2", limit=3))
    statements = frame.locator(test_id("multi-statement-list-title"))
    expect(statements).to_have_count(2, timeout=30_000)
    statements.nth(1).click()
    answer = frame.locator(test_id("multi-statement-list-content"))
    expect(answer).to_contain_text("SUCCESS", timeout=30_000)
    picture(tab, "browser-show")
