"""A line typed into a real shell, and what stands there after Tab."""

import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path

STARTS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], 'eval "$(headgraph completion bash)"'),
    "zsh": (
        ["zsh", "-f", "-i"],
        'autoload -U compinit; compinit -u -D; eval "$(headgraph completion zsh)"',
    ),
    "fish": (["fish", "--no-config", "-i"], "headgraph completion fish | source"),
}
_OWN_TERMINAL = (
    "import fcntl, os, sys, termios;"
    "fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"
)
"""Fish wants a terminal that it controls."""
_LONGEST = 120.0  # seconds for an answer on a busy machine
_PATIENT = (
    "from headgraph import cli; from headgraph.shell_completion import _shells;"
    f"_shells.SECONDS = {_LONGEST}; cli.main()"
)
"""headgraph, which gives up after some seconds: a user waits no longer, a busy machine may."""


class Shell:
    """An interactive shell that has loaded headgraph's completion."""

    def __init__(self, name: str, folder: Path) -> None:
        command = folder / "headgraph"
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{_PATIENT}" "$@"\n')
        command.chmod(0o755)
        argv, load = STARTS[name]
        self._fd, inside = pty.openpty()
        self._process = subprocess.Popen(
            [sys.executable, "-c", _OWN_TERMINAL, *argv],
            stdin=inside,
            stdout=inside,
            stderr=inside,
            start_new_session=True,
            cwd=folder,
            env={
                **os.environ,
                "PATH": f"{folder}:{os.environ['PATH']}",
                "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
                "HOME": str(folder),
                "TERM": "dumb",
                "COLUMNS": "200",
            },
        )
        os.close(inside)
        self._text = ""
        try:
            self._send(f"{load}; echo lo''aded\n")
            self.until("loaded")
        except AssertionError:
            self.close()
            raise

    def type(self, line: str) -> None:
        """Type something, with a tab character for Tab; what came before is forgotten."""
        self._read(0.2)
        self._text = ""
        self._send(line)

    def until(self, wanted: str) -> str:
        """Everything that the shell shows, once it shows this."""
        end = time.monotonic() + _LONGEST
        while wanted not in self._text:
            if time.monotonic() > end:
                raise AssertionError(f"no {wanted!r} in {self._text!r}")
            self._read(0.2)
        return self._text

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        os.close(self._fd)

    def _send(self, text: str) -> None:
        os.write(self._fd, text.encode())

    def _read(self, seconds: float) -> None:
        while select.select([self._fd], [], [], seconds)[0]:
            try:
                shown = os.read(self._fd, 65536).decode(errors="replace")
            except OSError:
                return
            # bells in the middle of a word, spaces taken back, colours
            self._text = re.sub(r"\x07| \x08|\x1b\[[0-9;?]*[A-Za-z]", "", self._text + shown)
