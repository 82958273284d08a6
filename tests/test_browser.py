"""Neo4j Browser on the local server: log in, run a stored query, see its graph; nothing leaves."""

import os
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Request, expect

from headgraph import loader, queries
from headgraph.graphdb import Graph
from headgraph.graphdb.server import RunningServer
from headgraph.pk_engine import Selection
from tests.chromium import needs_chromium, page

pytestmark = [needs_chromium, pytest.mark.usefixtures("one_browser")]


def test_id(name: str) -> str:
    return f'[data-testid="{name}"]'


test_id.__test__ = False  # type: ignore[attr-defined]


@pytest.fixture
def gpt2(graph: Graph) -> Graph:
    loader.load("gpt2-small", graph, run="gpt2", selection=Selection(top_percent=3))
    return graph


def log_in(tab: Page, server: RunningServer) -> None:
    tab.locator(test_id("password")).fill(server.password())
    tab.locator(test_id("connect")).click()
    # the form goes before the connection is there
    expect(tab.get_by_text("You are connected as user")).to_be_visible(timeout=30_000)


def _host_if_refused(request: Request) -> str | None:
    return urlsplit(request.url).hostname if request.failure == "csp" else None


def picture(tab: Page, name: str) -> None:
    """Keep a screenshot for the eye where HEADGRAPH_PICTURES names a folder."""
    folder = os.environ.get("HEADGRAPH_PICTURES")
    if folder:
        tab.screenshot(path=Path(folder) / f"{name}.png")


@pytest.mark.usefixtures("gpt2")
def test_the_link_types_a_stored_query_in_and_it_draws(server: RunningServer) -> None:
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
        tab.locator(test_id("editor-Run")).click()
        expect(tab.locator("svg .node").first).to_be_visible(timeout=30_000)
        # Browser adds the other edges among the heads it shows
        expect(tab.locator("svg .relationship").nth(14)).to_be_attached()
        assert tab.locator("svg .node").count() == 14
        picture(tab, "browser-link")
        # Browser asks for fonts and the like outside; the server's policy ends that in the page
        assert asked - refused <= {"127.0.0.1", "localhost", None}


@pytest.mark.usefixtures("gpt2")
def test_a_stored_query_can_be_pasted(server: RunningServer) -> None:
    text = queries.filled("through", run="gpt2", head="L4H7", limit=4)
    link = queries.browser_link(server.browser_url, uri=server.bolt_uri, user=server.user)
    with page() as tab:
        tab.goto(link)
        log_in(tab, server)
        editor = tab.locator(f"{test_id('activeEditor')} .monaco-editor textarea")
        editor.focus()
        tab.keyboard.insert_text(text)
        tab.locator(test_id("editor-Run")).click()
        expect(tab.locator("svg .node").first).to_be_visible(timeout=30_000)
        expect(tab.locator("svg").get_by_text("L4H7").first).to_be_visible()
        picture(tab, "browser-pasted")


@pytest.mark.usefixtures("gpt2")
def test_what_show_prints_runs_as_it_stands(server: RunningServer) -> None:
    """The text with its :params line: two statements, run one after the other."""
    text = queries.show("hubs", run="gpt2", limit=3)
    link = queries.browser_link(server.browser_url, uri=server.bolt_uri, user=server.user)
    with page() as tab:
        tab.goto(link)
        log_in(tab, server)
        tab.locator(f"{test_id('activeEditor')} .monaco-editor textarea").focus()
        tab.keyboard.insert_text(text)
        tab.locator(test_id("editor-Run")).click()
        statements = tab.locator(test_id("multi-statement-list-title"))
        expect(statements).to_have_count(2, timeout=30_000)
        statements.nth(1).click()
        answer = tab.locator(test_id("multi-statement-list-content"))
        expect(answer).to_contain_text("SUCCESS", timeout=30_000)
        picture(tab, "browser-show")
