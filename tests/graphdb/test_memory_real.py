"""A read that gets no memory is tried again if others hold it, and refused if it needs too much."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest
from neo4j.exceptions import Neo4jError

from headgraph import queries
from headgraph.graphdb import Graph
from headgraph.graphdb.connection import memory
from headgraph.graphdb.connection.memory import lack_of_memory
from headgraph.graphdb.errors import MemoryTaken, OutOfMemory

TEXT = "x" * 100_000
HELD = "UNWIND range(1, 2000) AS a WITH collect($text + a) AS them UNWIND range(1, 9999) AS b "
"""Half of what the server gives to all statements, until its rows are fetched; and more before."""

COUNTED = "UNWIND range(1, $n) AS a WITH collect($text + a) AS them RETURN size(them) AS n"


@contextmanager
def holder(graph: Graph) -> Iterator[Any]:
    """A transaction that holds memory."""
    with graph.session(fetch_size=1) as session, session.begin_transaction() as transaction:
        assert transaction.run(HELD + "RETURN b, size(them) AS n", text=TEXT).peek()["n"] == 2000
        yield transaction


class Pauses:
    """In place of `time.sleep`: what is done in the pauses between tries, and how many came."""

    def __init__(self) -> None:
        self.count = 0
        self.then: Any = lambda: None

    def __call__(self, seconds: float) -> None:
        self.count += 1
        self.then()


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> Pauses:
    found = Pauses()
    monkeypatch.setattr(memory, "sleep", found)
    return found


def test_a_read_is_tried_again_until_others_free_the_memory(
    database: Graph, pauses: Pauses
) -> None:
    with holder(database) as transaction:
        pauses.then = lambda: transaction.close() if pauses.count == 2 else None
        answer = database.read(COUNTED, {"n": 2000, "text": TEXT})
    assert (answer.single(), pauses.count) == (2000, 2)


def test_a_read_ends_in_one_sentence_if_the_memory_stays_taken(
    database: Graph, pauses: Pauses
) -> None:
    with holder(database), pytest.raises(MemoryTaken) as caught:
        queries.cypher(COUNTED, database, params={"n": 2000, "text": TEXT}, timeout=1e6)
    assert str(caught.value).startswith(
        "other statements hold the server's memory: try again later (Neo4j: The allocation of an "
    )
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300
    assert pauses.count == len(memory.PAUSES_S)


def test_no_pause_is_longer_than_the_time_that_is_left(
    database: Graph, pauses: Pauses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "PAUSES_S", (1e6,))
    with holder(database), pytest.raises(MemoryTaken):
        database.read(COUNTED, {"n": 2000, "text": TEXT}, timeout=1e5)
    assert pauses.count == 0


@pytest.mark.parametrize("beside", [False, True])
def test_a_read_that_needs_too_much_is_not_tried_again(
    database: Graph, pauses: Pauses, beside: bool
) -> None:
    """Alone it reaches its own limit. Beside others it reaches that of all, until they end."""
    with holder(database) as transaction:
        if beside:
            pauses.then = transaction.close
        else:
            transaction.close()
        with pytest.raises(OutOfMemory, match=r"limit 496\.0 MiB") as caught:
            database.read(COUNTED, {"n": 9000, "text": TEXT})
    assert not isinstance(caught.value, MemoryTaken)
    assert pauses.count == beside


def failure(code: str, message: str = "") -> Neo4jError:
    """An error as the driver raises it."""
    kind = type("Failure", (Neo4jError,), {"code": code, "message": message})
    return kind(message)  # type: ignore[no-any-return]


class Refuses:
    """A session in which no statement runs."""

    def __init__(self, code: str) -> None:
        self.code = code

    def run(self, cypher: str) -> Any:
        raise failure(self.code)


class Shows(Refuses):
    """A session that shows a setting."""

    def run(self, cypher: str) -> Any:
        return self

    def value(self) -> list[str]:
        return [self.code]


NO_MEMORY = "Neo.TransientError.General.MemoryPoolOutOfMemoryError"


@pytest.mark.parametrize(
    ("session", "kind"),
    [
        (Shows("496.00MiB"), MemoryTaken),
        (Shows("0B"), OutOfMemory),  # no limit for each, as by default
        (Shows("512.00MiB"), OutOfMemory),  # one that is no lower, and never reached
        (Shows("1.00GiB"), OutOfMemory),
        (Refuses("Neo.ClientError.Security.Forbidden"), OutOfMemory),
        (Refuses(NO_MEMORY), MemoryTaken),  # so little is refused only if others hold all
    ],
)
def test_only_a_lower_limit_for_each_tells_that_others_hold_the_memory(
    session: Refuses, kind: type[OutOfMemory]
) -> None:
    message = "The allocation of an extra 2.0 MiB would use more than the limit 512.0 MiB. "
    error = failure(NO_MEMORY, message + "dbms.memory.transaction.total.max threshold reached")
    assert type(lack_of_memory(error, lambda: nullcontext(session))) is kind
