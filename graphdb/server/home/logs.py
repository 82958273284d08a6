"""The server's logs: their last lines, new lines, and the reason why a server died."""

import re
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from headgraph.graphdb.server.home.folder import ServerHome

_TELLING = re.compile(r"\bERROR\b|Error|Exception|Caused by|No space left|^Invalid ")
_THROWN = re.compile(r'^(Exception in thread "[^"]*"|Caused by:) [\w.$]+(Exception|Error): ')


def tail(path: Path, lines: int) -> list[str]:
    """The last lines of a file; none if there is no file."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            # when it is up, Neo4j prints one control character
            said = (line.rstrip("\n") for line in file if line.strip("\x06\n"))
            return list(deque(said, maxlen=lines))
    except FileNotFoundError:
        return []


def recent(home: ServerHome, lines: int) -> list[str]:
    """The last lines of Neo4j's log, followed by Java's output since the last start."""
    said = tail(home.log, lines) + tail(home.console, lines)
    return said[max(0, len(said) - lines) :]


def follow(path: Path, every_s: float = 0.3) -> Iterator[str]:
    """New lines of a file as they are written, without end; starts over if the file is rotated."""
    place = path.stat().st_size if path.exists() else 0
    while True:
        if path.exists():
            if path.stat().st_size < place:
                place = 0  # rotated
            with path.open(encoding="utf-8", errors="replace") as file:
                file.seek(place)
                while (line := file.readline()).endswith("\n"):
                    yield line.rstrip("\n")
                    place = file.tell()
        time.sleep(every_s)


def size(path: Path) -> int:
    """Bytes of a log; 0 if there is none."""
    return path.stat().st_size if path.exists() else 0


def since(path: Path, before: int) -> str:
    """The text after the first `before` bytes of a log; all of it if the log was rotated."""
    if not path.exists():
        return ""
    with path.open("rb") as file:
        file.seek(before if before <= size(path) else 0)
        return file.read().decode("utf-8", errors="replace")


def last_words(home: ServerHome, before: int) -> str:
    """The lines that best explain why the server died, from its output since the start.

    Java states the problem in the first error line and its cause, if known, in the last.

    Args:
        home: home of the server.
        before: bytes of Neo4j's log before this start.
    """
    said = since(home.log, before).splitlines()
    said = [line for line in tail(home.console, 200) + said if line.strip()]
    telling = [line.strip() for line in said if _TELLING.search(line)] or said[-1:] or ["nothing"]
    said = [_THROWN.sub("", line)[:300] for line in (telling[0], telling[-1])]
    return " ... ".join(dict.fromkeys(said))
