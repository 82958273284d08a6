"""SIGTERM as an exception, so that work is undone as after Ctrl-C."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn


@contextmanager
def sigterm_raises(kind: type[BaseException] = KeyboardInterrupt) -> Iterator[None]:
    """Raise `kind` in the block on SIGTERM.

    By default SIGTERM ends Python at once: temporary files stay, and child processes run on.
    Nothing changes if the program handles or ignores the signal itself, or outside the main
    thread, which alone may set handlers.
    """

    def interrupt(*_: object) -> NoReturn:
        raise kind

    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
