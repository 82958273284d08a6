"""Our page in the real Neo4j Browser, and what Browser stores, for tests of both."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Page, expect

from headgraph import queries
from headgraph.graphdb.server import RunningServer
from headgraph.queries.browser import kit_link
from tests.chromium import page
from tests.test_browser import _host_if_refused, test_id


@contextmanager
def quiet_page() -> Iterator[Page]:
    """A page of which no request left the machine."""
    asked: set[str | None] = set()
    refused: set[str | None] = set()
    with page() as tab:
        tab.on("request", lambda request: asked.add(urlsplit(request.url).hostname))
        tab.on("requestfailed", lambda request: refused.add(_host_if_refused(request)))
        yield tab
        assert "127.0.0.1" in asked
        assert asked - refused <= {"127.0.0.1", "localhost", None}


def plain_link(server: RunningServer, cypher: str | None = None) -> str:
    return queries.browser_link(
        server.browser_url, uri=server.bolt_uri, user=server.user, cypher=cypher
    )


def through_the_kit(
    tab: Page, server: RunningServer, *runs: str, every: bool = False, cypher: str | None = None
) -> None:
    tab.goto("about:blank")  # else the same page with another fragment is not loaded again
    tab.goto(kit_link(plain_link(server, cypher), runs, every=every))
    tab.get_by_role("button", name="Add them").click()
    expect(tab.locator(test_id("password"))).to_be_visible(timeout=60_000)
    assert "/headgraph/" not in tab.url, "the page went on to Browser"


def emptied(tab: Page, server: RunningServer) -> Page:
    """The page without what Browser stored in it; the browser has compiled its programs."""
    away(tab, server)
    tab.evaluate("localStorage.clear(); sessionStorage.clear()")
    tab.emulate_media(color_scheme="light")
    return tab


def stored(tab: Page, key: str) -> Any:
    return json.loads(tab.evaluate("key => localStorage.getItem(key) ?? 'null'", key))


def away(tab: Page, server: RunningServer) -> None:
    """To another page of the address: a Browser that is open writes its storage again."""
    tab.goto(f"{server.browser_url}headgraph/kit.json")


def put(tab: Page, key: str, value: Any) -> None:
    tab.evaluate("([key, value]) => localStorage.setItem(key, value)", [key, json.dumps(value)])


def put_there(tab: Page, key: str = "neo4j.documents") -> list[dict[str, Any]]:
    """What is stored, without Browser's own, which it adds some time after it has opened."""
    return [one for one in stored(tab, key) or () if not one.get("isStatic")]


def ids(tab: Page, key: str = "neo4j.documents") -> list[str]:
    return [one["id"] for one in put_there(tab, key)]
