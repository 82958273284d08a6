"""What a command imports: the last step's library beside the arithmetic, and nothing that a table
does without.
"""

import subprocess
import sys
from pathlib import Path

from pk_engine._early import WANTED, import_early

HEAVY = ("pandas", "pyarrow.parquet", "scipy", "torch", "numpy.f2py", "matplotlib")


def loaded(code: str) -> set[str]:
    """Which of the heavy libraries a process has at its end."""
    tell = f"{code}; import sys; print(*(n for n in {HEAVY} if n in sys.modules))"
    done = subprocess.run([sys.executable, "-c", tell], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_engine_does_not_wait_for_it() -> None:
    assert loaded("import pk_engine.scores") == set()
    early = loaded("from pk_engine._early import import_early; import_early().join()")
    assert early >= {WANTED}


def test_scoring_and_writing_need_neither_pandas_nor_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    code = f"import pk_engine; t = pk_engine.compute('induction-2l'); t.write({str(path)!r})"
    assert loaded(code) == {WANTED}
    assert "pandas" in loaded("import pk_engine; pk_engine.compute('induction-2l').frame")


def test_the_thread_ends() -> None:
    thread = import_early()
    thread.join(timeout=60)
    assert not thread.is_alive()
