"""Libraries of the last step are imported beside the arithmetic, and not before it."""

import subprocess
import sys

from pk_engine._early import LIBRARIES, import_early


def loaded(code: str) -> set[str]:
    tell = f"{code}; import sys; print(*(n for n in {LIBRARIES} if n in sys.modules))"
    done = subprocess.run([sys.executable, "-c", tell], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_engine_does_not_wait_for_them() -> None:
    assert loaded("import pk_engine.scores") == set()
    assert loaded("from pk_engine._early import import_early; import_early().join()") == set(
        LIBRARIES
    )


def test_the_thread_ends() -> None:
    thread = import_early()
    thread.join(timeout=60)
    assert not thread.is_alive()
