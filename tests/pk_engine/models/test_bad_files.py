"""Files of a checkpoint that are damaged or something else: one sentence for each."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from headgraph.pk_engine.errors import ModelError, WeightsError
from headgraph.pk_engine.models.embedding import EmbeddingFiles
from headgraph.pk_engine.models.location import locate
from headgraph.pk_engine.planning._plan import plan
from tests.pk_engine.checkpoints import GPT2_CONFIG, LONG, gpt2_tensors, read, save
from tests.sentences import refused

POINTER = "version https://git-lfs.example/spec/v1\noid sha256:0123\nsize 548118077\n"


# ----- shards


def indexed(folder: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """A checkpoint in two files whose index was changed."""
    save(folder, shards=2)
    index = folder / "model.safetensors.index.json"
    data = json.loads(index.read_text())
    change(data["weight_map"])
    index.write_text(json.dumps(data))
    return folder


@pytest.mark.parametrize(
    "name",
    ["x" * 256, "a\x00b", "/etc/passwd", "../model-0.safetensors", "..", ".", "", "sub/a", "a\\b",
     "C:a", "a\nb", "\x1b[2J", "\udcff", 5, None, ["a"], {"a": "b"}, True],
)  # fmt: skip
def test_invalid_names_of_shards(tmp_path: Path, name: object) -> None:
    folder = indexed(tmp_path, lambda where: where.update({"h.0.attn.c_attn.weight": name}))
    assert "which is no name of a file" in refused(lambda: read(folder))


def test_an_index_that_names_the_wrong_shard(tmp_path: Path) -> None:
    def exchange(where: dict[str, Any]) -> None:
        files = sorted(set(where.values()))
        where.update({name: files[where[name] == files[0]] for name in where})

    folder = indexed(tmp_path, exchange)
    said = refused(lambda: read(folder))
    assert said.endswith("which the index says it does: fetch the index and its shards again")


@pytest.mark.parametrize("value", [None, [], 5, {}, "a", [["a", "b"]]])
def test_an_index_without_shards(tmp_path: Path, value: object) -> None:
    save(tmp_path, shards=2)
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": value}))
    assert "is no index of shards" in refused(lambda: read(tmp_path))


def test_an_index_left_beside_the_whole_file(tmp_path: Path) -> None:
    wanted = read(save(tmp_path / "whole")).raw_layer(1)
    folder = save(tmp_path / "both")
    index = {"weight_map": dict.fromkeys(gpt2_tensors(), "model-00001-of-00002.safetensors")}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    found = read(folder).raw_layer(1)
    assert all((found[role] == wanted[role]).all() for role in "QKVO")


# ----- files that are something else


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin", "config.json"])
@pytest.mark.parametrize(
    ("content", "text"),
    [
        (POINTER, "is a Git LFS pointer, not the file that it stands for: run git lfs pull"),
        ("\n<!DOCTYPE html><html></html>", "is a web page, not a file of a model"),
        ("<HTML><body>Sign in", "is a web page, not a file of a model"),
    ],
)
def test_stand_ins(tmp_path: Path, name: str, content: str, text: str) -> None:
    if name.endswith(".bin"):
        pytest.importorskip("torch", reason="it reads its own format")
    save(tmp_path)
    if name == "pytorch_model.bin":
        (tmp_path / "model.safetensors").unlink()
    (tmp_path / name).write_text(content)
    said = refused(lambda: read(tmp_path))
    assert name in said
    assert text in said


@pytest.mark.parametrize(
    "name", ["config.json", "model.safetensors", "pytorch_model.bin", "model-0.safetensors",
             "model.safetensors.index.json"],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["pipe", "folder", "device", "loop"])
def test_paths_that_are_no_regular_files(tmp_path: Path, name: str, kind: str) -> None:
    save(tmp_path, shards=2)
    if name in ("model.safetensors", "pytorch_model.bin"):
        for path in tmp_path.glob("model*"):
            path.unlink()
    (tmp_path / name).unlink(missing_ok=True)
    make: dict[str, Callable[[Path], object]] = {
        "pipe": os.mkfifo,
        "folder": Path.mkdir,
        "device": lambda path: path.symlink_to("/dev/zero"),
        "loop": lambda path: path.symlink_to(path.name),
    }
    make[kind](tmp_path / name)
    if (name, kind) == ("model.safetensors.index.json", "loop"):
        assert read(tmp_path).shape.n_layers == 2, "as without an index, which leads nowhere"
    else:
        refused(lambda: read(tmp_path))


def test_paths_that_are_no_folder(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "is a pipe: expected the folder" in refused(lambda: locate(tmp_path / "pipe"))
    assert "is a device: expected the folder" in refused(lambda: locate("/dev/zero"))
    assert "names a user that" in refused(lambda: locate("~nosuchuser/x"))
    assert "names a user that" in refused(lambda: plan("~nosuchuser/config.json"))
    for text in (
        "x" * 5000,
        "/" + "x" * 300,
        "./a\x00b",
        "a\x00b",
        "",
        "\x1b]0;x\x07",
        "./" + LONG,
    ):
        refused(lambda text=text: locate(text))  # type: ignore[misc]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems take UTF-8 alone")
@pytest.mark.parametrize("kind", ["safetensors", "torch"])
def test_a_folder_whose_name_is_not_utf_8(tmp_path: Path, kind: str) -> None:
    folder = save(Path(os.fsdecode(os.fsencode(tmp_path) + b"/m\xff\x1b[2J")))
    if kind == "torch":
        torch = pytest.importorskip("torch", reason="it writes and reads its own format")
        (folder / "model.safetensors").unlink()
        tensors = {key: torch.from_numpy(w) for key, w in gpt2_tensors().items()}
        with (folder / "pytorch_model.bin").open("wb") as file:
            torch.save(tensors, file)
    weights = read(folder)
    assert weights.name == r"m\udcff\x1b[2J"
    (folder / "config.json").write_text("{")
    refused(lambda: read(folder))


# ----- tensors


@pytest.mark.parametrize(
    "name",
    ["h.0.attn.c_attn.lora_A.weight", "h.0.attn.c_attn.lora_B.default.weight",
     "base_model.model.h.0.attn.c_attn.base_layer.weight", "h.1.attn.c_attn.lora_embedding_A",
     "h.0.attn.c_attn.lora_magnitude_vector", "h.0.attn.ia3_l.weight", "h.0.lora_a.weight",
     "h.0.attn.c_attn.lora.A.weight",
     "prompt_embeddings", "prompt_encoder.default.embedding.weight",
     "prefix_encoder.embedding.weight", "lm_head.modules_to_save.default.weight",
     "lm_head.original_module.weight", "h.0.attn.c_proj.hada_w1_a", "h.0.attn.c_proj.lokr_w1",
     "h.0.attn.c_proj.oft_r.default", "h.0.attn.c_proj.vera_lambda_b"],
)  # fmt: skip
def test_adapters_beside_the_weights(tmp_path: Path, name: str) -> None:
    folder = save(tmp_path, gpt2_tensors() | {name: np.zeros((2, 2), np.float32)})
    said = refused(lambda: read(folder))
    assert said == (
        f"the tensor '{name}' is an adapter's, which changes the model's own: merge it into the "
        "model first (merge_and_unload in peft)"
    )


def test_names_that_only_look_like_adapters(tmp_path: Path) -> None:
    names = ["h.0.attn.explora_tion.weight", "floral.weight", "h.0.base_layer_norm.weight"]
    extra = {name: np.zeros(2, np.float32) for name in names}
    assert read(save(tmp_path, gpt2_tensors() | extra)).shape.n_layers == 2


def torch_tensors() -> list[tuple[str, Callable[[Any, Any], Any]]]:
    return [
        ("sparse_coo float32", lambda torch, w: w.to_sparse()),
        ("sparse_csr float32", lambda torch, w: w.to_sparse_csr()),
        ("meta float32", lambda torch, w: w.to("meta")),
        ("complex64", lambda torch, w: w.to(torch.complex64)),
        ("qint8", lambda torch, w: torch.quantize_per_tensor(w, 0.1, 0, torch.qint8)),
        ("repeated float32", lambda torch, w: torch.zeros(1).expand(w.shape)),
        ("int64", lambda torch, w: w.long()),
        ("bool", lambda torch, w: w > 0),
        ("float8_e4m3fn", lambda torch, w: w.to(torch.float8_e4m3fn)),
    ]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("kind", "change"), torch_tensors(), ids=lambda value: str(value)[:20])
def test_torch_tensors_other_than_plain_matrices(
    tmp_path: Path,
    kind: str,
    change: Callable[[Any, Any], Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch = pytest.importorskip("torch", reason="it writes and reads its own format")
    # pickle looks for torch.per_tensor_affine in all modules: SciPy may have imported a namespace
    # that has it too, and older modules of transformers import torchvision when they are searched
    for name in [*sys.modules]:
        if name.startswith(("array_api_compat.torch", "transformers")):
            monkeypatch.delitem(sys.modules, name)
    save(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    held = {name: torch.from_numpy(w) for name, w in gpt2_tensors().items()}
    name = "h.1.attn.c_attn.weight"
    torch.save(held | {name: change(torch, held[name])}, tmp_path / "pytorch_model.bin")
    said = refused(lambda: read(tmp_path))
    assert f"the tensor {name} is stored as {kind}: expected float32" in said


def test_torch_keys_other_than_texts_are_ignored(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="it writes and reads its own format")
    save(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    held: dict[Any, Any] = {name: torch.from_numpy(w) for name, w in gpt2_tensors().items()}
    torch.save(held | {5: torch.zeros(2), ("a",): torch.zeros(2)}, tmp_path / "pytorch_model.bin")
    assert read(tmp_path).shape.n_layers == 2


def header(folder: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """A checkpoint whose safetensors header was changed."""
    file = save(folder) / "model.safetensors"
    data = file.read_bytes()
    size = int.from_bytes(data[:8], "little")
    about = json.loads(data[8 : 8 + size])
    change(about)
    text = json.dumps(about).encode()
    file.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + size :])
    return folder


@pytest.mark.parametrize(
    "value", [5, None, [], "F32", {"dtype": 5}, {"dtype": "F32", "shape": [-1], "data_offsets": []},
              {"dtype": "F32", "shape": [2**62, 2**62], "data_offsets": [0, 4]},
              {"dtype": "F32", "shape": "ab", "data_offsets": [0, 10**30]}],
)  # fmt: skip
def test_headers(tmp_path: Path, value: object) -> None:
    folder = header(tmp_path, lambda about: about.update({"h.0.attn.c_attn.weight": value}))
    assert "cannot be read as safetensors" in refused(lambda: read(folder))


@pytest.mark.parametrize("value", [5, [], {"format": 5}, {"a": {}}, "pt"])
def test_metadata_of_a_header(tmp_path: Path, value: object) -> None:
    folder = header(tmp_path, lambda about: about.update({"__metadata__": value}))
    assert "cannot be read as safetensors" in refused(lambda: read(folder))


@pytest.mark.parametrize("value", [np.zeros((3, 2), np.int8), np.zeros(4, np.float32)])
def test_embeddings_of_another_kind(tmp_path: Path, value: np.ndarray) -> None:
    folder = save(tmp_path, gpt2_tensors() | {"wte.weight": value})
    files: EmbeddingFiles = read(folder).embedding_files()
    assert "expected a matrix of float32" in refused(files.embedding)


def test_names_may_be_long(tmp_path: Path) -> None:
    folder = tmp_path / ("m" * 200) / ("n" * 200)
    save(folder, gpt2_tensors() | {"x" * 5000 + ".lora_A": np.zeros(2, np.float32)})
    refused(lambda: read(folder))
    (folder / "model.safetensors").unlink()
    refused(lambda: read(folder))
    wide = GPT2_CONFIG | {"model_type": "gpt2", "n_layer": 4}
    assert load_file(save(folder, config=wide) / "model.safetensors")
    assert "lack 4 attention tensors" in refused(lambda: read(folder))
    with pytest.raises(ModelError):
        locate(folder, "r" * 5000)
    with pytest.raises(WeightsError):
        read(folder)
