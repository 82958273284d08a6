"""Freed memory is used again: fewer pages are asked for, in a process of its own."""

import subprocess
import sys

import pytest

from headgraph.pk_engine.linalg._allocator import keep_freed_memory

COUNT = """
import resource, sys
import numpy as np
from headgraph.pk_engine.linalg._allocator import keep_freed_memory
if sys.argv[1] == "keep":
    keep_freed_memory()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):  # a layer's matrices, which go when the next layer comes
    matrices = [np.ones(900_000, np.float32) for _ in range(8)]
    del matrices
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def pages(how: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", COUNT, how], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="a setting of glibc")
def test_pages_are_asked_for_once() -> None:
    assert pages("keep") < pages("give back") / 4


def test_a_library_without_the_setting_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headgraph.pk_engine.linalg._allocator._library", lambda: object())
    assert keep_freed_memory() is False
