"""What an interrupted compute left is used when it is whole and its own, and never otherwise."""

import errno
import io
import json
import os
import pickle
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headgraph.pk_engine import AffinityTable, Selection, compute
from headgraph.pk_engine.errors import EngineError
from headgraph.pk_engine.scoring import resume
from headgraph.pk_engine.scoring.progress import DAMAGED
from tests.pk_engine.checkpoints import LLAMA_CONFIG, llama_tensors, save

HOW: dict[str, Any] = {
    "selection": Selection(), "memory": 1e-9, "layer_order": "all", "backend": "numpy"
}  # fmt: skip


class Stop(Exception):
    """Raised in the middle of the work."""


def computed(
    folder: Path, partial: Path, stop_after: int | None = None, **options: Any
) -> AffinityTable:
    """A table that is made in groups of layers, and when it is to stop, with `Stop`."""

    def listen(what: str, done: int, total: int) -> None:
        if what == "Comparing groups of layers" and done == stop_after:
            raise Stop

    return compute(folder, **HOW, partial=partial, progress=listen, **options)


def groups_begun(
    folder: Path, partial: Path, steps: list[str] | None = None, **options: Any
) -> list[int]:
    begun = []

    def listen(what: str, done: int, total: int) -> None:
        if steps is not None:
            steps.append(what)
        if what == "Comparing groups of layers":
            begun.append(done)

    compute(folder, **HOW, partial=partial, progress=listen, **options)
    return begun


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("m") / "model", llama_tensors(), LLAMA_CONFIG)


@pytest.fixture(scope="module")
def left(model: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What an interruption leaves."""
    partial = tmp_path_factory.mktemp("p") / "t.partial"
    with pytest.raises(Stop):
        computed(model, partial, stop_after=2)
    return partial.read_bytes()


def test_an_interrupted_null_model_costs_no_scores(model: Path, tmp_path: Path) -> None:
    how: dict[str, Any] = {"selection": Selection(fdr=1, null="within"), "memory": 1e-9,
                           "backend": "numpy", "partial": tmp_path / "t.partial"}  # fmt: skip
    told: list[tuple[str, int, int]] = []

    def stop(what: str, *_: int) -> None:
        if what == "Comparing all layers":
            raise Stop

    with pytest.raises(Stop):
        compute(model, progress=stop, **how)
    table = compute(model, progress=lambda *it: told.append(it), **how)
    assert told[0] == ("Resuming an interrupted compute", 2, 2)
    assert "Comparing groups of layers" not in {what for what, *_ in told}
    assert not list(tmp_path.iterdir())
    assert table.sha256 == compute(model, **how).sha256


def repacked(left: bytes, change: Callable[[dict[str, Any]], None]) -> bytes:
    """The same archive with other arrays, as somebody would make it who has its key."""
    with np.load(io.BytesIO(left)) as file:
        arrays = {name: file[name] for name in file.files}
    change(arrays)
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def about(arrays: dict[str, Any], **change: Any) -> None:
    arrays["about"] = np.array(json.dumps(json.loads(str(arrays["about"])) | change))


ODD: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda left: b"",
    "cut": lambda left: left[: len(left) // 2],
    "more": lambda left: left + b"\0",
    "of an earlier headgraph": lambda left: repacked(left, lambda arrays: None),
    "shapes": lambda left: repacked(left, lambda a: a.update({"OQ/pk": np.zeros((3, 3))})),
    "types": lambda left: repacked(left, lambda a: a.update({"OQ/source": np.array(["x"])})),
    "objects": lambda left: repacked(left, lambda a: a.update({"OQ/pk": np.array([{}, Stop])})),
    "missing": lambda left: repacked(left, lambda a: a.pop("OQ/pk")),
    "done": lambda left: repacked(left, lambda a: about(a, done=10**30)),
    "digests": lambda left: repacked(left, lambda a: about(a, digests=[1])),
    "scored": lambda left: repacked(left, lambda a: about(a, scored=None)),
    "deep": lambda left: repacked(
        left, lambda a: a.update({"about": np.array("[" * 100_000)})
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_a_file_with_odd_contents_is_not_used(
    model: Path, left: bytes, tmp_path: Path, name: str
) -> None:
    partial = tmp_path / "t.partial"
    partial.write_bytes(ODD[name](left))
    steps: list[str] = []
    assert groups_begun(model, partial, steps) == [0, 1, 2, 3]
    assert steps[0] == DAMAGED
    assert not partial.exists()


@pytest.mark.parametrize(
    "data", [b"hello\n" * 100, pickle.dumps(Stop()), b"PK\3\4" + 26 * b"\0" + b"archive/data.pkl"]
)
def test_a_file_of_another_program_stays(model: Path, tmp_path: Path, data: bytes) -> None:
    """Such as a download that has begun, or weights of torch, which are archives too."""
    partial = tmp_path / "t.partial"
    partial.write_bytes(data)
    with pytest.raises(EngineError, match=r"t\.partial is a file of another program, and compute "):
        computed(model, partial)
    assert partial.read_bytes() == data
    steps: list[str] = []
    assert groups_begun(model, partial, steps, force=True) == [0, 1, 2, 3]
    assert DAMAGED not in steps, "it never was one of these"
    assert not partial.exists()


def test_it_is_used_when_it_is_whole(model: Path, left: bytes, tmp_path: Path) -> None:
    partial = tmp_path / "t.partial"
    partial.write_bytes(left)
    assert groups_begun(model, partial) == [2, 3]


def test_a_bit_turned_anywhere_makes_it_unusable(model: Path, left: bytes, tmp_path: Path) -> None:
    partial, rng = tmp_path / "t.partial", random.Random(0)
    for _ in range(20):
        damaged, place = bytearray(left), rng.randrange(8 * len(left))
        damaged[place // 8] ^= 1 << place % 8
        partial.write_bytes(damaged)
        assert groups_begun(model, partial) == [0, 1, 2, 3], place


def test_one_that_cannot_be_read_is_not_thrown_away(
    model: Path, left: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A moment's fault of a network's file system should not cost hours."""
    partial = tmp_path / "t.partial"
    partial.write_bytes(left)

    def fail(path: Path) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(resume, "read_arrays", fail)
        with pytest.raises(EngineError, match=r"resumes, cannot be read: Input/output error$"):
            computed(model, partial)
    assert groups_begun(model, partial) == [2, 3]


def test_two_at_once_with_one_file(model: Path, tmp_path: Path) -> None:
    """Both begin before there is one: that of the same job goes on, that of another is refused."""
    partial, whole = tmp_path / "t.partial", computed(model, tmp_path / "other").sha256

    def run(first: Callable[[], object], **options: Any) -> AffinityTable:
        """Compute while another command runs as the first group begins."""

        def listen(what: str, done: int, total: int) -> None:
            if what == "Comparing groups of layers" and done == 0:
                first()

        return compute(model, **HOW, partial=partial, progress=listen, **options)

    assert run(lambda: computed(model, partial)).sha256 == whole
    with pytest.raises(EngineError, match=r"holds the groups of an interrupted compute with other"):
        run(lambda: stopped(model, partial), metrics="pk,cs")
    assert groups_begun(model, partial) == [2, 3]


def stopped(model: Path, partial: Path) -> None:
    with pytest.raises(Stop):
        computed(model, partial, stop_after=2)


def test_what_else_lies_in_the_models_folder_does_not_count(tmp_path: Path) -> None:
    """Tables and pages of the model, say; a new file of weights does, and a changed one is seen."""
    model = save(tmp_path / "model", llama_tensors(), LLAMA_CONFIG)
    partial, weights = tmp_path / "t.partial", model / "model.safetensors"
    stopped(model, partial)
    (model / "t.html").write_text("a page")
    assert groups_begun(model, partial) == [2, 3]
    stopped(model, partial)
    about = weights.stat()
    save(tmp_path / "other", llama_tensors(seed=1), LLAMA_CONFIG)
    weights.write_bytes((tmp_path / "other" / weights.name).read_bytes())
    os.utime(weights, ns=(about.st_atime_ns, about.st_mtime_ns))  # as rsync and cp -p leave it
    with pytest.raises(EngineError, match="the files of model have changed since scores were take"):
        computed(model, partial)
    assert not partial.exists()
    stopped(model, partial)
    (model / "model.fp16.safetensors").touch()
    with pytest.raises(EngineError, match="interrupted compute with other weights: finish that"):
        computed(model, partial)


def test_files_that_change_all_the_time(tmp_path: Path) -> None:
    """As those of a download that goes on."""
    models = (save(tmp_path / "model", llama_tensors(seed), LLAMA_CONFIG) for seed in range(100))
    with pytest.raises(EngineError, match="files of model changed while they were read: start aga"):
        compute(next(models), **HOW, progress=lambda *_: next(models))


def test_where_it_cannot_be_written_is_said_before_the_work(model: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for partial, said in (
        (tmp_path / "none" / "t.partial", "no folder .*none to write t.partial into"),
        (tmp_path / ("n" * 256), "cannot write .*: File name too long"),
        (pipe, "pipe is a pipe: expected the name of a file"),
        (tmp_path, "is a folder: expected the name of a file"),
    ):
        with pytest.raises(EngineError, match=said):
            computed(model, partial, stop_after=0)
    assert list(tmp_path.iterdir()) == [pipe]


def test_a_disk_that_fills_meanwhile_is_one_sentence(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(stream: Any, **arrays: Any) -> None:
        stream.write(b"some")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    said = "cannot write .*t.partial, from which an interrupted compute resumes: No space left"
    with pytest.raises(EngineError, match=said):
        computed(model, tmp_path / "t.partial")
    assert not list(tmp_path.iterdir())


def test_another_part_of_the_same_model_begins_anew(tmp_path: Path) -> None:
    """Only the part tells their jobs apart: both have one family, one folder and equal sizes."""
    sizes = {"num_hidden_layers": 2, "num_attention_heads": 4, "hidden_size": 16}
    config = {"model_type": "clip"} | {
        f"{part}_config": sizes | {"model_type": f"clip_{part}_model"}
        for part in ("text", "vision")
    }
    rng, names = np.random.default_rng(0), ("q_proj", "k_proj", "v_proj", "out_proj")
    tensors = {
        f"{part}_model.encoder.layers.{layer}.self_attn.{name}.weight":
            rng.standard_normal((16, 16), np.float32)
        for part in ("text", "vision") for layer in range(2) for name in names
    }  # fmt: skip
    folder, partial = save(tmp_path / "clip", tensors, config), tmp_path / "partial"
    whole = computed(folder, tmp_path / "other", tower="vision")
    with pytest.raises(Stop):
        computed(folder, partial, stop_after=1)
    assert partial.is_file()
    with pytest.raises(EngineError, match=r"interrupted compute with other .*tower"):
        computed(folder, partial, tower="vision")
    found = computed(folder, partial, tower="vision", force=True)
    assert found.meta == whole.meta
    assert found.frame.equals(whole.frame)  # rows of the first group would be those of text
