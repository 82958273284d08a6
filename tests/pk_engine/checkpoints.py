"""Small made-up checkpoints, whole or broken, for tests of what is read and what is refused."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from headgraph.pk_engine.models.weights import ModelWeights

GPT2_CONFIG = {"model_type": "gpt2", "n_layer": 2, "n_head": 2, "n_embd": 16}
LLAMA_CONFIG = {
    "model_type": "llama",
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "hidden_size": 24,
    "head_dim": 4,
}
DEEP = "[" * 10_000 + "]" * 10_000
"""JSON that is nested too deeply to read."""
LONG = "long-" * 40


def gpt2_tensors(seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    sizes = {"c_attn": (16, 48), "c_proj": (16, 16)}
    return {
        f"h.{layer}.attn.{name}.weight": rng.standard_normal(size).astype(np.float32)
        for layer in range(2)
        for name, size in sizes.items()
    }


def llama_tensors(seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    sizes = {"q_proj": (16, 24), "k_proj": (8, 24), "v_proj": (8, 24), "o_proj": (24, 16)}
    return {
        f"model.layers.{layer}.self_attn.{name}.weight": rng.standard_normal(size).astype(
            np.float32
        )
        for layer in range(2)
        for name, size in sizes.items()
    }


def save(
    folder: Path,
    tensors: Mapping[str, np.ndarray] | None = None,
    config: Mapping[str, Any] | None = None,
    *,
    shards: int = 1,
) -> Path:
    """A checkpoint folder, by default a GPT-2 of two layers and two heads."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = gpt2_tensors() if tensors is None else tensors
    (folder / "config.json").write_text(json.dumps(config or GPT2_CONFIG))
    if shards == 1:
        save_file(dict(tensors), folder / "model.safetensors")
        return folder
    where = {name: f"model-{i % shards}.safetensors" for i, name in enumerate(sorted(tensors))}
    for file in set(where.values()):
        save_file({name: tensors[name] for name in tensors if where[name] == file}, folder / file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": where}))
    return folder


def read(folder: Path) -> ModelWeights:
    """The weights of a folder, each of whose layers was read."""
    weights = ModelWeights(folder)
    for layer in range(weights.shape.n_layers):
        weights.raw_layer(layer)
    return weights
