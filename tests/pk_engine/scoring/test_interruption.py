"""Ctrl-C in the middle of the work, as a terminal sends it, and going on afterwards."""

import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from headgraph.base.progress import bar
from headgraph.pk_engine import AffinityTable, Selection, compute
from tests.pk_engine.checkpoints import LLAMA_CONFIG, llama_tensors, save
from tests.shared import GPT2, needs_shared
from tests.test_cli import ROOT

# the command itself; what it compares waits for a signal after some groups of layers, so that the
# signal meets the same moment on any machine
CODE = """
import sys, time
from functools import partial
from pathlib import Path
from headgraph import cli
from headgraph.pk_engine.scoring import job
score, ready, groups = job.score_group, Path(sys.argv[1]), [int(sys.argv[2])]
def slow(*args, **kwargs):
    if not groups[0]:
        ready.touch()
        time.sleep(60)
    groups[0] -= 1
    return score(*args, **kwargs)
job.score_group = slow
cli.main(sys.argv[3:])
"""

# nothing is replaced but that every product whose singular values are taken leaves a byte
BUSY = """
import sys
from pathlib import Path
import numpy as np
from headgraph import cli
inner, ready = np.linalg.svdvals, Path(sys.argv[1])
def told(products):
    with ready.open("ab") as file:
        file.write(b"." * len(products))
    return inner(products)
np.linalg.svdvals = told
cli.main(sys.argv[2:])
"""


def interrupted(code: str, ready: Path, *command: str) -> tuple[int, str, str]:
    """A command that gets Ctrl-C when it is ready: exit code, stdout, stderr."""
    with subprocess.Popen(
        [sys.executable, "-c", code, str(ready), *command],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # what a shell runs in the background ignores Ctrl-C, and so would its children
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    ) as work:
        deadline = time.monotonic() + 240
        while not ready.exists() and work.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.2)
        work.send_signal(signal.SIGINT)
        out, said = work.communicate(timeout=120)
    return work.returncode, out, said


@needs_shared
def test_ctrl_c_while_threads_compute_stops_them(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    command = ("compute", str(GPT2), "-o", str(tmp_path / "t.parquet"), "--metrics", "procrustes",
               "--backend", "numpy")  # fmt: skip
    code, out, said = interrupted(BUSY, ready, *command)
    assert (code, out, said) == (130, "", "stopped\n")
    assert 0 < ready.stat().st_size < 28_512 / 4, "pairs compared, of which a whole job has 28,512"
    assert [path.name for path in tmp_path.iterdir()] == ["ready"]


@pytest.mark.parametrize(("memory", "groups"), [("2", 0), ("1e-9", 2)])
def test_ctrl_c_is_one_line_and_130_and_the_same_command_goes_on(
    tmp_path: Path, memory: str, groups: int
) -> None:
    folder = save(tmp_path / "model", llama_tensors(), LLAMA_CONFIG)
    output, ready = tmp_path / "t.parquet", tmp_path / "ready"
    command = ["compute", str(folder), "-o", str(output), "--all", "--memory", memory,
               "--layer-order", "all", "--backend", "numpy"]  # fmt: skip
    code, out, said = interrupted(CODE, ready, str(groups), *command)
    assert (code, out, said) == (130, "", "stopped\n")
    assert not output.exists()
    partial = Path(f"{output}.partial")
    assert partial.exists() == (groups > 0)

    begun: list[int] = []

    def listen(what: str, done: int, total: int) -> None:
        if what == "Comparing groups of layers":
            begun.append(done)

    # a session that has torch in memory would choose it, and that is another job
    options = {"selection": Selection(), "memory": float(memory), "layer_order": "all",
               "backend": "numpy"}  # fmt: skip
    table = compute(folder, partial=partial, progress=listen, **options)  # type: ignore[arg-type]
    assert begun == ([2, 3] if groups else []), "finished groups are not done again"
    assert not partial.exists()
    assert table.sha256 == compute(folder, **options).sha256  # type: ignore[arg-type]
    assert isinstance(table, AffinityTable)


def test_progress_moves_inside_one_group_of_layers(tmp_path: Path) -> None:
    folder = save(tmp_path / "model", llama_tensors(), LLAMA_CONFIG)
    told: list[tuple[int, int]] = []

    def listen(what: str, done: int, total: int) -> None:
        if what == "Comparing heads":
            told.append((done, total))

    metrics = ["pk", "cs", "procrustes_columns"]
    compute(folder, metrics=metrics, progress=listen)
    done = [at for at, _ in told]
    assert {total for _, total in told} == {300}
    assert done == sorted(done)
    assert done[-1] == 300
    assert len(set(done)) > 3, "more than the ends of the three comparisons"


def test_an_interruption_between_tiles_stops_the_work(tmp_path: Path) -> None:
    folder = save(tmp_path / "model", llama_tensors(), LLAMA_CONFIG)

    def interrupt(what: str, done: int, total: int) -> None:
        if what == "Comparing heads":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compute(folder, progress=interrupt)


def test_the_bar_begins_again_for_the_next_group(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    with bar() as progress:
        progress("Reading layers", 2, 2)
        progress("Reading layers", 1, 2)
    last = capsys.readouterr().err.rpartition("Reading layers")[2]
    assert "50%" in last
    assert "-:--:--" in last, "the time left is open again, not that of the group before"
