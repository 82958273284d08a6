"""Statements in transactions of their own, two at once."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing
from typing import Any

import pytest

from headgraph.graphdb.connection._threads import WRITERS, write_each
from headgraph.graphdb.connection.runner import Params, Statement
from headgraph.graphdb.results.result import Result

WAIT = 10.0


def answer(value: Any) -> Result:
    return Result(("n",), ((value,),))


def numbered(count: int) -> Iterator[Statement]:
    return (("CREATE", {"n": n}) for n in range(count))


def values(results: Iterator[Result]) -> list[Any]:
    return [result.rows[0][0] for result in results]


class Database:
    """Writes statement 0 only when `release` is set."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.begun: list[int] = []
        self.ended: list[int] = []

    def write(self, cypher: str, params: Params) -> Result:
        number = params["n"]
        self.begun.append(number)
        if number == 0:
            assert self.release.wait(WAIT)
        self.ended.append(number)
        return answer(number)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 50])
def test_each_statement_is_written_once_and_answered_in_its_turn(count: int) -> None:
    seen: list[int] = []

    def write(cypher: str, params: Params) -> Result:
        seen.append(params["n"])
        return answer(params["n"])

    assert values(write_each(write, numbered(count))) == list(range(count))
    assert sorted(seen) == list(range(count))


def test_two_are_at_work_at_once_and_never_more() -> None:
    together = threading.Barrier(WRITERS, timeout=WAIT)
    at_work, most = 0, 0
    lock = threading.Lock()

    def write(cypher: str, params: Params) -> Result:
        nonlocal at_work, most
        with lock:
            at_work += 1
            most = max(most, at_work)
        together.wait()  # ends only when the other one is there as well
        with lock:
            at_work -= 1
        return answer(params["n"])

    assert values(write_each(write, numbered(20))) == list(range(20))
    assert most == WRITERS == 2


def test_a_later_one_that_ends_first_is_answered_in_its_turn() -> None:
    database = Database()

    def statements() -> Iterator[Statement]:
        yield from numbered(2)
        database.release.set()  # asked for while the first two are written
        yield "CREATE", {"n": 2}

    assert values(write_each(database.write, statements())) == [0, 1, 2]
    assert database.ended[-1] == 2


def test_an_error_is_raised_in_its_turn_when_nothing_is_at_work_any_more() -> None:
    release, ended = threading.Event(), []

    def write(cypher: str, params: Params) -> Result:
        if params["n"] == 0:
            release.set()
            raise ValueError("no room")
        assert release.wait(WAIT)
        ended.append(params["n"])
        return answer(params["n"])

    taken = []

    def statements() -> Iterator[Statement]:
        for n in range(10):
            taken.append(n)
            yield "CREATE", {"n": n}

    with pytest.raises(ValueError, match="no room"):
        next(write_each(write, statements()))
    assert ended == [1]
    assert taken == [0, 1, 2]  # the third was made ahead, and never written


def test_statements_that_cannot_be_made_fail_when_what_began_has_ended() -> None:
    database = Database()

    def broken() -> Iterator[Statement]:
        yield from numbered(1)
        threading.Timer(0.05, database.release.set).start()
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        next(write_each(database.write, broken()))
    assert database.ended == [0]


def test_closed_early_it_waits_for_what_it_began() -> None:
    database = Database()
    database.release.set()
    with closing(write_each(database.write, numbered(50))) as results:
        assert next(results).rows == ((0,),)
    assert sorted(database.ended) == sorted(database.begun)
    assert len(database.begun) <= WRITERS + 1


def test_ctrl_c_does_not_wait_for_a_server_that_does_not_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Interrupted(Future[Result]):
        """Ctrl-C comes while its result is waited for."""

        def result(self, timeout: float | None = None) -> Result:
            raise KeyboardInterrupt

    monkeypatch.setattr("headgraph.graphdb.connection._threads.Future", Interrupted)
    database = Database()
    try:
        with pytest.raises(KeyboardInterrupt):
            next(write_each(database.write, numbered(50)))
        assert 0 not in database.ended
        assert set(database.begun) <= {0, 1}
        left = [it for it in threading.enumerate() if it.name == "headgraph-write"]
        assert left
        assert all(it.daemon for it in left)  # nor does the end of the process wait
    finally:
        database.release.set()
    for thread in left:
        thread.join(WAIT)
    assert 0 in database.ended
