"""SIGTERM as an interruption: what is under way is undone, as after Ctrl-C.

Untreated it ends Python at once, and a child process goes on without anybody who waits for it.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def sigterm_interrupts() -> Iterator[None]:
    """While the block runs, SIGTERM raises KeyboardInterrupt in it.

    Python lets the main thread alone say what a signal does, so elsewhere this changes nothing; nor
    does it where a program has a handler of its own, or ignores the signal.
    """
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt
