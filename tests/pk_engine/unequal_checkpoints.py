"""Checkpoints of random numbers of models whose layers or roles are not all alike."""

from pathlib import Path
from typing import Any

import numpy as np

from headgraph.pk_engine.models.families.catalogue import family_of
from tests.pk_engine.checkpoints import save

SIZES = {"num_attention_heads": 4, "num_key_value_heads": 2, "hidden_size": 24}
CONFIGS: dict[str, dict[str, Any]] = {
    "hybrid": SIZES | {"model_type": "jamba", "num_hidden_layers": 8, "attn_layer_period": 3,
                       "attn_layer_offset": 1},
    "latent": SIZES | {"model_type": "deepseek_v3", "num_hidden_layers": 4, "kv_lora_rank": 14,
                       "q_lora_rank": 16, "qk_nope_head_dim": 6, "qk_rope_head_dim": 4,
                       "v_head_dim": 5},
    "widths": SIZES | {"model_type": "gemma4_text", "num_hidden_layers": 5, "head_dim": 4,
                       "global_head_dim": 7, "num_global_key_value_heads": 1,
                       "attention_k_eq_v": True,
                       "layer_types": ["sliding_attention", "full_attention"] * 2 +
                                      ["sliding_attention"]},
    "parts": {"model_type": "t5", "num_layers": 2, "num_decoder_layers": 2, "num_heads": 4,
              "d_model": 24, "d_kv": 5},
    "stages": {"model_type": "segformer", "depths": [2, 2], "hidden_sizes": [16, 24],
               "num_attention_heads": [4, 4], "sr_ratios": [2, 1]},
}  # fmt: skip


def checkpoint(folder: Path, name: str, **changes: Any) -> Path:
    """A folder with the model of one of the configurations."""
    config, rng = CONFIGS[name] | changes, np.random.default_rng(0)
    family = family_of(config)
    shape, family = family.shape(config), family.for_model(config)
    tensors = {
        family.prefixes[0] + layer.named(tensor): rng.standard_normal(size, np.float32)
        for layer in shape.layers
        for tensor, size in family.stored(layer).items()
    }
    return save(folder, tensors, config)
