"""SIGTERM as an exception, so that work is undone as after Ctrl-C; both can be made to wait."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
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


@contextmanager
def signals_wait() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM that come in the block take effect right after it.

    For the start of a child process: an exception inside `subprocess.Popen` loses the process that
    it has just made, and nothing can end it any more. Handlers of Python alone are put off, and
    only in the main thread, the one that they interrupt. Each signal reaches its handler once.
    """
    heard: list[tuple[signal.Signals, FrameType | None]] = []

    def later(number: int, frame: FrameType | None) -> None:
        heard.append((signal.Signals(number), frame))

    found = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    main = threading.current_thread() is threading.main_thread()
    handlers = {number: handler for number, handler in found.items() if main and callable(handler)}

    def put_back() -> None:
        for number, handler in handlers.items():
            signal.signal(number, handler)

    def call_handlers() -> None:
        if heard:
            number, frame = heard.pop(0)
            try:
                handlers[number](number, frame)
            finally:  # one that raises does not keep a signal from the others
                call_handlers()

    try:
        for number in handlers:
            signal.signal(number, later)
        yield
    finally:
        try:
            put_back()
        finally:
            put_back()  # a handler that was back may have raised before the other was
            call_handlers()
