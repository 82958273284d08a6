"""The interface of a database, `Runner`: `Graph` has it, and `RecordingGraph` for tests."""

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from headgraph.graphdb.results.result import Plan, Result

Params = Mapping[str, Any]

Statement = tuple[str, Params]
"""A statement and its parameters."""


class Runner(Protocol):
    """The interface of a database that loader and queries use.

    Attributes:
        version: major and minor version of the server; None if it is not known.
    """

    version: tuple[int, int] | None

    def read(
        self,
        cypher: str,
        params: Params | None = None,
        *,
        timeout: float | None = None,
        limit: int | None = None,
        max_bytes: int | None = None,
    ) -> Result:
        """Run a statement that only reads."""

    def write(self, cypher: str, params: Params | None = None) -> Result:
        """Run one statement in one managed write transaction."""

    def write_each(self, statements: Iterable[Statement]) -> Generator[Result, None, None]:
        """Run each statement in a transaction of its own; results come in the same order.

        Several may run at once, so no statement may rely on the one before it.
        """

    def write_all(self, statements: Sequence[Statement]) -> list[Result]:
        """Run several statements in one transaction, all or none; return a result for each."""

    def command(self, cypher: str) -> None:
        """Run a schema statement or one with its own transactions (`CALL ... IN TRANSACTIONS`)."""

    def plan(
        self, cypher: str, params: Params | None = None, *, timeout: float | None = None
    ) -> Plan:
        """EXPLAIN a statement without running it."""

    def profile(
        self,
        cypher: str,
        params: Params | None = None,
        *,
        timeout: float | None = None,
        max_bytes: int | None = None,
    ) -> Plan:
        """PROFILE a statement that only reads: run it, and return its plan in place of its rows."""


@dataclass
class RecordingGraph:
    """A database for tests without a server: it runs nothing and records all calls.

    Attributes:
        answers: the Result or Plan to return, by a part of the statement. Without a match, the
            answer is an empty Result, or the plan of a plain read.
        calls: (method, statement, parameters) of each call, in order.
    """

    answers: Mapping[str, Result | Plan] = field(default_factory=dict)
    calls: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    version: tuple[int, int] | None = None

    def read(
        self,
        cypher: str,
        params: Params | None = None,
        *,
        timeout: float | None = None,
        limit: int | None = None,
        max_bytes: int | None = None,
    ) -> Result:
        """Record and answer."""
        return self._answer("read", cypher, params)

    def write(self, cypher: str, params: Params | None = None) -> Result:
        """Record and answer."""
        return self._answer("write", cypher, params)

    def write_each(self, statements: Iterable[Statement]) -> Generator[Result, None, None]:
        """Record and answer each, one after another."""
        for cypher, params in statements:
            yield self.write(cypher, params)

    def write_all(self, statements: Sequence[Statement]) -> list[Result]:
        """Record and answer each."""
        return [self._answer("write_all", cypher, params) for cypher, params in statements]

    def command(self, cypher: str) -> None:
        """Record."""
        self._answer("command", cypher, None)

    def plan(
        self, cypher: str, params: Params | None = None, *, timeout: float | None = None
    ) -> Plan:
        """Record and answer."""
        return self._plan("plan", cypher, params)

    def profile(
        self,
        cypher: str,
        params: Params | None = None,
        *,
        timeout: float | None = None,
        max_bytes: int | None = None,
    ) -> Plan:
        """Record and answer."""
        return self._plan("profile", cypher, params)

    def _plan(self, method: str, cypher: str, params: Params | None) -> Plan:
        self.calls.append((method, cypher, dict(params or {})))
        found = self._find(cypher)
        return found if isinstance(found, Plan) else Plan("r", ("ProduceResults",))

    def _answer(self, method: str, cypher: str, params: Params | None) -> Result:
        self.calls.append((method, cypher, dict(params or {})))
        found = self._find(cypher)
        return found if isinstance(found, Result) else Result((), ())

    def _find(self, cypher: str) -> Result | Plan | None:
        return next((answer for part, answer in self.answers.items() if part in cypher), None)
