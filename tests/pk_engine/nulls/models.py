"""Small models of random weights."""

from pathlib import Path

import numpy as np

from tests.pk_engine.checkpoints import save

LAYERS, HEADS, D, M = 6, 8, 64, 8
CONFIG = {"model_type": "gpt2", "n_layer": LAYERS, "n_head": HEADS, "n_embd": D}
PAIRS = HEADS * HEADS * LAYERS * (LAYERS - 1) // 2


def model(folder: Path, common: float = 0.0, seed: int = 0, values: float = 1.0) -> Path:
    """GPT-2 of normal weights; `common` adds five directions that all heads use, and `values` is a
    factor of V.
    """
    rng = np.random.default_rng(seed)
    shared = rng.standard_normal((D, 5))
    tensors = {}
    for layer in range(LAYERS):
        fused = rng.standard_normal((D, 3 * D)) + common * shared @ rng.standard_normal((5, 3 * D))
        fused[:, 2 * D :] *= values
        proj = rng.standard_normal((D, D)) + common * rng.standard_normal((D, 5)) @ shared.T
        tensors[f"h.{layer}.attn.c_attn.weight"] = fused.astype(np.float32)
        tensors[f"h.{layer}.attn.c_proj.weight"] = proj.astype(np.float32)
    return save(folder, tensors, CONFIG)
