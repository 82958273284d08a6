"""Hybrids, latent attention and unequal widths against the running networks.

As for the families of `test_families.py`: what a head reads changes its query, key or value, and
what is orthogonal to it does not.
"""

import json
import re
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tests.pk_engine import TRANSFORMERS

pytest.importorskip("torch", reason="the small models are run with torch")
pytest.importorskip("transformers", minversion=TRANSFORMERS, reason="and built by transformers")

import torch
from transformers.utils import logging

from headgraph.pk_engine import AffinityTable, Selection, compute
from headgraph.pk_engine.errors import EngineError
from headgraph.pk_engine.linalg.bases import bases
from headgraph.pk_engine.metrics.angles import principal_angles
from headgraph.pk_engine.models.weights import ModelWeights
from tests.pk_engine import tap, zoo
from tests.pk_engine.unequal_zoo import KINDS, kind_at

logging.disable_progress_bar()
GATED = ("qwen3_next", "qwen3_5", "qwen3_5_moe", "qwen4_exp", "lfm3", "bailing_hybrid",
         "bailing_hybrid-q_lora", "hy_v4", "hy_v4_vl", "dots3_note", "inkling2", "inkling2_loop",
         "dory")  # fmt: skip
INTERLEAVED = ("deepseek_v32", "glm_moe_dsa", "bailing_hybrid", "bailing_hybrid-q_lora",
               "dots3_note", "longcat_flash", "mistral_large4")  # fmt: skip
"""Models that always put rotary dimensions into another order."""


THROUGH = ("q_b_norm", "kv_norm", "q_layernorm", "k_layernorm", "v_norm", "k_rope_only_layernorm",
           "k_sconv", "v_sconv", "sconv", "softmax_scaling", "attn_sub_norm")  # fmt: skip
CONSTANTS = {"mla_scale_q_lora", "mla_scale_kv_lora", "q_lora_scale", "kv_lora_scale"}
"""Attributes of attention with what multiplies latent vectors."""


class Built:
    """A small model in memory and on disk, and what we read of it."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.kind, self.at = KINDS[name]
        self.model: Any = self.kind.build()
        self.folder = zoo.save(self.model, folder)
        self.weights = ModelWeights(self.folder)


class Scale(torch.nn.Module):
    """A norm without its division by the size of the vector."""

    def __init__(self, weight: Any) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, x: Any) -> Any:
        return x * self.weight


class Through(torch.nn.Module):
    """In the place of what only scales, or mixes tokens in each coordinate."""

    def forward(self, x: Any, *_: Any, **__: Any) -> Any:
        return x


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return cache(lambda name: Built(name, tmp_path_factory.mktemp(name)))


@pytest.fixture(params=KINDS)
def built(request: pytest.FixtureRequest, build: Any) -> Built:
    return build(request.param)  # type: ignore[no-any-return]


def test_kimi_k2_is_read_as_deepseek_v3(build: Any, tmp_path: Path) -> None:
    """Transformers has no class for its model type, whose tensors are DeepSeek-V3's."""
    alike = build("deepseek_v3")
    config = json.loads((alike.folder / "config.json").read_text()) | {"model_type": "kimi_k2"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "model.safetensors").symlink_to(alike.folder / "model.safetensors")
    read = ModelWeights(tmp_path)
    assert read.family.name == "deepseek"
    for role in "QKVO":
        assert (read.layer(1)[role] == alike.weights.layer(1)[role]).all()


def linear(model: Any) -> Any:
    """The model without what is not linear on the way to its queries, keys and values."""
    zoo.without_head_norms(model)
    for name, module in list(model.named_modules()):
        parent, _, child = name.rpartition(".")
        if child in ("q_a_layernorm", "kv_a_layernorm", "q_a_norm"):
            setattr(model.get_submodule(parent), child, Scale(module.weight))
        if child in THROUGH or (
            child == "norm" and parent.endswith(("q_proj", "k_proj", "v_proj"))
        ):
            setattr(model.get_submodule(parent), child, Through())
        for constant in CONSTANTS.intersection(vars(module)):
            setattr(module, constant, 1.0)
        if hasattr(module, "sqk"):
            module.sqk.data.fill_(1 / module.sqk_scale)
    return model


def test_heads_are_those_of_the_attention_layers(built: Built) -> None:
    shape = built.weights.shape
    assert [layer.index for layer in shape.layers] == built.at
    assert [layer.name for layer in shape.layers] == [f"L{layer}" for layer in built.at]
    held = len(getattr(built.model, "model", built.model).layers)
    assert shape.n_layers == held * (2 if "{pair}" in built.kind.attention else 1)


def test_each_matrix_is_the_linear_map_of_the_running_head(built: Built) -> None:
    model = linear(built.kind.build())
    for layer in built.at:
        matrices = built.weights.layer(layer)
        for role, wanted in tap.live_heads(kind_at(built.name, layer), model, layer).items():
            assert matrices[role].shape == wanted.shape, role
            source = built.weights.shape.by_index[layer].source
            if source is not None and role in "KV":
                assert np.abs(wanted).max() < 1e-5, "they do not read the residual stream here"
                same = built.weights.layer(source)[role]
                np.testing.assert_array_equal(matrices[role], same)
                continue
            rotary = built.weights.shape.by_index[layer].kind != "plain"
            turned = built.name in INTERLEAVED and rotary
            if role in "QK" and getattr(built.model.config, "rope_interleave", turned):
                # the rotary part of queries and keys is put into another order, the same for both
                wanted = wanted[..., [*range(6), 6, 8, 7, 9]]
            factor = 1.0
            if role == "O" and built.name in GATED:
                factor = 0.5  # the gate of an input of zeros
            np.testing.assert_allclose(matrices[role] * factor, wanted, atol=2e-5, err_msg=role)


def test_a_head_reads_its_subspace_and_nothing_else(built: Built) -> None:
    """Norms of the latent vector are a scale by token: what is orthogonal keeps the direction."""
    rng = np.random.default_rng(0)
    for module in built.model.modules():
        if hasattr(module, "static_weight"):  # gates of the taps of a convolution
            torch.nn.init.zeros_(module.weight_proj.weight)
    for layer in built.at:
        matrices = built.weights.layer(layer)
        with tap.tapped(kind_at(built.name, layer), built.model, layer) as run:
            shared = built.weights.shape.by_index[layer].source is not None
            for role in "Q" if shared else "QKV":
                basis = bases(matrices[role]).basis
                for head in (0, len(basis) - 1):
                    _check_reading(run, role, head, basis[head].astype(np.float64), rng)


def _check_reading(run: Any, role: str, head: int, basis: np.ndarray, rng: Any) -> None:
    units = tap.moved(run, role, head, basis, rng).numpy().astype(np.float64)
    part = slice(0, 6) if role == "K" and units.shape[-1] == 10 else slice(None)  # one scale
    units = units[:, part] / np.linalg.norm(units[:, part], axis=-1, keepdims=True)
    moved = np.abs(units[1:] - units[:1]).max(axis=1)
    assert (moved[:6] > 1e-3).all(), f"{role} of head {head} ignores its own subspace"
    assert (moved[6:] < 1e-4).all(), f"{role} of head {head} reads beyond its subspace"


def test_the_norm_that_is_named_gives_what_attention_reads(built: Built) -> None:
    kind, layer = built.kind, built.at[-1]
    norm = built.weights.family.of_kind(built.weights.shape.layers[-1].kind).norm
    assert (kind.norm is None) == (norm.follows is not None)
    if kind.norm is None:
        return
    name = built.weights._name(norm.name, built.weights.shape.layers[-1])
    module = tap.at(built.model, kind.norm, layer)
    assert (built.weights._files.read(name) == module.weight.detach().numpy()).all()
    folded = ModelWeights(built.folder, fold_ln=True)
    x = torch.randn(5, kind.d, generator=torch.Generator().manual_seed(0)) * 3 + 1
    with torch.no_grad():
        y = module(x)
    size = x.square().mean(1).sqrt()
    raw, new = folded.raw_layer(layer), folded.layer(layer)
    for role in "QKV" if built.weights.shape.layers[-1].source is None else "Q":
        wanted = np.einsum("nd,hdm->hnm", y.numpy(), raw[role])
        got = np.einsum("nd,hdm->hnm", (x / size[:, None]).numpy(), new[role])
        np.testing.assert_allclose(got, wanted, atol=5e-4)


PUBLISHED: dict[str, list[tuple[str, str]]] = {
    "inkling": [(r"^model\.", "model.llm."), (r"self_attn\.q_proj", "attn.wq_du"),
                (r"self_attn\.k_proj", "attn.wk_dv"), (r"self_attn\.v_proj", "attn.wv_dv"),
                (r"self_attn\.o_proj", "attn.wo_ud"), ("input_layernorm", "attn_norm")],
    "mistral_large4": [(r"attention\.o_proj", "attention.wo"),
                       ("^embed_tokens", "tok_embeddings")],
    "dory": [(r"^backbone\.layers\.(0|1|2)\.self_attn",
              lambda found: f"backbone.layers.{2 * int(found[1])}.mixer")],
    "bailing_hybrid": [(r"attention\.dense", "self_attn.o_proj"), (r"attention\.", "self_attn.")],
}  # fmt: skip
"""Kind -> names in the published files, or those of transformers, by those of the saved ones."""


@pytest.mark.parametrize("name", PUBLISHED)
def test_other_names_of_the_same_tensors(name: str, build: Any, tmp_path: Path) -> None:
    built = build(name)
    tensors = load_file(built.folder / "model.safetensors")
    for pattern, other in PUBLISHED[name]:
        tensors = {re.sub(pattern, other, key): tensor for key, tensor in tensors.items()}
    save_file(tensors, tmp_path / "model.safetensors")
    shutil.copy(built.folder / "config.json", tmp_path)
    found = ModelWeights(tmp_path)
    for layer in built.at:
        for role, matrix in built.weights.layer(layer).items():
            np.testing.assert_array_equal(found.layer(layer)[role], matrix)


@pytest.mark.parametrize("name", ["gemma4-shared", "gemma3n"])
def test_keys_and_values_of_another_layer_are_compared_in_that_layer_alone(
    name: str, build: Any, tmp_path: Path
) -> None:
    folder = build(name).folder
    table = compute(folder, pairings="all", layer_order="all", selection=Selection())
    for end, place in (("source", 0), ("target", 1)):
        late = table.frame[table.frame[f"{end}_layer"] >= 2]["pairing"].str[place]
        assert set(late) == {"Q", "O"}
        early = table.frame[table.frame[f"{end}_layer"] < 2]["pairing"].str[place]
        assert set(early) == set("QKVO")
    assert table.meta.scored["OK"] == 4 * 4 * 2 * 2  # all outputs, and keys of two layers
    first, folded = ModelWeights(folder, fold_ln=True).layer(1), ModelWeights(folder, fold_ln=True)
    assert (folded.layer(3)["K"] == first["K"]).all()
    with pytest.raises(EngineError, match="uses the keys and values of an earlier one; give a"):
        principal_angles(folder, "L0H0", "L2H0", "OK")
    assert AffinityTable.read(table.write(tmp_path / "t.parquet")).meta == table.meta
