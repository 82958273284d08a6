"""The token embedding of every family, against the running model's own."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="the small models are run with torch")
pytest.importorskip("transformers", reason="and built by transformers")

import torch
from safetensors.numpy import load_file, save_file
from transformers.utils import logging

from headgraph.pk_engine.errors import ModelError, WeightsError
from headgraph.pk_engine.models.families.catalogue import families
from headgraph.pk_engine.models.weights import ModelWeights
from tests.pk_engine import zoo
from tests.shared import GPT2, needs_shared

logging.disable_progress_bar()


def entering(model: Any) -> np.ndarray:
    """What the model's own modules make of each token before layer 0, norms left out."""
    weight = model.get_input_embeddings().weight
    if project := getattr(getattr(model.base_model, "decoder", None), "project_in", None):
        weight = project(weight)
    return weight.detach().numpy()


def leaving(model: Any, d: int) -> np.ndarray:
    """What each token's logit reads: the output layer applied to the axes of the last space."""
    head, basis = model.get_output_embeddings(), torch.eye(d)
    if project := getattr(getattr(model.base_model, "decoder", None), "project_out", None):
        basis = project(basis)
    with torch.no_grad():
        bias = 0 if head.bias is None else head.bias
        return (head(basis) - bias).T.numpy()


@pytest.mark.parametrize("name", zoo.KINDS)
def test_both_are_what_the_running_model_uses(name: str, tmp_path: Path) -> None:
    kind = zoo.KINDS[name]
    model = kind.build()
    files = ModelWeights(zoo.save(model, tmp_path)).embedding_files()
    np.testing.assert_allclose(files.embedding(), entering(model), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(files.unembedding(), leaving(model, kind.d), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["gpt2", "llama", "gpt_neox", "gemma3"])
@pytest.mark.parametrize("tied", [True, False])
def test_tied_or_not_is_what_the_configuration_says(name: str, tied: bool, tmp_path: Path) -> None:
    kind = zoo.KINDS[name]
    kind = replace(kind, sizes={**kind.sizes, "tie_word_embeddings": tied})
    model = kind.build()
    files = ModelWeights(zoo.save(model, tmp_path)).embedding_files()
    wanted = leaving(model, kind.d)
    np.testing.assert_allclose(files.unembedding(), wanted, rtol=1e-5, atol=1e-5)
    assert np.allclose(files.embedding(), wanted) == tied


def test_every_family_file_names_its_embedding() -> None:
    """Except those of images and sound; clip.toml and aimv2.toml have encoders of text too."""
    lacking = {
        family.name
        for family in families().values()
        if not family.embedding and not (family.layers and family.layers.parts)
    }
    assert lacking == {
        "aimv2", "blip", "blt", "clip", "codec_half", "conformer", "diarization", "dinov2",
        "dinov3", "eomt", "gemma4_audio", "gradium", "hiera", "internvl", "levit", "mobilevit",
        "parakeet", "patchtst", "pixtral", "qwen_vision", "radio", "sam", "sapiens2", "segformer",
        "svtr", "swin", "timesfm", "transducer", "tvp", "videoprism_text", "vit", "vitdet",
        "vjepa2", "wav2vec2",
    }  # fmt: skip


def test_the_bundled_model_is_tied() -> None:
    files = ModelWeights("induction-2l").embedding_files()
    assert files.embedding().shape == (96, 128)
    assert (files.embedding() == files.unembedding()).all()


@pytest.mark.parametrize("bridge", [False, True])
def test_transformer_lens_has_names_and_a_layout_of_its_own(bridge: bool, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    embed, unembed = rng.normal(size=(2, 5, 8)).astype(np.float32)
    kinds = {"q": "Q", "k": "K", "v": "V", "o": "O"}
    if bridge:
        tensors = {f"blocks.0.attn.{kind}.weight": rng.normal(size=(8, 8)) for kind in kinds}
        tensors |= {"embed.weight": embed, "unembed.weight": unembed}
    else:
        shapes = {role: (2, 4, 8) if role == "O" else (2, 8, 4) for role in "QKVO"}
        tensors = {f"blocks.0.attn.W_{r}": rng.normal(size=shape) for r, shape in shapes.items()}
        tensors |= {"embed.W_E": embed, "unembed.W_U": unembed.T}
    save_file(
        {name: np.ascontiguousarray(tensor, np.float32) for name, tensor in tensors.items()},
        tmp_path / "model.safetensors",
    )
    config = {"n_layers": 1, "n_heads": 2, "d_model": 8, "d_head": 4}
    (tmp_path / "config.json").write_text(json.dumps(config))
    files = ModelWeights(tmp_path).embedding_files()
    np.testing.assert_array_equal(files.embedding(), embed)
    np.testing.assert_array_equal(files.unembedding(), unembed)


@needs_shared
def test_a_checkpoint_of_attention_alone_has_no_embedding() -> None:
    files = ModelWeights(GPT2).embedding_files()
    with pytest.raises(
        WeightsError, match=r"hold no token embedding \(no tensor wte.weight\): exp"
    ):
        files.embedding()
    with pytest.raises(WeightsError, match=r"\(no tensor lm_head.weight or wte.weight\)"):
        files.unembedding()


def test_an_untied_model_without_its_head_has_no_unembedding(tmp_path: Path) -> None:
    zoo.save(zoo.KINDS["llama"].build(), tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    del tensors["lm_head.weight"]
    save_file(tensors, tmp_path / "model.safetensors")
    files = ModelWeights(tmp_path).embedding_files()
    with pytest.raises(WeightsError, match=r"no token unembedding \(no tensor lm_head.weight\)"):
        files.unembedding()


def test_a_damaged_embedding_is_refused(tmp_path: Path) -> None:
    zoo.save(zoo.KINDS["gpt2"].build(), tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    name = next(name for name in tensors if name.endswith("wte.weight"))
    for value, words in (
        (np.full((32, 24), np.nan, np.float32), "holds NaN or Inf"),
        (np.zeros((32, 9), np.float32), r"rows of the shape \(9,\): expected \(24"),
    ):
        save_file({**tensors, name: value}, tmp_path / "model.safetensors")
        with pytest.raises(WeightsError, match=words):
            ModelWeights(tmp_path).embedding_files().embedding()


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ('name = "a"\nunembedding = ["b"]\ntied = "no"', "expected true or false"),
        ('name = "a"\nunembedding = ["b"]\nunembedding_layout = "d d"', "unembedding_layout 'd d'"),
        ('name = "a"', "unembedding"),
        ('name = "a"\nunembedding = ["b"]\nwhere = "c"', "where"),
    ],
)
def test_a_mistake_in_a_family_file_is_named(table: str, words: str, tmp_path: Path) -> None:
    from headgraph.pk_engine.models.families.catalogue import read_family
    from headgraph.pk_engine.models.families.class_defaults import FOLDER

    text = (FOLDER / "gpt2.toml").read_text("utf-8")
    start, rest = text.split("[embedding]\n")
    path = tmp_path / "mine.toml"
    path.write_text(f"{start}[embedding]\n{table}\n\n{rest[rest.index('[[tensors]]') :]}")
    with pytest.raises(ModelError, match=words):
        read_family(path)


def test_a_family_without_the_table_still_scores(tmp_path: Path, monkeypatch: Any) -> None:
    from headgraph.pk_engine.models import weights as module

    zoo.save(zoo.KINDS["gpt2"].build(), tmp_path)
    family = module.family_of(json.loads((tmp_path / "config.json").read_text()))
    monkeypatch.setattr(module, "family_of", lambda config: replace(family, embedding=None))
    with pytest.raises(ModelError, match=r"does not say where the token embedding is"):
        ModelWeights(tmp_path).embedding_files()
