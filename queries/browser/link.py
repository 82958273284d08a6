"""The address of Neo4j Browser, and links that open it with a statement typed in."""

import socket
from urllib.parse import quote, urlencode, urlsplit

from headgraph.base.spelling import either
from headgraph.queries.errors import NoBrowser


def browser_link(
    browser_url: str,
    *,
    uri: str,
    user: str = "neo4j",
    database: str | None = None,
    cypher: str | None = None,
) -> str:
    """A link that opens Neo4j Browser, with a statement typed in and not yet run.

    Args:
        browser_url: address of Browser, such as http://127.0.0.1:7474/browser/.
        uri: Bolt address of the database.
        user: user name; the user types the password.
        database: name of the database; None for neo4j.
        cypher: the statement.
    """
    scheme, _, host = uri.partition("://")
    query = {"dbms": f"{scheme}://{user}@{host}", "db": database or "neo4j"}
    query["preselectAuthMethod"] = "NATIVE"
    if cypher is not None:
        query |= {"cmd": "edit", "arg": cypher}
    return f"{browser_url.rstrip('/')}/?{urlencode(query, quote_via=quote)}"


def find_browser(uri: str) -> tuple[str, bool]:
    """Browser's address for a database, and whether it belongs to the local server.

    Raises:
        NoBrowser: the database is not the local server, and its host serves no Browser.
    """
    from headgraph.graphdb.server import running

    server = running()
    if server is not None and server.bolt_uri == uri:
        return server.browser_url, True
    found = _usual_address(uri)
    if found is None:
        raise NoBrowser(
            f"{uri} is the database's Bolt address, and nothing says where its Neo4j Browser is: "
            f"give {either('browser_link() its address', '--browser-url')}, such as "
            "http://HOST:7474/browser/ (a hosted database has its Browser in the provider's "
            "console)"
        )
    return found, False


def _usual_address(uri: str, timeout: float = 3.0) -> str | None:
    """Browser's default address on the database's host; None where nothing listens there."""
    parts = urlsplit(uri)
    if parts.scheme not in ("bolt", "neo4j") or parts.hostname is None:
        return None  # an encrypted address does not show where Browser is
    try:
        socket.create_connection((parts.hostname, 7474), timeout=timeout).close()
    except OSError:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"http://{host}:7474/browser/"
