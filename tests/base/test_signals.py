"""SIGTERM as an interruption where the program has no handler; a block in which signals wait."""

import asyncio
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from headgraph.base.signals import signals_wait, sigterm_raises


@pytest.fixture(autouse=True)
def untreated() -> Iterator[None]:
    usual = {signal.SIGTERM: signal.SIG_DFL, signal.SIGINT: signal.default_int_handler}
    before = {number: signal.signal(number, handler) for number, handler in usual.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_it_interrupts_inside_the_block_alone() -> None:
    with pytest.raises(KeyboardInterrupt), sigterm_raises():
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_it_raises_what_the_caller_names() -> None:
    class Ended(KeyboardInterrupt):
        pass

    with pytest.raises(Ended), sigterm_raises(Ended):
        signal.raise_signal(signal.SIGTERM)


def test_a_handler_of_the_programs_own_stays() -> None:
    heard: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
    with sigterm_raises():
        signal.raise_signal(signal.SIGTERM)
    assert heard == [signal.SIGTERM]


def test_other_threads_leave_signals_alone() -> None:
    found: list[object] = []

    def look() -> None:
        with sigterm_raises(), signals_wait():
            found.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert found == [signal.SIG_DFL]


BOTH = (signal.SIGINT, signal.SIGTERM)


@pytest.mark.parametrize("number", BOTH)
def test_a_signal_in_the_block_comes_after_it(number: signal.Signals) -> None:
    steps: list[str] = []
    before = signal.getsignal(signal.SIGINT)

    def block() -> None:
        with signals_wait():
            signal.raise_signal(number)
            steps.append("end of the block")
        steps.append("after it")

    with pytest.raises(KeyboardInterrupt), sigterm_raises():
        block()
    assert steps == ["end of the block"]
    assert signal.getsignal(signal.SIGINT) == before
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_each_signal_in_the_block_comes_once_and_in_order() -> None:
    heard: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
    signal.signal(signal.SIGINT, lambda number, _: heard.append(number))
    with signals_wait():
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
            signal.raise_signal(number)
        assert heard == []
    assert heard == [signal.SIGTERM, signal.SIGINT, signal.SIGTERM]


def test_each_signal_is_heard_though_the_handler_of_one_before_raises() -> None:
    heard: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))

    def block() -> None:
        with signals_wait():
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGTERM)

    with pytest.raises(KeyboardInterrupt):
        block()
    assert heard == [signal.SIGTERM]


def test_handlers_are_back_and_none_is_missed_though_one_raises_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heard: list[int] = []
    own: Any = lambda number, _: heard.append(number)  # noqa: E731
    before, replace = signal.getsignal(signal.SIGINT), signal.signal
    replace(signal.SIGTERM, own)
    late = [signal.SIGINT]

    def interrupted(number: signal.Signals, handler: Any) -> Any:
        found = replace(number, handler)
        if handler is before and late:
            signal.raise_signal(late.pop())
        return found

    def block() -> None:
        with signals_wait():
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(signal, "signal", interrupted)
    with pytest.raises(KeyboardInterrupt):
        block()
    monkeypatch.undo()
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == (before, own)
    assert heard == [signal.SIGTERM]


def test_a_loop_of_asyncio_hears_a_signal_once() -> None:
    heard: list[str] = []

    async def run() -> None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, heard.append, "SIGTERM")
        with signals_wait():
            signal.raise_signal(signal.SIGTERM)
        for _ in range(20):
            await asyncio.sleep(0.01)

    asyncio.run(run())
    assert heard == ["SIGTERM"]


def test_an_error_in_the_block_does_not_lose_a_signal() -> None:
    def block() -> None:
        with signals_wait():
            signal.raise_signal(signal.SIGTERM)
            raise OSError("no such program")

    with pytest.raises(KeyboardInterrupt) as caught, sigterm_raises():
        block()
    assert isinstance(caught.value.__context__, OSError)


def test_ignored_signals_stay_ignored_in_the_block() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with signals_wait():
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN
        signal.raise_signal(signal.SIGTERM)
