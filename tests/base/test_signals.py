"""SIGTERM as an interruption, and only where nobody else has a word on it."""

import signal
import threading
from collections.abc import Iterator

import pytest

from headgraph.base.signals import sigterm_raises


@pytest.fixture(autouse=True)
def untreated() -> Iterator[None]:
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGTERM, before)


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
        with sigterm_raises():
            found.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert found == [signal.SIG_DFL]
