"""What scoring imports: nothing that a table does without."""

import subprocess
import sys
from pathlib import Path

HEAVY = ("pandas", "pyarrow.parquet", "scipy", "torch", "numpy.f2py", "numpy.ma", "matplotlib")


def loaded(code: str) -> set[str]:
    """Which of the heavy libraries a process has at its end."""
    tell = f"{code}; import sys; print(*(n for n in {HEAVY} if n in sys.modules))"
    done = subprocess.run([sys.executable, "-c", tell], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_scores_are_made_of_arrays() -> None:
    scored = "from headgraph import pk_engine; table = pk_engine.compute('induction-2l')"
    assert loaded(scored) == set()
    assert "pandas" in loaded(f"{scored}; table.frame")


def test_a_table_is_written_without_pandas(tmp_path: Path) -> None:
    code = "from headgraph import pk_engine; pk_engine.compute('induction-2l').write({!r})"
    assert loaded(code.format(str(tmp_path / "t.parquet"))) == {"pyarrow.parquet"}
