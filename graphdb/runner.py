"""The interface of a database, `Runner`: `Graph` has it, and `RecordingGraph` for tests."""

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
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


@dataclass
class RecordingGraph:
    """Has the interface of `Graph`; answers from `answers`, by a text that the statement holds.

    Attributes:
        answers: part of a statement -> Result or Plan to give; an empty Result where none matches.
        calls: (method, statement, parameters) in the order they came.
    """

    answers: Mapping[str, Result | Plan] = field(default_factory=dict)
    calls: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    def read(
        self,
        cypher: str,
        params: Params | None = None,
        *,
        timeout: float | None = None,
        limit: int | None = None,
        max_bytes: int | None = None,
    ) -> Result:
        """Remember and answer."""
        return self._answer("read", cypher, params)

    def write(self, cypher: str, params: Params | None = None) -> Result:
        """Remember and answer."""
        return self._answer("write", cypher, params)

    def write_each(self, statements: Iterable[Statement]) -> Generator[Result, None, None]:
        """Remember and answer each, one after another."""
        for cypher, params in statements:
            yield self.write(cypher, params)

    def write_all(self, statements: Sequence[Statement]) -> list[Result]:
        """Remember and answer each."""
        return [self._answer("write_all", cypher, params) for cypher, params in statements]

    def command(self, cypher: str) -> None:
        """Remember."""
        self._answer("command", cypher, None)

    def plan(
        self, cypher: str, params: Params | None = None, *, timeout: float | None = None
    ) -> Plan:
        """Remember and answer; a plain read where no answer is given."""
        self.calls.append(("plan", cypher, dict(params or {})))
        found = self._find(cypher)
        return found if isinstance(found, Plan) else Plan("r", ("ProduceResults",))

    def _answer(self, method: str, cypher: str, params: Params | None) -> Result:
        self.calls.append((method, cypher, dict(params or {})))
        found = self._find(cypher)
        return found if isinstance(found, Result) else Result((), ())

    def _find(self, cypher: str) -> Result | Plan | None:
        return next((answer for part, answer in self.answers.items() if part in cypher), None)
