"""Every command that writes: asked before the work, never over what is no regular file."""

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from headgraph import cli
from tests.commands import headgraph
from tests.pk_engine.checkpoints import LLAMA_CONFIG, llama_tensors, save
from tests.pk_engine.scoring.test_interruption import CODE
from tests.test_cli import ROOT

WRITES = {
    "behaviour": ["nosuch", "-o", "{out}.csv"],
    "behaviour labels": ["nosuch", "--labels-out", "{out}.csv"],
    "compute": ["nosuch", "-o", "{out}.parquet"],
    "diff": ["nosuch", "nosuch", "--view", "{out}.html"],
    "export": ["nosuch.parquet", "-o", "{out}.graphml"],
    "export folder": ["nosuch.parquet", "--format", "csv", "-o", "{out}"],
    "export run": ["--run", "nosuch", "-o", "{out}.json"],
    "merge": ["nosuch.parquet", "-o", "{out}.parquet"],
    "plan": ["nosuch", "--calibrate", "{out}.json"],
    "browser": ["--kit", "{out}", "--run", "nosuch"],
    "query": ["hubs", "--run", "nosuch", "--graph", "--html", "{out}.html"],
    "reproduce": ["nosuch", "-o", "{out}.html"],
    "trajectory": ["nosuch", "-o", "{out}.csv"],
    "view": ["nosuch", "-o", "{out}.html"],
    "figure difference": ["nosuch", "nosuch", "-o", "{out}.svg"],
    **{
        f"figure {name}": ["nosuch", "-o", "{out}.svg"]
        for name in ("ablation", "behaviour", "causality", "copying", "detection", "heatmap",
                     "hubs", "identity", "informativeness", "nulls", "robustness", "scatter",
                     "training", "wiring")
    },
}  # fmt: skip
"""A line of each command that writes, about something that is not there: a check that comes after
the work, or after the database, says that instead."""


def test_no_picture_is_forgotten() -> None:
    from headgraph.analysis.figures.commands import figure

    assert {f"figure {name}" for name in figure.commands} == {
        name for name in WRITES if name.startswith("figure")
    }


def said(name: str, out: str, capsys: pytest.CaptureFixture[str], *more: str) -> str:
    command = [name.split()[0]] if not name.startswith("figure") else name.split()
    with pytest.raises(SystemExit) as stop:
        cli.main([*command, *(word.format(out=out) for word in WRITES[name]), *more])
    assert stop.value.code == 1
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("headgraph: ")
    assert len(last) < 300 + len(out)
    assert "bug" not in last
    return last


@pytest.mark.parametrize("name", WRITES)
def test_a_folder_that_cannot_be_written_is_known_before_the_work(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "cannot write /proc/out" in said(name, "/proc/out", capsys)


@pytest.mark.parametrize("name", WRITES)
def test_a_pipe_and_a_device_are_not_replaced(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ending = next(word for word in WRITES[name] if "{out}" in word).removeprefix("{out}")
    pipe, link = tmp_path / f"pipe{ending}", tmp_path / f"link{ending}"
    os.mkfifo(pipe)
    link.symlink_to(os.devnull)
    for path, kind in ((pipe, "a pipe"), (link, "a device")):
        assert f" is {kind}: expected the name of" in said(
            name, str(path).removesuffix(ending), capsys, "--force"
        )
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert link.is_symlink()
    assert sorted(tmp_path.iterdir()) == [link, pipe]


def run(*command: str, redirect: str = "") -> subprocess.CompletedProcess[str]:
    """A command line in a shell that redirects its output."""
    line = f'exec "$0" -m headgraph "$@" {redirect}'
    return subprocess.run(
        ["sh", "-c", line, sys.executable, *command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize(
    "line",
    [
        "--help",
        "--version",
        "completion bash",
        "query hubs --show --run gpt2",
        *(f"plan induction-2l --format {name}" for name in ("table", "json", "jsonl", "csv")),
    ],
)
def test_a_full_standard_output_is_one_sentence(line: str) -> None:
    done = run(*line.split(), redirect="> /dev/full")
    expected = "headgraph: standard output cannot be written: No space left on device\n"
    assert (done.returncode, done.stderr) == (1, expected)


def computed(folder: Path, memory: str, closed: str = "") -> bytes:
    """The one file that `compute` writes where streams are closed."""
    path = folder / "t.parquet"
    command = ("compute", "induction-2l", "--top-per-target", "3", "--memory", memory, "-o")
    done = run(*command, str(path), redirect=closed)
    assert done.returncode == 0, done.stderr
    assert list(folder.iterdir()) == [path]
    return path.read_bytes()


@pytest.fixture(scope="module", params=["2", "1e-9"])
def with_open_streams(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, bytes]:
    """Gigabytes of memory, and the bytes that `compute` writes with them."""
    return request.param, computed(tmp_path_factory.mktemp("open"), request.param)


@pytest.mark.parametrize("closed", [">&-", "<&- >&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_standard_stream_hurts_no_file(
    closed: str, with_open_streams: tuple[str, bytes], tmp_path: Path
) -> None:
    memory, expected = with_open_streams
    assert computed(tmp_path, memory, closed) == expected


def test_rows_for_a_closed_standard_output_are_no_bug() -> None:
    done = run("plan", "induction-2l", redirect=">&-")
    assert (done.returncode, done.stderr) == (0, "")


def test_names_that_are_not_utf_8(tmp_path: Path) -> None:
    folder = os.fsdecode(os.fsencode(tmp_path) + b"/f\xff")
    Path(folder).mkdir()
    table = f"{folder}/t.parquet"
    for command in (
        ("compute", "induction-2l", "--all", "-o", table),
        ("view", table, "-o", f"{folder}/v.html"),
        ("figure", "heatmap", table, "-o", f"{folder}/f.svg"),
        ("export", table, "-o", f"{folder}/e.graphml"),
        ("load", table, "--run", "bytes", "--dry-run"),  # the server may hold runs of other tests
    ):
        # only the first line comes from a shell: what Python makes of its bytes is in `folder`
        done = run(*command) if command[0] == "compute" else headgraph(*command)
        assert done.returncode == 0, done.stderr
        assert "bug" not in done.stderr
        if command[0] != "load":
            assert "f\\udcff/" in done.stdout
    assert len(list(Path(folder).iterdir())) == 4


def test_a_model_folder_that_is_not_utf_8_gives_a_table_that_can_be_read(tmp_path: Path) -> None:
    folder = os.fsdecode(os.fsencode(tmp_path) + b"/m\xff")
    save(Path(folder), llama_tensors(), LLAMA_CONFIG)
    table = str(tmp_path / "t.parquet")
    assert headgraph("compute", folder, "--all", "-o", table).returncode == 0
    for command in (("view", "v.html"), ("figure hubs", "h.svg"), ("export", "e.graphml")):
        done = headgraph(*command[0].split(), table, "-o", str(tmp_path / command[1]))
        assert done.returncode == 0, done.stderr


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[tuple["subprocess.Popen[str]", Path]]:
    """A compute that waits while its first group of layers has been saved, and its folder."""
    model, ready = save(tmp_path / "model", llama_tensors(), LLAMA_CONFIG), tmp_path / "ready"
    (tmp_path / "out").mkdir()
    command = ["compute", str(model), "-o", str(tmp_path / "out" / "t.parquet"), "--all"]
    with subprocess.Popen(
        [sys.executable, "-c", CODE, str(ready), "0", *command],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=partial(signal.signal, signal.SIGTERM, signal.SIG_DFL),
    ) as work:
        while not ready.exists() and work.poll() is None:
            time.sleep(0.02)
        yield work, tmp_path / "out"
        work.kill()


def test_sigterm_stops_as_ctrl_c_does(waiting: tuple["subprocess.Popen[str]", Path]) -> None:
    work, folder = waiting
    work.terminate()
    out, err = work.communicate(timeout=240)
    assert (work.returncode, out, err) == (143, "", "stopped\n")
    assert list(folder.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_FSIZE stands for a full disk here")
@pytest.mark.parametrize(
    "line", ["compute induction-2l --top-per-target 1 -o {out}", "plan induction-2l"]
)
def test_a_full_folder_for_temporary_files_is_said_to_be_one(line: str, tmp_path: Path) -> None:
    code = (
        "import resource, signal, sys; from headgraph import cli\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "cli.main(sys.argv[1:])\n"
    )
    words = line.format(out=tmp_path / "t.parquet").split()
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    (said,) = done.stderr.splitlines()
    assert done.returncode == 1
    assert said == (
        "headgraph: the folder for temporary files cannot be written: File too large; set TMPDIR "
        "to one with room"
    )
    assert not list(tmp_path.iterdir())
