"""What others need of a database, whoever it is: the interface of `Graph` and `RecordingGraph`."""

from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import Any, Protocol

from headgraph.graphdb.result import Plan, Result

Params = Mapping[str, Any]

Statement = tuple[str, Params]
"""A statement and its parameters."""


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

    def write_each(self, statements: Iterable[Statement]) -> Generator[Result, None, None]:
        """Run each statement in a transaction of its own; results in the order they came in.

        More than one may be at work at once, so none may count on what the one before it did.
        """

    def write_all(self, statements: Sequence[Statement]) -> list[Result]:
        """Run several statements in one transaction: all of them or none. A result for each."""

    def command(self, cypher: str) -> None:
        """Run a schema statement or one with its own transactions (`CALL ... IN TRANSACTIONS`)."""

    def plan(
        self, cypher: str, params: Params | None = None, *, timeout: float | None = None
    ) -> Plan:
        """EXPLAIN a statement without running it."""
