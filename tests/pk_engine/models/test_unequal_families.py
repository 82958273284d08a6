"""Hybrids, latent attention and unequal widths against the running networks.

As for the families of `test_families.py`: what a head reads changes its query, key or value, and
what is orthogonal to it does not.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="the small models are run with torch")
pytest.importorskip("transformers", reason="and built by transformers")

import torch
from transformers.utils import logging

from headgraph.pk_engine.linalg.bases import bases
from headgraph.pk_engine.models.weights import ModelWeights
from tests.pk_engine import tap, zoo
from tests.pk_engine.unequal_zoo import KINDS, kind_at

logging.disable_progress_bar()
GATED = ("qwen3_next", "qwen3_5", "qwen3_5_moe")
INTERLEAVED = ("deepseek_v32", "glm_moe_dsa")
"""Models that always put rotary dimensions into another order."""


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
        if child in ("q_a_layernorm", "kv_a_layernorm"):
            setattr(model.get_submodule(parent), child, Scale(module.weight))
        if child in ("q_layernorm", "k_layernorm", "v_norm"):
            setattr(model.get_submodule(parent), child, torch.nn.Identity())
    return model


def test_heads_are_those_of_the_attention_layers(built: Built) -> None:
    shape = built.weights.shape
    assert [layer.index for layer in shape.layers] == built.at
    assert [layer.name for layer in shape.layers] == [f"L{layer}" for layer in built.at]
    assert shape.n_layers == len(getattr(built.model, "model", built.model).layers)


def test_each_matrix_is_the_linear_map_of_the_running_head(built: Built) -> None:
    model = linear(built.kind.build())
    for layer in built.at:
        matrices = built.weights.layer(layer)
        for role, wanted in tap.live_heads(kind_at(built.name, layer), model, layer).items():
            assert matrices[role].shape == wanted.shape, role
            turned = built.name in INTERLEAVED
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
    for layer in built.at:
        matrices = built.weights.layer(layer)
        with tap.tapped(kind_at(built.name, layer), built.model, layer) as run:
            for role in "QKV":
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
    assert kind.norm.format(layer=layer).endswith(norm.name.format(layer=layer)[: -len(".weight")])
    folded = ModelWeights(built.folder, fold_ln=True)
    x = torch.randn(5, kind.d, generator=torch.Generator().manual_seed(0)) * 3 + 1
    module = tap.at(built.model, kind.norm, layer)
    with torch.no_grad():
        y = module(x)
    size = x.square().mean(1).sqrt()
    raw, new = folded.raw_layer(layer), folded.layer(layer)
    for role in "QKV":
        wanted = np.einsum("nd,hdm->hnm", y.numpy(), raw[role])
        got = np.einsum("nd,hdm->hnm", (x / size[:, None]).numpy(), new[role])
        np.testing.assert_allclose(got, wanted, atol=5e-4)
