"""Which files of a folder are read: one checkpoint, one variant, every shard."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from headgraph.pk_engine.models.checkpoint.file_choice import Choice, choose
from headgraph.pk_engine.models.checkpoint.tensor_files import TensorFiles
from headgraph.pk_engine.models.weights import ModelWeights
from tests.pk_engine.checkpoints import gpt2_tensors, read, save
from tests.sentences import refused

SHARDS = [f"model-0000{number}-of-00003.safetensors" for number in (1, 2, 3)]


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (["model.safetensors", "model.fp16.safetensors"], Choice(None, ("model.safetensors",))),
        (["model.fp16.safetensors"], Choice(None, ("model.fp16.safetensors",), "fp16")),
        (
            ["model.safetensors.index.json", *SHARDS, "consolidated.safetensors"],
            Choice("model.safetensors.index.json", ()),
        ),
        ([*SHARDS, "consolidated.safetensors"], Choice(None, tuple(SHARDS))),
        (["consolidated.00.pth"], Choice(None, ("consolidated.00.pth",))),
        (
            ["model.safetensors.index.bf16.json", "model.bf16-00001-of-00002.safetensors"],
            Choice("model.safetensors.index.bf16.json", (), "bf16"),
        ),
        (
            ["pytorch_model.bin", "model.fp16.safetensors"],
            Choice(None, ("model.fp16.safetensors",), "fp16"),
        ),
        (["pytorch_model.fp16.bin"], Choice(None, ("pytorch_model.fp16.bin",), "fp16")),
        (["adapter_model.safetensors", "README.md"], None),
    ],
)
def test_one_set_of_files(names: list[str], chosen: Choice | None) -> None:
    assert choose(names) == chosen


def test_a_variant_by_its_name() -> None:
    names = ["model.safetensors", "model.fp16.safetensors", "model.bf16.safetensors"]
    assert choose(names, "bf16") == Choice(None, ("model.bf16.safetensors",), "bf16")
    later = [f"model-0000{number}-of-00002.fp16.safetensors" for number in (1, 2)]
    assert choose([*SHARDS, *later], "fp16") == Choice(None, tuple(later), "fp16")
    assert choose([*SHARDS, *later]) == Choice(None, tuple(SHARDS))
    said = refused(lambda: choose(names, "int8"))
    assert "variant='int8': no such variant; expected one of bf16, fp16" in said
    assert "the weights have no variants" in refused(lambda: choose(["model.safetensors"], "fp16"))
    said = refused(lambda: choose(["model.fp16.safetensors", "model.bf16.safetensors"]))
    assert said == (
        "the weights are there as the variants bf16, fp16: choose one with variant=NAME"
    )


def test_variants_are_never_mixed(tmp_path: Path) -> None:
    folder = save(tmp_path)
    half = {name: np.float16(tensor) for name, tensor in gpt2_tensors(1).items()}
    save_file(half, folder / "model.fp16.safetensors")
    wanted = ModelWeights(folder, variant="fp16").raw_layer(0)["Q"]
    assert not (ModelWeights(folder).raw_layer(0)["Q"] == wanted).any()
    assert ModelWeights(folder).origin == {}
    (folder / "model.safetensors").unlink()
    alone = ModelWeights(folder)
    assert (alone.raw_layer(0)["Q"] == wanted).all()
    assert alone.origin == {"variant": "fp16"}


def test_missing_shards_are_named(tmp_path: Path) -> None:
    save(tmp_path, shards=4)
    for number in (1, 3):
        (tmp_path / f"model-{number}.safetensors").unlink()
    assert refused(lambda: read(tmp_path)).startswith(
        f"the index names 2 files that are not in {tmp_path}: model-1.safetensors, "
        "model-3.safetensors; fetch them again"
    )


def test_shards_without_an_index(tmp_path: Path) -> None:
    said = refused(lambda: choose(SHARDS[1:]))
    assert said == ("of the 3 shards model-*-of-3, these are missing: 1; fetch them again")
    said = refused(lambda: choose([*SHARDS, "model-00001-of-00002.safetensors"]))
    assert "two sets of shards, model-*-of-2 and -of-3: expected one checkpoint" in said
    save(tmp_path, shards=3)
    (tmp_path / "model.safetensors.index.json").unlink()
    for number, name in enumerate(SHARDS):
        (tmp_path / f"model-{number}.safetensors").rename(tmp_path / name)
    whole = save(tmp_path / "whole")
    assert (read(tmp_path).raw_layer(1)["V"] == read(whole).raw_layer(1)["V"]).all()


# ----- state dicts inside training checkpoints


def torch_file(folder: Path, held: Any) -> Path:
    torch = pytest.importorskip("torch", reason="it writes and reads its own format")
    save(folder)
    (folder / "model.safetensors").unlink()
    torch.save(held, folder / "checkpoint.pt")
    return folder


def tensors() -> dict[str, Any]:
    torch = pytest.importorskip("torch", reason="it writes and reads its own format")
    return {name: torch.from_numpy(w) for name, w in gpt2_tensors().items()}


def optimizer() -> dict[str, Any]:
    torch = pytest.importorskip("torch", reason="it writes and reads its own format")
    return {"state": {0: {"exp_avg": torch.zeros(16, 48)}}, "ema": tensors()}


@pytest.mark.parametrize(
    ("key", "nest"),
    [
        ("model", lambda held: {"model": held, "optimizer": optimizer(), "step": 3}),
        ("state_dict", lambda held: {"state_dict": held, "epoch": 1}),
        ("module", lambda held: {"module": held, "optimizer_states": [optimizer()]}),
        ("app.model", lambda held: {"app": {"model": held, "optim": optimizer()}}),
    ],
)
def test_nested_state_dicts(tmp_path: Path, key: str, nest: Any) -> None:
    weights = read(torch_file(tmp_path / "nested", nest(tensors())))
    plain = read(save(tmp_path / "plain"))
    assert all((weights.raw_layer(1)[r] == plain.raw_layer(1)[r]).all() for r in "QKVO")
    assert weights.origin == {"nested": key}


def test_a_key_with_controls_is_made_printable(tmp_path: Path) -> None:
    import torch

    tensors = {name: torch.tensor(matrix) for name, matrix in gpt2_tensors().items()}
    folder = save(tmp_path)
    (folder / "model.safetensors").unlink()
    torch.save({"\x1b[31m\ud800" * 50: tensors}, folder / "pytorch_model.bin")
    found = read(folder).origin["nested"]
    assert found.isprintable()
    assert len(found) <= 60


@pytest.mark.parametrize("variant", ["", "../x", "[", ".*", "\x1b[31m", "v" * 4000])
def test_odd_variants(tmp_path: Path, variant: str) -> None:
    folder = save(tmp_path)
    said = refused(lambda: ModelWeights(folder, variant=variant))
    assert "no such variant" in said or said.startswith("variant is empty: expected the middle")


def test_two_state_dicts_are_ambiguous(tmp_path: Path) -> None:
    folder = torch_file(tmp_path, {"model": tensors(), "ema": tensors()})
    said = refused(lambda: TensorFiles(folder))
    assert "holds tensors by name under 'ema' and under 'model': save the state dict" in said


def test_an_index_of_a_variant(tmp_path: Path) -> None:
    folder = save(tmp_path, shards=2)
    index = folder / "model.safetensors.index.json"
    index.rename(folder / "model.safetensors.index.fp16.json")
    names = json.loads((folder / "model.safetensors.index.fp16.json").read_text())["weight_map"]
    assert set(TensorFiles(folder, "fp16")) == set(names)
