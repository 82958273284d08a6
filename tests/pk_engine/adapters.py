"""LoRA adapters made without peft."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from headgraph.pk_engine.models.weights import ModelWeights
from tests.pk_engine.checkpoints import LLAMA_CONFIG, llama_tensors, save


def change(folder: Path, **settings: Any) -> None:
    """Other settings in an adapter's folder."""
    path = folder / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | settings))


def by_hand(folder: Path, tensors: dict[str, Any] | None = None, **settings: Any) -> Path:
    """The folder of an adapter of ones, or of these tensors, beside its base."""
    save(folder / "base", llama_tensors(), LLAMA_CONFIG)
    (folder / "lora").mkdir()
    path = "base_model.model.model.layers.0.self_attn.q_proj.lora_"
    pair = {f"{path}A.weight": np.ones((2, 24)), f"{path}B.weight": np.ones((16, 2))}
    stored = {name: np.asarray(w, np.float32) for name, w in (tensors or pair).items()}
    save_file(stored, folder / "lora" / "adapter_model.safetensors")
    about = {"peft_type": "LORA", "r": 2, "lora_alpha": 4,
             "base_model_name_or_path": str(folder / "base")}  # fmt: skip
    (folder / "lora" / "adapter_config.json").write_text(json.dumps(about | settings))
    return folder / "lora"


def same(found: ModelWeights, merged: ModelWeights) -> None:
    """Every matrix of two models is the same, up to rounding."""
    for layer in range(found.shape.n_layers):
        for role, matrix in merged.raw_layer(layer).items():
            assert np.abs(found.raw_layer(layer)[role] - matrix).max() < 1e-5
