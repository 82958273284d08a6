"""Prefixes that training tools put before the names of tensors."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from headgraph.pk_engine.models.origin import sentences
from tests.pk_engine.checkpoints import (
    LLAMA_CONFIG,
    gpt2_tensors,
    llama_tensors,
    read,
    save,
)
from tests.sentences import refused


@pytest.mark.parametrize(
    ("name", "removed"),
    [
        (lambda name: f"_orig_mod.{name}", "_orig_mod."),
        (lambda name: f"module.{name}", "module."),
        (lambda name: f"base_model.model.{name}", "base_model.model."),
        (lambda name: f"module._orig_mod.{name}", "_orig_mod., module."),
        (lambda name: f"student.{name.removeprefix('model.')}", "student."),
        (lambda name: f"my_{name}", "my_model."),
        (
            lambda name: name.replace(".self_attn", "._fsdp_wrapped_module.self_attn"),
            "_fsdp_wrapped_module.",
        ),
        (
            lambda name: "_orig_mod." + name.replace(".self", "._checkpoint_wrapped_module.self"),
            "_checkpoint_wrapped_module., _orig_mod.",
        ),
    ],
)
def test_prefixes_are_found_by_the_ending(
    tmp_path: Path, name: Callable[[str], str], removed: str
) -> None:
    others = {"lm_head.weight": np.ones((7, 24), np.float32)}
    plain = read(save(tmp_path / "plain", llama_tensors() | others, LLAMA_CONFIG))
    tensors = {name(key): tensor for key, tensor in (llama_tensors() | others).items()}
    found = read(save(tmp_path / "renamed", tensors, LLAMA_CONFIG))
    for layer in range(2):
        for role in "QKVO":
            assert (found.raw_layer(layer)[role] == plain.raw_layer(layer)[role]).all()
    assert found.origin == {"prefix": removed}
    assert sentences(found.origin) == [
        f"the prefix {removed} of the tensors, which training tools add, was left out"
    ]


def test_embeddings_are_found_too(tmp_path: Path) -> None:
    tensors = {f"transformer.{name}": w for name, w in gpt2_tensors().items()}
    tensors["transformer.wte.weight"] = np.ones((5, 16), np.float32)
    tensors = {f"module.{name}": w for name, w in tensors.items()}
    assert read(save(tmp_path, tensors)).embedding_files().unembedding().shape == (5, 16)


def test_the_familys_own_prefixes_come_first(tmp_path: Path) -> None:
    other = {f"ema.{name}": w + 1 for name, w in llama_tensors().items()}
    found = read(save(tmp_path / "both", llama_tensors() | other, LLAMA_CONFIG))
    plain = read(save(tmp_path / "plain", llama_tensors(), LLAMA_CONFIG))
    assert (found.raw_layer(0)["Q"] == plain.raw_layer(0)["Q"]).all()
    assert found.origin == {}


def test_what_stands_before_the_familys_own_prefix_and_before_another_model(tmp_path: Path) -> None:
    other = {f"ema.{name}": w + 1 for name, w in llama_tensors().items()}
    both = {f"module.{name}": w for name, w in (llama_tensors() | other).items()}
    found = read(save(tmp_path / "both", both, LLAMA_CONFIG))
    plain = read(save(tmp_path / "plain", llama_tensors(), LLAMA_CONFIG))
    assert (found.raw_layer(0)["Q"] == plain.raw_layer(0)["Q"]).all()
    assert found.origin == {"prefix": "module."}


def test_two_prefixes_are_ambiguous(tmp_path: Path) -> None:
    two = {f"{who}.{name}": w for who in ("teacher", "student") for name, w in
           llama_tensors().items()}  # fmt: skip
    said = refused(lambda: read(save(tmp_path / "a", two, LLAMA_CONFIG)))
    first = "model.layers.0.self_attn.k_proj.weight"
    assert f"hold two models, 'student.{first}' and 'teacher.{first}': keep the one" in said
    both = llama_tensors() | {f"_orig_mod.{name}": w for name, w in llama_tensors().items()}
    said = refused(lambda: read(save(tmp_path / "b", both, LLAMA_CONFIG)))
    assert "which are one tensor of the model: keep one of them" in said
    assert "'_orig_mod.model.layers." in said
    assert " and 'model.layers." in said
    long = {f"{who * 100}.{name}": w for who in "ab" for name, w in llama_tensors().items()}
    refused(lambda: read(save(tmp_path / "c", long, LLAMA_CONFIG)))


def test_a_tensor_without_the_prefix_keeps_its_name(tmp_path: Path) -> None:
    tensors = {f"module.{name}": w for name, w in llama_tensors().items()}
    del tensors["module.model.layers.1.self_attn.k_proj.weight"]
    said = refused(lambda: read(save(tmp_path, tensors, LLAMA_CONFIG)))
    assert "lack 1 attention tensors: model.layers.1.self_attn.k_proj.weight" in said
