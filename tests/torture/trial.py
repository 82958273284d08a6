"""One input read under limits, and what came of it."""

import gc
import os
import resource
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import IO

from headgraph.base.errors import HeadgraphError
from tests.sentences import fault_of
from tests.torture.kinds import KINDS

SECONDS, MEGABYTES = 10, 400
READ = "read"


class TooLong(BaseException):
    """Raised in the middle of a trial that takes too much processor time."""


@contextmanager
def limited() -> Iterator[None]:
    """Let the process take only so much more memory than it has now."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * os.sysconf("SC_PAGE_SIZE") + MEGABYTES * 1_000_000
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


@contextmanager
def _clocked() -> Iterator[None]:
    """Processor time, which does not depend on what else the machine does."""

    def stop(*_: object) -> None:
        raise TooLong

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


@contextmanager
def _printed() -> Iterator[IO[str]]:
    """A file that holds at the end what was printed, also by libraries in C."""
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as printed:
        before = {number: os.dup(number) for number in (1, 2)}
        try:
            for number in before:
                os.dup2(printed.fileno(), number)
            with redirect_stdout(printed), redirect_stderr(printed):
                yield printed
        finally:
            for number, old in before.items():
                os.dup2(old, number)
                os.close(old)


def names(folder: Path) -> set[str]:
    """Everything below a folder."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def tried(kind: str, file: Path, data: bytes, folder: Path) -> tuple[str, str | None]:
    """What one input came to, and what is wrong with that.

    Args:
        kind: a name in `KINDS`.
        file: where the input belongs.
        data: the input.
        folder: holds the file and all that lies beside it.

    Returns:
        `READ`, or the first words of the sentence that refuses it; and None, or the fault.
    """
    before = names(folder)
    file.write_bytes(data)
    with _printed() as printed:
        came_to, fault = _outcome(kind, file, folder)
        printed.seek(0)
        said = printed.read(200)
    if said:
        fault = f"it prints {said!r}"
    if left := names(folder) - before:
        fault = f"{sorted(left)} were left behind"
    return came_to, fault


def _outcome(kind: str, file: Path, folder: Path) -> tuple[str, str | None]:
    try:
        with _clocked():
            KINDS[kind].use(file)
        came_to, fault = READ, None
    except HeadgraphError as error:
        came_to, fault = _words(error, folder), fault_of(str(error), folder)
    except TooLong:
        came_to, fault = "no end", f"it takes more than {SECONDS} s of processor time"
    except MemoryError:
        gc.collect()
        came_to, fault = "no memory", f"it takes more than {MEGABYTES} MB"
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        came_to, fault = type(error).__name__, f"{type(error).__name__}: {error}"[:300]
    return came_to, fault


def _words(error: HeadgraphError, folder: Path) -> str:
    """What tells one refusal from another: its class, and its text without values."""
    said = str(error).replace(str(folder), "")
    letters = "".join(one if one.isascii() and one.isalpha() else " " for one in said)
    return f"{type(error).__name__}: {' '.join(letters.split())[:40]}"
