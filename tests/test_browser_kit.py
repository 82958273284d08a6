"""Favourites and look in the real Neo4j Browser: what it draws, by our page and from files."""

from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from headgraph import loader, queries
from headgraph.base.names import head_name
from headgraph.base.palette import DARK, LIGHT, Theme
from headgraph.graphdb import Graph
from headgraph.graphdb.server import RunningServer
from headgraph.pk_engine import Selection
from headgraph.pk_engine.bundled import table_path
from headgraph.pk_engine.labels import labels_for
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.queries.browser import kit_link, write_kit
from tests.chromium import needs_chromium, page
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
from tests.test_browser import answered, log_in, picture, test_id

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def gpt2(database: Graph) -> Iterator[Graph]:
    database.command("MATCH (n) CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 10000 ROWS")
    loader.load("gpt2-small", database, run="gpt2", selection=Selection(top_percent=3))
    yield database
    database.command("MATCH (n) CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 10000 ROWS")


@pytest.fixture(scope="module")
def plain(one_browser: None, server: RunningServer, gpt2: Graph) -> Iterator[Page]:
    """Browser as it comes, with a query that a link has typed in."""
    with quiet_page() as tab:
        tab.goto(plain_link(server, queries.filled("ioi_circuit", run="gpt2")))
        log_in(tab, server)
        yield tab


@pytest.fixture(scope="module")
def joined(one_browser: None, server: RunningServer, gpt2: Graph) -> Iterator[Page]:
    """Browser after our page."""
    with quiet_page() as tab:
        through_the_kit(tab, server, "gpt2")
        log_in(tab, server)
        yield tab


@pytest.fixture(scope="module")
def used(one_browser: None) -> Iterator[Page]:
    with quiet_page() as tab:
        yield tab


@pytest.fixture
def tab(used: Page, server: RunningServer) -> Page:
    """A page for what begins before Browser is open."""
    return emptied(used, server)


def drawn(frame: Locator) -> dict[str, str]:
    """Fill of each drawn node by its caption."""
    expect(frame.locator("svg .node").first).to_be_visible(timeout=60_000)
    pairs = frame.locator("svg .node").evaluate_all(
        "nodes => nodes.map(n => [n.querySelector('text').textContent.trim(),"
        " n.querySelector('circle.b-outline').getAttribute('fill')])"
    )
    return dict(pairs)


def lines(frame: Locator) -> set[tuple[str, str]]:
    """Type and colour of the drawn relationships."""
    found = frame.locator("svg .relationship").evaluate_all(
        "all => all.map(r => [r.querySelector('text')?.textContent.trim(),"
        " r.querySelector('path.b-outline').getAttribute('fill')])"
    )
    return {(kind, color) for kind, color in found if kind}


def expected_fills(theme: Theme) -> Callable[[str], str]:
    """From the label file: identity first, then the order that legends have."""
    labels = labels_for(AffinityTable.read(table_path("gpt2-small")).meta)
    named = (
        "identity previous_token duplicate_token induction s_inhibition name_mover "
        "backup_name_mover negative_name_mover copy_suppression letter_mover successor "
        "greater_than sequence_continuation acronyms"
    )
    order = named.split()
    roles: dict[str, set[str]] = {}
    for row in labels.to_dict("records"):
        roles.setdefault(head_name(row["layer"], row["head"]), set()).add(row["role"])

    def fill(head: str) -> str:
        main = min(roles[head], key=order.index) if head in roles else None
        return theme.plain if main is None else theme.role(main).color

    return fill


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
@pytest.mark.usefixtures("gpt2")
def test_the_circuit_is_drawn_in_the_colours_of_the_figures(
    tab: Page, joined: Page, server: RunningServer, theme: Theme
) -> None:
    circuit = queries.filled("ioi_circuit", run="gpt2")
    if theme is DARK:
        tab.emulate_media(color_scheme="dark")
        through_the_kit(tab, server, "gpt2", cypher=circuit)
        log_in(tab, server)
        frame = answered(tab)
    else:
        frame = answered(joined, circuit)
    nodes = drawn(frame)
    fill = expected_fills(theme)
    assert len(nodes) > 10
    assert nodes == {head: fill(head) for head in nodes}
    assert len(set(nodes.values())) > 5
    assert lines(frame) == {(name, theme.pairings[name].color) for name in ("OQ", "OK", "OV")}
    picture(frame.page, f"browser-kit-{theme.name}")


def test_a_favourite_is_clicked_and_draws(joined: Page) -> None:
    favourites = joined.locator(test_id("navigationFavorites"))
    favourites.click()
    joined.locator(test_id("expandFolder-headgraph gpt2")).click()
    joined.get_by_text("Paths through a head", exact=True).click()
    assert drawn(answered(joined))["L4H7"] == LIGHT.role("identity").color
    picture(joined, "browser-kit-favourites")
    favourites.click()  # they go away again


@pytest.mark.parametrize("query", ["through", "ioi_circuit", "neighbours"])
def test_the_edges_drawn_are_those_of_the_answer(
    gpt2: Graph, plain: Page, joined: Page, query: str
) -> None:
    """Browser's default joins all heads that it draws, so the same answer has more edges."""
    values = {} if query == "ioi_circuit" else {"head": "L4H7"}
    answer = queries.node_link(query, gpt2, run="gpt2", **values)
    kinds = Counter(link["type"] for link in answer["links"] if link["type"] != "HAS_ROLE")
    cypher = queries.filled(query, run="gpt2", **values)
    ours = answered(joined, cypher)
    drawn(ours)
    theirs = answered(plain, cypher)
    assert drawn(theirs).keys() == {link["properties"]["name"] for link in answer["nodes"]}
    expect(theirs.locator("svg .relationship").nth(len(answer["links"]))).to_be_attached()
    # by now ours, which was drawn before, would have fetched more edges too
    assert Counter(edge_types(ours)) == kinds
    assert stored(joined, "neo4j.settings")["autoComplete"] is False
    picture(joined, f"browser-answer-{query}")


def edge_types(frame: Locator) -> list[str]:
    """The type of each edge that is drawn."""
    found: list[str] = frame.locator("svg .relationship").evaluate_all(
        "all => all.map(r => r.querySelector('text')?.textContent.trim())"
    )
    return found


def test_who_wants_all_edges_keeps_them(tab: Page, server: RunningServer) -> None:
    through_the_kit(tab, server, "gpt2")
    away(tab, server)
    assert stored(tab, "neo4j.settings")["autoComplete"] is False
    put(tab, "neo4j.settings", {**stored(tab, "neo4j.settings"), "autoComplete": True})
    tab.goto("about:blank")
    tab.goto(kit_link(plain_link(server), ["gpt2"], every=True))
    expect(tab.get_by_role("button", name="Add them")).to_be_enabled()
    assert "Connect result nodes" not in tab.locator("#also").inner_text()
    through_the_kit(tab, server, "gpt2", every=True)
    away(tab, server)
    assert stored(tab, "neo4j.settings")["autoComplete"] is True


def test_a_link_to_a_query_asks_at_the_first_use_only(tab: Page, server: RunningServer) -> None:
    link = kit_link(plain_link(server, "RETURN 1"), ["one"], every=False, once=True)
    other = kit_link(plain_link(server, "RETURN 1"), ["two"], every=False, once=True)
    tab.goto(link)
    button = tab.get_by_role("button", name="Add them")
    expect(button).to_be_enabled()
    assert "Connect result nodes" in tab.locator("#also").inner_text()
    expect(tab.get_by_text("the star at the left edge")).to_be_visible()
    picture(tab, "kit-page")
    button.click()
    expect(tab.locator(test_id("password"))).to_be_visible(timeout=60_000)
    tab.goto("about:blank")
    tab.goto(link)
    expect(tab.locator(test_id("password"))).to_be_visible(timeout=60_000)
    assert "/headgraph/" not in tab.url
    tab.goto("about:blank")
    tab.goto(other)
    expect(button).to_be_enabled()
    assert "/headgraph/" in tab.url
    tab.get_by_role("link", name="Continue without them").click()
    expect(tab.locator(test_id("password"))).to_be_visible(timeout=60_000)
    tab.goto("about:blank")
    tab.goto(other)
    expect(tab.locator(test_id("password"))).to_be_visible(timeout=60_000)
    assert not [name for name in ids(tab) if name.startswith("headgraph:two")]


def test_the_files_are_dropped_onto_a_browser(plain: Page, tmp_path: Path) -> None:
    tab = plain
    write_kit(tmp_path, ["gpt2"])
    drop(tab, tmp_path / "favourites.zip")
    tab.locator(test_id("navigationFavorites")).click()
    folder = tab.locator(test_id("expandFolder-headgraph gpt2"))
    expect(folder).to_be_visible(timeout=30_000)
    folder.click()
    expect(tab.get_by_text("The IOI circuit", exact=True)).to_be_visible()
    # Browser writes what it shows into its storage a moment later
    tab.wait_for_function(
        """() => JSON.parse(localStorage.getItem("neo4j.documents") ?? "[]")
          .some((one) => !one.isStatic)""",
        timeout=30_000,
    )
    own = put_there(tab)
    assert sorted(one["content"].split("\n")[0][3:] for one in own) == sorted(
        query.title for query in queries.catalogue().values()
    )
    picture(tab, "browser-kit-dropped")
    drop(tab, tmp_path / "favourites.zip")
    expect(tab.get_by_text("The IOI circuit", exact=True)).to_have_count(2)
    drop(tab, tmp_path / "headgraph.grass")
    expect(tab.get_by_text("node.InductionHead")).to_be_visible(timeout=30_000)
    nodes = drawn(answered(tab, queries.filled("ioi_circuit", run="gpt2")))
    fill = expected_fills(LIGHT)
    assert nodes == {head: fill(head) for head in nodes}


def drop(tab: Page, path: Path) -> None:
    """Let go of a file over the window, as the pointer would."""
    tab.evaluate(
        """([name, text]) => {
          const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File([bytes], name));
          const target = document.querySelector(".filedrop");
          for (const kind of ["dragenter", "dragover", "drop"]) {
            const event = new DragEvent(kind, { dataTransfer, bubbles: true, cancelable: true });
            target.dispatchEvent(event);
          }
        }""",
        [path.name, b64encode(path.read_bytes()).decode()],
    )


@pytest.mark.parametrize("dark", [False, True])
def test_the_guide_reads_well(tmp_path: Path, dark: bool) -> None:
    guide = write_kit(tmp_path, ["gpt2-small"])[0]
    with page(dark=dark) as tab:
        problems: list[str] = []
        tab.on("console", lambda message: problems.append(message.text))
        asked: set[str] = set()
        tab.on("request", lambda request: asked.add(urlsplit(request.url).scheme))
        tab.goto(guide.as_uri())
        assert tab.locator("ul.titles li").count() == len(queries.catalogue())
        shown = tab.locator("section:visible .heads li").all_inner_texts()
        assert len(shown) == len(set(shown)) == 12
        assert "s_inhibition" not in shown
        assert (asked, problems) == ({"file"}, [])
        picture(tab, f"guide-{'dark' if dark else 'light'}")
