"""Settings of Neo4j that the user adds in a file of the home: they survive each start."""

import re
from collections.abc import Mapping

from headgraph.base.documents import read_text, shown
from headgraph.base.text import quoted
from headgraph.graphdb.errors import ServerError
from headgraph.graphdb.server.home import ServerHome

_LINE = re.compile(r"([A-Za-z][\w-]*(?:\.[\w-]+)+)\s*=\s*(.*[^\\\s])")
_OURS = (
    # where it listens, and for what
    r".*address.*",
    r"server\.(bolt|https?)\.(enabled|tls_level)",
    # who may do what; the lists of what the server is closed to stand in `config.HARDENING`
    r"dbms\.security\..*",
    r"server\.unmanaged_extension_classes",
    # where its files are, and which of them is the database
    r"server\.directories\..*",
    r"initial\.dbms\.default_database",
    # loss of data must not go unsaid: headgraph server start --recover
    r"internal\.dbms\.tx_log\.fail_on_corrupted_log_files",
    # for Neo4j's own launcher, which is not in use here
    r"server\.jvm\.additional",
)
"""Patterns of names that headgraph keeps to itself, beside those of `config.HARDENING`."""


def read_overrides(home: ServerHome, closed: Mapping[str, str]) -> dict[str, str]:
    """The settings in the home's file for them; none where there is no such file.

    Args:
        home: of the server.
        closed: further settings that may not be changed.

    Raises:
        ServerError: the file cannot be read, a line is no setting, one comes twice, or headgraph
            keeps it to itself.
    """
    path = home.overrides
    if not path.exists():
        return {}
    found: dict[str, str] = {}
    lines = read_text(path, problem=ServerError).splitlines()
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        where = f"line {number} of {shown(path)}"
        matched = _LINE.fullmatch(line.strip())
        if matched is None:
            raise ServerError(
                f"{where} is {quoted(line.strip())}: expected name=value, such as "
                "server.memory.pagecache.size=1g"
            )
        name, value = matched.groups()
        if name in closed or any(re.fullmatch(pattern, name) for pattern in _OURS):
            raise ServerError(
                f"{where} sets {quoted(name)}, which headgraph keeps to itself so that the server "
                "stays closed and its data safe: remove the line "
                "(docs/reference/settings.md has the list)"
            )
        if name in found:
            raise ServerError(f"{where} sets {quoted(name)} once more: remove one of the lines")
        found[name] = value
    return found
