"""Whether the process that made an attempt still runs: what it writes down, and how that is read.

A process number proves an end at once, and only where it can be looked up: on the same machine,
since the same boot, among the same processes (a container has its own). Everywhere else the time
since the loader last showed that it is at work must do.
"""

import os
import platform
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

BEAT_S = 30.0
"""Seconds after which a loader shows again that it is at work."""

SILENT_S = 600.0
"""Seconds of silence after which a loader elsewhere counts as dead. No step of a load takes nearly
so long; a machine that slept for longer finds its attempt gone, and says so."""

_CLOCK_S = 60.0  # by how much a process's start may seem to move, where the clock was set

_ended: set[str] = set()


def own_process() -> dict[str, Any]:
    """What an attempt says of the process that makes it."""
    import psutil

    return {
        "pid": os.getpid(),
        "began": psutil.Process().create_time(),
        "host": platform.node(),
        "place": _place(),
    }


def gave_up(token: str) -> None:
    """Remember an attempt that failed, since the process that made it goes on."""
    _ended.add(token)


def is_alive(process: Mapping[str, Any], token: str | None, silent_s: float | None) -> bool | None:
    """Whether the loader of an attempt is still at work; None where nothing tells.

    Args:
        process: what `own_process` gave there.
        token: of the attempt.
        silent_s: seconds since it showed that it is at work.
    """
    silent = None if silent_s is None else silent_s > SILENT_S
    if process.get("place") != _place():
        return None if silent is None else not silent
    if process.get("pid") == os.getpid():
        return token not in _ended
    return _runs(process.get("pid"), process.get("began"), silent=silent is not False)


def _runs(pid: object, began: object, *, silent: bool) -> bool | None:
    """Whether a process runs here; a silent one that began at another time is another."""
    import psutil

    if type(pid) is not int or pid < 1 or not isinstance(began, int | float):
        return None
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        return not silent or abs(process.create_time() - began) < _CLOCK_S
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True  # it is there


@cache
def _place() -> str:
    """What the number of a process can be looked up in: this machine since it was started."""
    boot, processes = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")
    if boot.exists() and processes.is_symlink():
        return f"{boot.read_text(encoding='ascii').strip()} {processes.readlink()}"
    import uuid

    return f"{platform.node()} {uuid.getnode()}"
