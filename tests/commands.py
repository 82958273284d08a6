"""A command line, run in this process or, where that is what is tested, in one of its own."""

import io
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout

import pytest

from headgraph import cli

STRICT = [
    "-W", "error",
    # a dependency may deprecate what another calls; tests in this process find what ours call
    *(word for kind in ("Deprecation", "PendingDeprecation", "Future")
      for word in ("-W", f"ignore::{kind}Warning", "-W", f"error::{kind}Warning:__main__")),
]  # fmt: skip
"""Options of Python for a process whose own warnings are errors, as in pyproject.toml for tests."""


def headgraph(*args: str, **env: str) -> subprocess.CompletedProcess[str]:
    """What `headgraph ARGS` answers, without the second or two in which Python starts."""
    out, err = (
        io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2)
    )
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        for name, value in env.items():
            patch.setenv(name, value)
        with pytest.raises(SystemExit) as stop:
            cli.main([*args])
    code = stop.value.code
    assert isinstance(code, int)
    said = [stream.buffer.getvalue().decode("utf-8") for stream in (out, err)]  # type: ignore[attr-defined]
    return subprocess.CompletedProcess([*args], code, *said)


def headgraph_process(*args: str, **env: str) -> subprocess.CompletedProcess[str]:
    """The same of a new process."""
    return subprocess.run(
        [sys.executable, "-m", "headgraph", *args],
        capture_output=True,
        text=True,
        env={**os.environ, **env},
        timeout=120,
    )
