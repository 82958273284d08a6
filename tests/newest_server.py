"""The newest Neo4j, 2026.09.0, beside the session's 5.26, from jars that only tests fetch.

The languages Cypher 5 and Cypher 25 are both there. `In` puts a language in front of each
statement.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from headgraph.graphdb import Graph, connect
from headgraph.graphdb.results.result import Plan, Result
from headgraph.graphdb.server import ANY_PORTS, jars, start
from headgraph.graphdb.server.home import config
from tests.graphdb_server_fixture import keep_plans, own_home

VERSION = "2026.09.0"
# no archive of classes depends on it here, and verifying Neo4j's own takes seconds
UNVERIFIED = ("-XX:+UnlockDiagnosticVMOptions", "-XX:-BytecodeVerificationRemote")
PINS = Path(__file__).parent / "graphdb" / "newest-jars.txt"


@pytest.fixture(scope="session")
def newest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Graph]:
    """A connection to the newest server; its database is empty."""
    folder = tmp_path_factory.mktemp("newest")
    write_arguments = config.write_arguments

    def quicker(path: Path, arguments: Iterable[str]) -> None:
        write_arguments(path, [*UNVERIFIED, *arguments])

    with own_home(folder / "server") as home, pytest.MonkeyPatch.context() as patch:
        pins = jars.pins_in(PINS)
        patch.setattr(jars, "read_pins", lambda: pins)
        patch.setattr(config, "VERSION", VERSION)
        patch.setattr(config, "write_arguments", quicker)
        patch.setattr(config, "ENTRY_POINT", "org.neo4j.server.Neo4jCommunity")
        keep_plans(home)
        running = start(home, ports=ANY_PORTS)
        patch.undo()
        with connect(settings=running.settings()) as graph:
            yield graph


class In:
    """A database whose statements begin with `CYPHER 5` or `CYPHER 25`."""

    def __init__(self, graph: Graph, language: int) -> None:
        self._graph, self._prefix = graph, f"CYPHER {language} "

    def read(self, cypher: str, *args: Any, **limits: Any) -> Result:
        """As `Graph.read`."""
        return self._graph.read(self._prefix + cypher, *args, **limits)

    def write(self, cypher: str, *args: Any) -> Result:
        """As `Graph.write`."""
        return self._graph.write(self._prefix + cypher, *args)

    def plan(self, cypher: str, *args: Any, **limits: Any) -> Plan:
        """As `Graph.plan`."""
        return self._graph.plan(self._prefix + cypher, *args, **limits)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._graph, name)
