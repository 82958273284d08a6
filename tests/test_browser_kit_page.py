"""What our page changes in Neo4j Browser, and what pages of others cannot change through it."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from mimetypes import guess_type
from threading import Thread
from types import MappingProxyType
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from headgraph import queries
from headgraph.base.palette import LIGHT
from headgraph.graphdb.server import RunningServer
from headgraph.queries.browser import kit_link, served_files
from tests.chromium import needs_chromium
from tests.kit_in_browser import (
    away,
    emptied,
    ids,
    plain_link,
    put,
    put_there,
    quiet_page,
    stored,
    through_the_kit,
)
from tests.test_browser import test_id

pytestmark = needs_chromium

OWN = {"id": "own-1", "content": "// Mine\nRETURN 1", "folder": "own"}
OWN_FOLDER = {"id": "own", "name": "My folder"}


@pytest.fixture(scope="module")
def used(one_browser: None) -> Iterator[Page]:
    with quiet_page() as tab:
        yield tab


@pytest.fixture
def tab(used: Page, server: RunningServer) -> Page:
    return emptied(used, server)


def test_what_is_not_ours_stays(tab: Page, server: RunningServer) -> None:
    tab.goto(f"{server.browser_url}headgraph/kit.html")  # of no run
    tab.get_by_role("button", name="Add them").click()
    expect(tab.locator(test_id("password"))).to_be_visible(timeout=60_000)
    away(tab, server)
    number = len(queries.catalogue())
    put(tab, "neo4j.documents", [*stored(tab, "neo4j.documents"), OWN])
    put(tab, "neo4j.folders", [*stored(tab, "neo4j.folders"), OWN_FOLDER])
    style = {"node.Person": {"color": "#123456"}, "node.Head": {"color": "#FF0000"}}
    put(tab, "neo4j.grass", {**stored(tab, "neo4j.grass"), **style})
    put(tab, "headgraph.grass", None)
    through_the_kit(tab, server, "one", "two", every=True)
    assert OWN in stored(tab, "neo4j.documents")
    assert OWN_FOLDER in stored(tab, "neo4j.folders")
    assert len(ids(tab)) == 2 * number + 1 == len(set(ids(tab)))
    look = stored(tab, "neo4j.grass")
    assert look["node.Person"] == {"color": "#123456"}
    assert look["node.Head"]["color"] == LIGHT.plain, "Browser's guess gives way"

    away(tab, server)
    # by hand: another colour, and a favourite of one's own in our folder
    look["node.InductionHead"]["color"] = "#00FF00"
    put(tab, "neo4j.grass", look)
    kept = {"id": "own-2", "content": "RETURN 2", "folder": "headgraph:one"}
    put(tab, "neo4j.documents", [*stored(tab, "neo4j.documents"), kept])
    through_the_kit(tab, server, "two")
    assert len(ids(tab)) == 2 * number + 2, "one run alone leaves the other's"
    through_the_kit(tab, server, "two", every=True)
    assert set(ids(tab, "neo4j.folders")) == {"own", "headgraph:one", "headgraph:two"}
    assert len(ids(tab)) == number + 2
    look = stored(tab, "neo4j.grass")
    assert look["node.InductionHead"]["color"] == "#00FF00"
    assert look["node.IdentityHead"]["color"] == LIGHT.role("identity").color


@contextmanager
def another_origin(html: str, files: Mapping[str, bytes] = MappingProxyType({})) -> Iterator[str]:
    """The address of a page that somebody else serves, and of files beside it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = urlsplit(self.path).path.lstrip("/")
            self.send_response(200)
            self.send_header("Content-Type", guess_type(name)[0] or "text/html")
            self.end_headers()
            self.wfile.write(files.get(name, html.encode()))

        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as web:
        thread = Thread(target=web.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{web.server_port}/"
        finally:
            web.shutdown()
            thread.join()


HOSTILE = {
    "redirect": "<script>location = LINK</script>",
    "link": "<a href=LINK>look</a><script>document.querySelector('a').click()</script>",
    "form": "<form action=LINK></form><script>document.forms[0].submit()</script>",
    "frame": "<iframe src=LINK width=600 height=400></iframe>",
    "script": "<script src=KITJS></script>",
}


@pytest.mark.parametrize("way", HOSTILE)
def test_another_page_changes_nothing(tab: Page, server: RunningServer, way: str) -> None:
    link = kit_link(plain_link(server), ["planted\u202e\x1b"], every=True)
    script = f"{server.browser_url}headgraph/kit.js"
    html = HOSTILE[way].replace("LINK", json.dumps(link)).replace("KITJS", script)
    ours = {"id": "headgraph:mine:hubs", "content": "RETURN 1", "folder": "headgraph:mine"}
    with another_origin(html) as theirs:
        away(tab, server)
        put(tab, "neo4j.documents", [ours])
        before = tab.evaluate("JSON.stringify({...localStorage})")
        tab.goto(theirs)
        if way == "frame":  # Neo4j lets no page frame its own
            expect(tab.frame_locator("iframe").get_by_role("button")).to_have_count(0)
        elif way != "script":
            tab.wait_for_url("**/kit.html*")
            expect(tab.get_by_role("button", name="Add them")).to_be_enabled()
            expect(tab.get_by_role("listitem")).to_have_text("planted\\u{202e}\\u{1b}")
        away(tab, server)
        assert tab.evaluate("JSON.stringify({...localStorage})") == before


def test_in_a_frame_the_page_offers_nothing() -> None:
    """Even where a server would let it be framed: the frame could lie under something else."""
    html = "<iframe src='headgraph/kit.html#run=one' width=600 height=400></iframe>"
    with quiet_page() as tab, another_origin(html, served_files()) as theirs:
        tab.goto(theirs)
        inside = tab.frame_locator("iframe")
        expect(inside.get_by_text("Open this page in a window of its own")).to_be_visible()
        expect(inside.get_by_role("button")).to_have_count(0)
        tab.goto(f"{theirs}headgraph/kit.html#run=one")
        expect(tab.get_by_role("button", name="Add them")).to_be_enabled()


def test_a_page_that_was_asked_goes_on_without(tab: Page, server: RunningServer) -> None:
    tab.goto(kit_link(plain_link(server), ["one"], every=False))
    tab.get_by_role("link", name="Continue without them").click()
    expect(tab.locator(test_id("password"))).to_be_visible(timeout=60_000)
    assert not [name for name in ids(tab) if name.startswith("headgraph:")]


def test_a_runs_name_is_text_and_nothing_else(tab: Page, server: RunningServer) -> None:
    name = 'a"}) DETACH DELETE h // $& \\ é'
    through_the_kit(tab, server, name)
    text = {one["id"]: one["content"] for one in put_there(tab)}
    for query in ("neighbours", "hubs"):
        values = {"head": "L4H7"} if query == "neighbours" else {}
        expected = queries.filled(query, run=name, **values)
        assert text[f"headgraph:{name}:{query}"] == expected
    assert "password" not in json.dumps(stored(tab, "neo4j.settings"))
