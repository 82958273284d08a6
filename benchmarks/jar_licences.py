"""The licences of the server's jars, as Neo4j lists them inside its own.

    python -m benchmarks.jar_licences

fails if the list has changed: `LICENCES` is what has been looked at.
"""

import re
import sys
import zipfile

from headgraph.graphdb.server.jars import ensure_jars

OWN = "GNU GENERAL PUBLIC LICENSE Version 3"
LICENCES = (
    "Apache Software License, Version 2.0",
    "BSD - Scala License",
    "BSD License",
    "BSD License 2-clause",
    "Common Development and Distribution License Version 1.1",
    "Eclipse Distribution License - v 1.0",
    "Eclipse Public License - v 1.0",
    "Eclipse Public License v2.0",
    "GNU General Public License, version 2 with the Classpath Exception",
    "MIT License",
    "MIT No Attribution License",
    "Mozilla Public License, Version 2.0",
    "Unlicense",
)
"""Of what Neo4j's jars need; Neo4j's own is `OWN`."""


def listed(notice: str) -> set[str]:
    """The headings of a notice's list of licences, below which the jars are indented."""
    _, found, rest = notice.partition("Third-party licenses\n")
    assert found, "the notice has no list of licences"
    theirs, *_ = rest.partition("Dependencies with multiple licenses\n")
    return set(re.findall(r"^(?!-)(\S.*)$", theirs, re.MULTILINE))


def main() -> int:
    """Compare the notice of the pinned server with `LICENCES`."""
    (server,) = (jar for jar in ensure_jars() if jar.name.startswith("neo4j-server-"))
    with zipfile.ZipFile(server) as jar:
        notice = jar.read("META-INF/NOTICE.txt").decode()
    differ = sorted(listed(notice) ^ set(LICENCES))
    if OWN not in notice:
        differ.append(OWN)
    for name in differ:
        print(f"{name}: either new among the licences of the jars, or no longer there")
    return int(bool(differ))


if __name__ == "__main__":
    sys.exit(main())
