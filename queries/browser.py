"""Where Neo4j Browser is, and links that open it with a statement typed in."""

import socket
from urllib.parse import quote, urlencode, urlsplit

from headgraph.queries.errors import NoBrowser


def browser_link(
    browser_url: str,
    *,
    uri: str,
    user: str = "neo4j",
    database: str | None = None,
    cypher: str | None = None,
) -> str:
    """Address that opens Neo4j Browser, with a statement typed in and not yet run.

    Args:
        browser_url: of Browser itself, such as http://127.0.0.1:7474/browser/.
        uri: Bolt address of the database.
        user: user name; the password is typed by its owner.
        database: None for the usual one.
        cypher: the statement.
    """
    scheme, _, host = uri.partition("://")
    query = {"dbms": f"{scheme}://{user}@{host}", "db": database or "neo4j"}
    query["preselectAuthMethod"] = "NATIVE"
    if cypher is not None:
        query |= {"cmd": "edit", "arg": cypher}
    return f"{browser_url.rstrip('/')}/?{urlencode(query, quote_via=quote)}"


def find_browser(uri: str) -> tuple[str, bool]:
    """Browser's address for a database, and whether it is that of the local server.

    Raises:
        NoBrowser: the database is not our own server, and no page is beside it.
    """
    from headgraph.graphdb.server import running

    server = running()
    if server is not None and server.bolt_uri == uri:
        return server.browser_url, True
    found = _beside(uri)
    if found is None:
        raise NoBrowser(
            f"{uri} is the database's Bolt address, and nothing says where its Neo4j Browser is: "
            "give --browser-url, such as http://HOST:7474/browser/ (a hosted database has its "
            "Browser in the provider's console)"
        )
    return found, False


def _beside(uri: str, timeout: float = 3.0) -> str | None:
    """Where Browser is by Neo4j's own habit, if somebody listens there."""
    parts = urlsplit(uri)
    if parts.scheme not in ("bolt", "neo4j") or parts.hostname is None:
        return None  # an encrypted address says nothing of where its pages are
    try:
        socket.create_connection((parts.hostname, 7474), timeout=timeout).close()
    except OSError:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"http://{host}:7474/browser/"
