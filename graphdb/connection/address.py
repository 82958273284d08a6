"""Address and credentials of a database. A password is masked wherever settings are shown."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from headgraph.base.spelling import argument
from headgraph.base.text import quoted, short
from headgraph.graphdb.errors import SettingsError

VARIABLES = {
    "uri": "NEO4J_URI",
    "user": "NEO4J_USERNAME",
    "password": "NEO4J_PASSWORD",
    "database": "NEO4J_DATABASE",
}
"""Environment variables, by the field that they set."""
LOCAL = "the local server"
"""Origin of an address that was taken from the running local server."""

LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")
LONGEST = 1000
"""Characters of an address, a user name, a password or a name of a database; Bolt takes 8,192."""

SCHEMES = ("bolt", "bolt+s", "bolt+ssc", "neo4j", "neo4j+s", "neo4j+ssc")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Address and credentials of a database.

    Attributes:
        uri: `bolt://host:port` or `neo4j://...`; with `+s` for an encrypted connection.
        user: user name.
        password: None if the server needs none.
        database: name of the database; None for the user's default.
        origin: where the address comes from, in words.
        home: folder of the local server, if the address was taken from it.
    """

    uri: str
    user: str = "neo4j"
    password: str | None = field(default=None, repr=False)
    database: str | None = None
    origin: str = "options"
    home: Path | None = None

    def __post_init__(self) -> None:
        for name in VARIABLES:
            if (length := len(getattr(self, name) or "")) > LONGEST:
                raise SettingsError(
                    f"the {_WORDS.get(name, name)} has {length:,} characters: expected at most "
                    f"{LONGEST:,}; see {VARIABLES[name]}"
                )
        # checked before the rest, whose messages show the address
        if "@" in self.uri:
            raise SettingsError(
                f"the address holds a user or password before @: give {argument('user')}, and the "
                f"password in NEO4J_PASSWORD or an {argument('env_file')}"
            )
        if wrong := _what_is_wrong(self.uri):
            raise SettingsError(f"the address {quoted(self.uri, 100)} {wrong}")


_WORDS = {"uri": "address", "user": "user name", "database": "name of the database"}


def _what_is_wrong(uri: str) -> str | None:
    """Why a driver cannot use an address; the driver's own messages vary, or say nothing."""
    expected = "expected one such as bolt://127.0.0.1:7687 or neo4j+s://name.example"
    scheme, separator, _ = uri.partition("://")
    if scheme not in SCHEMES or not separator:
        return f"has no scheme of Neo4j: {expected}"
    try:
        address = urlsplit(uri)
        host, port = address.hostname, address.port
    except ValueError as error:  # an open bracket, or a port that is not a number
        return f"cannot be read ({short(str(error).lower(), 80)}): {expected}"
    if not host or port == 0 or re.search(r"\s", uri):
        return f"names no host and port: {expected}"
    if address.path.strip("/"):
        return (
            f"goes on after the port with {quoted(address.path)}: name a database with "
            f"{argument('database')}"
        )
    if address.query and scheme.startswith("bolt"):
        return f"goes on with {quoted(address.query)}, which only neo4j:// takes: {expected}"
    try:
        host.encode("idna")
    except UnicodeError:
        return f"names a host whose parts are empty or longer than 63 characters: {expected}"
    return None
