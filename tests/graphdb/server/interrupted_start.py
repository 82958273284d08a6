"""A signal at the worst moment: the child process exists, and its maker has not got it yet."""

import signal
import subprocess
from pathlib import Path
from typing import Any

import psutil
import pytest

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def signal_as_a_child_starts(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> list[psutil.Process]:
    """Send this process a signal inside `Popen`; the result gets the children that it made."""
    made: list[psutil.Process] = []

    class Signalled(subprocess.Popen[Any]):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            made.append(psutil.Process(self.pid))
            signal.raise_signal(number)

    monkeypatch.setattr(subprocess, "Popen", Signalled)
    return made


def sleeping_java(folder: Path) -> Path:
    """In place of Java: a program that outlives the test for a minute unless it is killed."""
    java = folder / "java"
    java.write_text("#!/bin/sh\nexec sleep 60\n")
    java.chmod(0o755)
    return java
