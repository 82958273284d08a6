"""Small random models whose layers or roles are not all alike."""

from dataclasses import replace

import transformers

from headgraph.pk_engine.models import family
from tests.pk_engine.zoo import ENDS, TEXT, Kind
from tests.pk_engine.zoo import HF as SIZES

HF = SIZES | ENDS

GROUPED = {"num_key_value_heads": 2}
MLP = {"intermediate_size": 12}
LINEAR = {"linear_key_head_dim": 4, "linear_value_head_dim": 4, "linear_num_key_heads": 2,
          "linear_num_value_heads": 2}  # fmt: skip
EXPERTS = {"moe_intermediate_size": 8, "num_experts": 2, "num_experts_per_tok": 1,
           "shared_expert_intermediate_size": 8}  # fmt: skip
MAMBA = {"mamba_n_heads": 4, "mamba_d_head": 12, "mamba_n_groups": 1, "mamba_d_state": 4,
         "mamba_d_conv": 2, "mamba_expand": 2}  # fmt: skip
LAYERS = ["linear_attention", "full_attention", "linear_attention", "full_attention"]
LATENT = HF | MLP | {"kv_lora_rank": 14, "qk_nope_head_dim": 6, "qk_rope_head_dim": 4,
                     "v_head_dim": 5, "num_key_value_heads": 4, "q_lora_rank": 16}  # fmt: skip
MOE = {"n_routed_experts": 2, "num_experts_per_tok": 1, "moe_intermediate_size": 8, "n_group": 1,
       "topk_group": 1, "n_shared_experts": 1, "first_k_dense_replace": 1}  # fmt: skip
GEMMA4 = {"hidden_size_per_layer_input": 0, "vocab_size_per_layer_input": 32,
          "layer_types": ["sliding_attention", "full_attention"] * 2}  # fmt: skip
INDEX = {"index_n_heads": 2, "index_head_dim": 8, "index_topk": 4}
FOUR = {"num_hidden_layers": 4}


def latent(name: str, at: list[int] | None = None, **config: object) -> tuple[Kind, list[int]]:
    kind = Kind(f"{name}Config", f"{name}ForCausalLM", LATENT | config, *TEXT, m=5)
    return kind, at or [0, 1]


KINDS: dict[str, tuple[Kind, list[int]]] = {
    "qwen3_next": (
        Kind("Qwen3NextConfig", "Qwen3NextForCausalLM",
             HF | MLP | GROUPED | LINEAR | EXPERTS | FOUR | {"head_dim": 8, "layer_types": LAYERS},
             *TEXT, kv=2, m=8), [1, 3]),
    "qwen3_5": (
        Kind("Qwen3_5TextConfig", "Qwen3_5ForCausalLM",
             HF | MLP | GROUPED | LINEAR | FOUR | {"head_dim": 8, "layer_types": LAYERS},
             *TEXT, kv=2, m=8), [1, 3]),
    "jamba": (
        Kind("JambaConfig", "JambaForCausalLM",
             HF | MLP | GROUPED | FOUR | {"attn_layer_period": 3, "attn_layer_offset": 1,
                                          "num_experts": 1, "use_mamba_kernels": False,
                                          "mamba_d_state": 4, "mamba_dt_rank": 2},
             *TEXT, kv=2), [1]),
    "bamba": (
        Kind("BambaConfig", "BambaForCausalLM",
             HF | MLP | GROUPED | FOUR | MAMBA | {"attn_layer_indices": [0, 2]}, *TEXT, kv=2),
        [0, 2]),
    "falcon_h1": (
        Kind("FalconH1Config", "FalconH1ForCausalLM",
             HF | MLP | GROUPED | MAMBA | {"mamba_d_ssm": 48}, *TEXT, kv=2), [0, 1]),
    "granite_hybrid": (
        Kind("GraniteMoeHybridConfig", "GraniteMoeHybridForCausalLM",
             HF | MLP | GROUPED | FOUR | MAMBA | {"layer_types": LAYERS, "num_local_experts": 0,
                                                  "shared_intermediate_size": 8},
             *TEXT, kv=2), [1, 3]),
    "nemotron_h": (
        Kind("NemotronHConfig", "NemotronHForCausalLM",
             HF | MLP | GROUPED | {"head_dim": 8, "mamba_num_heads": 4, "mamba_head_dim": 12,
                                   "ssm_state_size": 4, "n_groups": 1, "conv_kernel": 2,
                                   "layers_block_type": ["linear_attention", "full_attention",
                                                         "mlp", "full_attention"]},
             "model.layers.{layer}.mixer", "model.layers.{layer}.norm", kv=2, m=8), [1, 3]),
    "lfm2": (
        Kind("Lfm2Config", "Lfm2ForCausalLM",
             HF | MLP | GROUPED | FOUR | {"layer_types": ["conv", "full_attention"] * 2},
             "model.layers.{layer}.self_attn", "model.layers.{layer}.operator_norm", kv=2), [1, 3]),
    "recurrent_gemma": (
        Kind("RecurrentGemmaConfig", "RecurrentGemmaForCausalLM",
             HF | MLP | GROUPED | {"num_hidden_layers": 5, "head_dim": 6, "lru_width": 24,
                                   "block_types": ["recurrent", "attention"]},
             "model.layers.{layer}.temporal_block", "model.layers.{layer}.temporal_pre_norm",
             kv=2), [1, 3]),
    "olmo_hybrid": (
        Kind("OlmoHybridConfig", "OlmoHybridForCausalLM",
             HF | MLP | GROUPED | LINEAR | FOUR | {"layer_types": LAYERS}, TEXT[0], None, kv=2),
        [1, 3]),
    "gemma4": (
        Kind("Gemma4TextConfig", "Gemma4ForCausalLM",
             HF | MLP | GROUPED | FOUR | GEMMA4 | {"head_dim": 8, "global_head_dim": 12},
             *TEXT, kv=2, m=8), [0, 1, 2, 3]),
    "gemma4-one-matrix": (
        Kind("Gemma4TextConfig", "Gemma4ForCausalLM",
             HF | MLP | GROUPED | FOUR | GEMMA4 | {"head_dim": 8, "global_head_dim": 12,
                                                   "attention_k_eq_v": True,
                                                   "num_global_key_value_heads": 1},
             *TEXT, kv=2, m=8), [0, 1, 2, 3]),
    "deepseek_v2": latent("DeepseekV2", **MOE),
    "deepseek_v2-lite": latent("DeepseekV2", **MOE, q_lora_rank=None),
    "deepseek_v3": latent("DeepseekV3", **MOE),
    "deepseek_v32": latent("DeepseekV32", **MOE, **INDEX),
    "glm_moe_dsa": latent("GlmMoeDsa", **MOE, **INDEX),
    "minicpm3": latent("MiniCPM3"),
    "glm4_moe_lite": latent("Glm4MoeLite", **MOE),
    "mistral4": latent("Mistral4", **MOE),
    "youtu": latent("Youtu"),
    "kimi_linear": latent(
        "KimiLinear", [1, 3], **FOUR, q_lora_rank=None, layer_types=LAYERS, linear_head_dim=6,
        linear_num_heads=4, num_local_experts=2, moe_intermediate_size=8,
        mlp_layer_types=["dense"] * 4),
}  # fmt: skip
"""Name -> the kind, and the layers that have attention."""
OTHER = {"gemma4": {1: {"m": 12}, 3: {"m": 12}},
         "gemma4-one-matrix": {1: {"m": 12, "kv": 1}, 3: {"m": 12, "kv": 1}}}  # fmt: skip
"""Name -> layer -> what is different in it."""

IN_PARTS = {"t5", "bart", "whisper", "mllama", "moonshine", "t5gemma", "conditional_detr",
            "speecht5", "prophetnet", "t5gemma2", "pix2struct", "lxmert", "dia", "transducer",
            "seamless_m4t", "rt_detr", "trocr", "musicgen",
            "moonshine_streaming", "sam", "sam2", "idefics", "blt", "blip_text",
            "mask2former"}  # fmt: skip
"""Families of several stacks, or of one inside another network: `test_encoder_decoder.py`."""


def kind_at(name: str, layer: int) -> Kind:
    """The kind as one of its layers is."""
    return replace(KINDS[name][0], **OTHER.get(name, {}).get(layer, {}))


def family_of(kind: Kind) -> str:
    """The name of the family file that describes a kind."""
    model_type = getattr(transformers, kind.config).model_type
    return family.families()[model_type].name
