"""What others need of a database, whoever it is: the interface of `Graph` and `RecordingGraph`."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from graphdb.result import Plan, Result

Params = Mapping[str, Any]


class Runner(Protocol):
    """What loader and queries need of a database; `Graph` and `RecordingGraph` have it."""

    def read(
        self,
        cypher: str,
        params: Params | None = None,
        *,
        timeout: float | None = None,
        limit: int | None = None,
        max_bytes: int | None = None,
    ) -> Result:
        """Rows of a statement that only reads."""

    def write(self, cypher: str, params: Params | None = None) -> Result:
        """Run one statement in one managed write transaction."""

    def write_all(self, statements: Sequence[tuple[str, Params]]) -> list[Result]:
        """Run several statements in one transaction: all of them or none. A result for each."""

    def command(self, cypher: str) -> None:
        """Run a schema statement or one with its own transactions (`CALL ... IN TRANSACTIONS`)."""

    def plan(self, cypher: str, params: Params | None = None) -> Plan:
        """EXPLAIN a statement without running it."""
