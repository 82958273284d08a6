"""What a job resumes from stays until its output lies at its place, and no longer."""

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headgraph.base.errors import OutputExists
from headgraph.pk_engine import AffinityTable, Selection, compute, compute_part, merge
from headgraph.pk_engine.errors import EngineError, TableError
from headgraph.pk_engine.scoring.progress import COMPARING, RESUMED
from headgraph.pk_engine.scoring.resume import Partial
from headgraph.pk_engine.table import affinity
from tests.commands import headgraph
from tests.pk_engine.checkpoints import LLAMA_CONFIG, llama_tensors, save

HOW: dict[str, Any] = {"memory": 1e-9, "backend": "numpy"}
Write = Callable[..., object]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("m") / "model", llama_tensors(), LLAMA_CONFIG)


def write_table(model: Path, output: Path, **how: Any) -> AffinityTable:
    return compute(model, output=output, **HOW | how)


def write_part(model: Path, output: Path, **how: Any) -> Path:
    return compute_part(model, "0-1", output, **HOW | how)


KINDS = pytest.mark.parametrize(
    ("write", "name"), [(write_table, "t.parquet"), (write_part, "t.part")], ids=["table", "part"]
)


class Killed(BaseException):
    """In place of SIGKILL: nothing that the command does afterwards is seen."""


def killed(write: Write, model: Path, output: Path, **how: Any) -> bytes:
    """What a command has written that is killed before it removes its other file."""

    def kill(self: Partial) -> None:
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Partial, "clear", kill)
        with pytest.raises(Killed):
            write(model, output, **how)
    return output.read_bytes()


def full(columns: Any, metadata: Any, stream: Any) -> None:
    stream.write(b"some")
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("old", [None, b"old"])
def test_a_full_disk_at_the_end_costs_no_scores(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: bytes | None
) -> None:
    output, steps = tmp_path / "t.parquet", []
    line = ("compute", str(model), "-o", str(output), "--memory", "1e-9", "--backend", "numpy",
            "--force")  # fmt: skip
    if old:
        output.write_bytes(old)

    with monkeypatch.context() as patch:
        patch.setattr(affinity, "write_columns", full)
        done = headgraph(*line)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith(
        "t.parquet: No space left on device; the scores stay in t.parquet.partial, from which the "
        "same command resumes\n"
    )
    assert sorted(tmp_path.iterdir()) == [*[output] * bool(old), tmp_path / "t.parquet.partial"]
    assert not old or output.read_bytes() == old
    write_table(model, output, force=True, progress=lambda what, *_: steps.append(what))
    assert set(steps) == {RESUMED}, "nothing is read or compared again"
    assert list(tmp_path.iterdir()) == [output]
    assert AffinityTable.read(output).sha256 == compute(model, **HOW).sha256


def test_a_job_of_one_group_has_no_such_file(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That of another job beside it stays, and is not said to be its own."""
    other = tmp_path / "t.parquet.partial"
    other.write_bytes(b"of another job")
    monkeypatch.setattr(affinity, "write_columns", full)
    with pytest.raises(TableError, match=r"t\.parquet: No space left on device$"):
        write_table(model, tmp_path / "t.parquet", memory=1)
    assert list(tmp_path.iterdir()) == [other]


@KINDS
def test_a_kill_between_the_output_and_the_removal_heals(
    model: Path, tmp_path: Path, write: Write, name: str
) -> None:
    output, steps = tmp_path / name, []
    left = killed(write, model, output)
    assert len(list(tmp_path.iterdir())) == 2
    for other in ({"metrics": "pk,cs"}, {"name": "other"}):  # of another job, or another table
        with pytest.raises(OutputExists):
            write(model, output, **other)
    assert len(list(tmp_path.iterdir())) == 2
    write(model, output, progress=lambda what, *_: steps.append(what))
    assert set(steps) == {RESUMED}
    assert (list(tmp_path.iterdir()), output.read_bytes()) == ([output], left)
    with pytest.raises(OutputExists):
        write(model, output)


@KINDS
def test_scores_of_another_output_stay(
    model: Path, tmp_path: Path, write: Write, name: str
) -> None:
    """The file at the place is an older one, which the killed command was to replace."""
    output = tmp_path / name
    killed(write, model, output)
    output.write_bytes(b"old")
    with pytest.raises(OutputExists):
        write(model, output)
    assert sorted(tmp_path.iterdir()) == [output, tmp_path / f"{name}.partial"]
    write(model, output, force=True)
    assert list(tmp_path.iterdir()) == [output]


@KINDS
def test_an_old_output_beside_unfinished_scores_is_not_called_a_reason_for_another_name(
    model: Path, tmp_path: Path, write: Write, name: str
) -> None:
    """A command with `force` was killed halfway; under another name it would score all again."""
    output, steps = tmp_path / name, []
    output.write_bytes(b"old")

    def kill(what: str, done: int, total: int) -> None:
        if (what, done) == (COMPARING, 1):
            raise Killed

    with pytest.raises(Killed):
        write(model, output, force=True, progress=kill)
    with pytest.raises(OutputExists, match=rf"force=True to replace it; both .* {name}\.partial$"):
        write(model, output)
    assert output.read_bytes() == b"old"
    write(model, output, force=True, progress=lambda what, *_: steps.append(what))
    assert steps[0] == RESUMED


@KINDS
def test_an_output_that_another_made_meanwhile_costs_no_scores(
    model: Path, tmp_path: Path, write: Write, name: str
) -> None:
    output = tmp_path / name
    with pytest.raises(OutputExists) as caught:
        write(model, output, progress=lambda *_: output.write_bytes(b"theirs"))
    assert str(caught.value).endswith(
        f"{name} exists already: move it and make the same call, or give force=True to replace it; "
        f"both resume from {name}.partial"
    )
    assert output.read_bytes() == b"theirs"
    partial, steps = tmp_path / f"{name}.partial", []
    left = partial.read_bytes()
    write(model, output, force=True, progress=lambda what, *_: steps.append(what))
    assert list(tmp_path.iterdir()) == [output]
    output.unlink()
    partial.write_bytes(left)
    write(model, output, progress=lambda what, *_: steps.append(what))
    assert list(tmp_path.iterdir()) == [output]
    assert set(steps) == {RESUMED}, "both times"


def test_merge_removes_what_is_left_beside_a_part(model: Path, tmp_path: Path) -> None:
    part, partial = tmp_path / "t.part", tmp_path / "t.part.partial"
    killed(write_part, model, part, selection=Selection(top=3))
    theirs = partial.read_bytes()
    write_part(model, part, force=True)
    partial.write_bytes(theirs)
    merge(part)
    assert partial.read_bytes() == theirs, "it has other options"
    killed(write_part, model, part, force=True)
    assert partial.exists()
    assert merge(part).sha256 == compute(model, **HOW).sha256
    assert list(tmp_path.iterdir()) == [part]
    partial.write_bytes(b"no file of ours")
    merge(part)
    assert partial.exists()


@KINDS
def test_an_output_in_the_folder_of_the_model(tmp_path: Path, write: Write, name: str) -> None:
    """It is no file of the model, though it is new beside them."""
    folder = save(tmp_path / "model", llama_tensors(), LLAMA_CONFIG)
    killed(write, folder, folder / name)
    write(folder, folder / name)
    assert not (folder / f"{name}.partial").exists()


def test_a_file_that_cannot_be_removed_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="is not needed any more, and cannot be removed: "):
        Partial(tmp_path, "key").clear()


@KINDS
def test_an_output_is_no_place_for_the_scores(
    model: Path, tmp_path: Path, write: Write, name: str
) -> None:
    """They would be removed as the output lies there."""
    output = tmp_path / name
    with pytest.raises(EngineError, match=f"the output and partial are both .*{name}: expected"):
        write(model, output, partial=tmp_path / "." / name, force=True)
    assert not list(tmp_path.iterdir())
