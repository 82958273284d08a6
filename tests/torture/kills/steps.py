"""The steps of a command that others can see: files that change, and messages to a database.

A kill at a random time seldom meets the milliseconds in which a file takes its place or a
transaction ends. A kill at a random step does.
"""

import contextlib
import os
import signal
import socket
import sys
from typing import Any

_EVENTS = ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate", "subprocess.Popen")
_WRITES = os.O_WRONLY | os.O_RDWR
_state = {"taken": 0, "last": 0, "calls": 0, "victim": 0}


def begin(last: int, calls: int, victim: int) -> None:
    """Count steps from now on; so many calls and returns after the last one, kill a process.

    Args:
        last: number of that step, from 1; 0 kills nothing.
        calls: how many calls and returns of functions after it; 0 kills before it.
        victim: the process.
    """
    _state.update(taken=0, last=last, calls=calls, victim=victim)
    sys.addaudithook(_listen)
    fsync = os.fsync

    def stepping(descriptor: Any) -> None:
        _step()
        fsync(descriptor)

    os.fsync = stepping
    _count_messages()


def taken() -> int:
    """The number of steps so far."""
    return _state["taken"]


def has_killed() -> bool:
    """Whether the kill has come, of another process."""
    return _state["calls"] < 0


def _listen(event: str, args: tuple[Any, ...]) -> None:
    if event in _EVENTS or (event == "open" and isinstance(args[2], int) and args[2] & _WRITES):
        _step()


def _count_messages() -> None:
    sendall = socket.socket.sendall

    def stepping(self: socket.socket, data: Any, *flags: int) -> None:
        _step()
        sendall(self, data, *flags)

    socket.socket.sendall = stepping  # type: ignore[assignment, method-assign]


def _step() -> None:
    _state["taken"] += 1
    if _state["taken"] == _state["last"]:
        _call()


def _call(*_: Any) -> None:
    """Count a call or return; this one is the last before the kill, or another follows."""
    if _state["calls"] > 0:
        _state["calls"] -= 1
        sys.setprofile(_call)
        return
    sys.setprofile(None)
    _state["calls"] = -1
    with contextlib.suppress(ProcessLookupError):
        os.kill(_state["victim"], signal.SIGKILL)
