"""Small random models whose layers or roles are not all alike."""

from dataclasses import replace

import transformers

from headgraph.pk_engine.models.families import catalogue
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
         "mamba_d_conv": 2, "mamba_expand": 2, "mamba_chunk_size": 8}  # fmt: skip
LAYERS = ["linear_attention", "full_attention", "linear_attention", "full_attention"]
LATENT = HF | MLP | {"kv_lora_rank": 14, "qk_nope_head_dim": 6, "qk_rope_head_dim": 4,
                     "v_head_dim": 5, "num_key_value_heads": 4, "q_lora_rank": 16}  # fmt: skip
MOE = {"n_routed_experts": 2, "num_experts_per_tok": 1, "moe_intermediate_size": 8, "n_group": 1,
       "topk_group": 1, "n_shared_experts": 1, "first_k_dense_replace": 1}  # fmt: skip
GEMMA4 = {"hidden_size_per_layer_input": 0, "vocab_size_per_layer_input": 32,
          "layer_types": ["sliding_attention", "full_attention"] * 2}  # fmt: skip
INDEX = {"index_n_heads": 2, "index_head_dim": 8, "index_topk": 4}
FOUR = {"num_hidden_layers": 4}
ALONE = "layers.{layer}.self_attn", "layers.{layer}.input_layernorm"
DENSE = {"mlp_layer_types": ["dense"] * 4}
EXPERT = {"num_local_experts": 2, "moe_intermediate_size": 8, "num_experts_per_tok": 1}
INKLING = EXPERT | {
    "head_dim": 8, "swa_num_attention_heads": 2, "swa_num_key_value_heads": 1, "swa_head_dim": 12,
    "sliding_window_size": 4, "d_rel": 3, "rel_extent": 8, "n_routed_experts": 2,
    "layer_types": ["hybrid", "hybrid_sliding"], "unpadded_vocab_size": 32,
    "n_shared_experts": 1}  # fmt: skip
"""A window, with its own heads, in the second layer."""
LAST = {"layer_types": ["hybrid_sliding", "hybrid"]}


def latent(
    name: str,
    at: list[int] | None = None,
    model: str | None = None,
    inner: str = "model.layers",
    **config: object,
) -> tuple[Kind, list[int]]:
    """A kind with latent attention, and its layers; `inner` is where the model holds them."""
    paths = [path.replace("model.layers", inner) for path in TEXT]
    kind = Kind(f"{name}Config", model or f"{name}ForCausalLM", LATENT | config, *paths, m=5)
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
    "gemma4_unified": (
        Kind("Gemma4UnifiedTextConfig", "Gemma4UnifiedForCausalLM",
             HF | MLP | GROUPED | FOUR | GEMMA4 | {"head_dim": 8, "global_head_dim": 12},
             *TEXT, kv=2, m=8), [0, 1, 2, 3]),
    "embedding_gemma2": (
        Kind("EmbeddingGemma2TextConfig", "EmbeddingGemma2TextModel",
             HF | MLP | GROUPED | FOUR | GEMMA4 | {"head_dim": 8, "global_head_dim": 12,
                                                   "num_global_key_value_heads": 1,
                                                   "hidden_size_per_layer_input": 8,
                                                   "embedding_dim": 8},
             *ALONE, kv=2, m=8), [0, 1, 2, 3]),
    "diffusion_gemma": (
        Kind("DiffusionGemmaTextConfig", "DiffusionGemmaEncoderTextModel",
             HF | MLP | GROUPED | FOUR | GEMMA4 | {"head_dim": 8, "global_head_dim": 12,
                                                   "num_global_key_value_heads": 1,
                                                   "num_experts": 2, "top_k_experts": 1,
                                                   "moe_intermediate_size": 8},
             *ALONE, kv=2, m=8), [0, 1, 2, 3]),
    "mimo_v2_flash": (
        Kind("MiMoV2FlashConfig", "MiMoV2FlashForCausalLM",
             HF | MLP | {"num_key_value_heads": 1, "head_dim": 8, "v_head_dim": 5,
                         "layer_types": ["full_attention", "sliding_attention"],
                         "mlp_layer_types": ["dense", "dense"], "attention_value_scale": 1.0},
             *TEXT, kv=1, m=5), [0, 1]),
    "qwen3_5_moe": (
        Kind("Qwen3_5MoeTextConfig", "Qwen3_5MoeForCausalLM",
             HF | GROUPED | LINEAR | EXPERTS | FOUR | {"head_dim": 8, "layer_types": LAYERS},
             *TEXT, kv=2, m=8), [1, 3]),
    "lfm2_moe": (
        Kind("Lfm2MoeConfig", "Lfm2MoeForCausalLM",
             HF | MLP | GROUPED | FOUR | {"layer_types": ["conv", "full_attention"] * 2,
                                          "moe_intermediate_size": 8, "num_experts": 2,
                                          "num_experts_per_tok": 1},
             "model.layers.{layer}.self_attn", "model.layers.{layer}.operator_norm", kv=2), [1, 3]),
    "gemma4-shared": (
        Kind("Gemma4TextConfig", "Gemma4ForCausalLM",
             HF | MLP | GROUPED | FOUR | GEMMA4 | {"head_dim": 8, "global_head_dim": 12,
                                                   "num_kv_shared_layers": 2},
             *TEXT, kv=2, m=8), [0, 1, 2, 3]),
    "gemma3n": (
        Kind("Gemma3nTextConfig", "Gemma3nForCausalLM",
             HF | MLP | GROUPED | FOUR | {
                 "head_dim": 8, "layer_types": ["sliding_attention", "full_attention"] * 2,
                 "num_kv_shared_layers": 2, "hidden_size_per_layer_input": 4, "laurel_rank": 2,
                 "vocab_size_per_layer_input": 32, "altup_num_inputs": 2,
                 "activation_sparsity_pattern": [0.0] * 4},
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
    "deepseek_v4": (
        Kind("DeepseekV4Config", "DeepseekV4ForCausalLM",
             HF | {"num_key_value_heads": 1, "head_dim": 8, "q_lora_rank": 16, "o_groups": 2,
                   "o_lora_rank": 12, "moe_intermediate_size": 8, "n_routed_experts": 2,
                   "num_experts_per_tok": 1, "hc_mult": 2, "index_n_heads": 2,
                   "index_head_dim": 8, "partial_rotary_factor": 0.5,
                   "layer_types": ["sliding_attention", "heavily_compressed_attention"],
                   "mlp_layer_types": ["moe", "moe"]},
             *TEXT, kv=1, m=8), [0, 1]),
    "bailing_hybrid": latent(
        "BailingHybrid", [1, 3], **FOUR, **DENSE, **EXPERT, q_lora_rank=None, layer_types=LAYERS,
        head_dim=6),
    "bailing_hybrid-q_lora": latent(
        "BailingHybrid", [1, 3], **FOUR, **DENSE, **EXPERT, layer_types=LAYERS, head_dim=6),
    "glm5_next": latent(
        "Glm5NextText", [1, 3], **FOUR, **DENSE, **INDEX, **EXPERT, layer_types=LAYERS,
        qk_nope_head_dim=10, qk_rope_head_dim=0, linear_head_dim=6, linear_num_heads=4,
        hc_mult=2, index_kpool=1, model="Glm5NextTextModel", inner="layers"),
    "axk1": latent("AXK1", **MOE),
    "hy_v4": latent("HYV4", **MOE, **INDEX, hc_mult=2),
    "hy_v4_vl": latent("HYV4VLText", **MOE, **INDEX, hc_mult=2, model="HYV4VLTextModel",
                       inner="layers",
                       rope_parameters={"rope_type": "default", "rope_theta": 1e4,
                                        "mrope_section": [1, 1, 0]}),
    "dots3_note": latent(
        "Dots3NoteText", mlp_layer_types=["dense", "dense"], **EXPERT, **INDEX,
        n_shared_experts=1, use_sliding_window=True,
        layer_types=["indexed_attention", "sliding_attention"], swa_num_attention_heads=2,
        swa_num_key_value_heads=2, swa_q_lora_rank=12, swa_kv_lora_rank=10, swa_head_dim=10,
        swa_qk_nope_head_dim=6, swa_v_head_dim=7, model="Dots3NoteForCausalLM"),
    "longcat_flash": (
        Kind("LongcatFlashConfig", "LongcatFlashForCausalLM",
             LATENT | {"num_hidden_layers": 4, "head_dim": 4, "ffn_hidden_size": 12,
                       "expert_ffn_hidden_size": 8, "n_routed_experts": 2, "zero_expert_num": 2,
                       "moe_topk": 2},
             "model.layers.{pair}.self_attn.{odd}", "model.layers.{pair}.input_layernorm.{odd}",
             m=5), [0, 1, 2, 3]),
    "mistral_large4": latent(
        "MistralLarge4Text", [0, 1, 2, 3], **FOUR, **MOE, **INDEX, q_lora_rank=None,
        no_rope_layers=[1, 1, 0, 1], model="MistralLarge4TextModel", inner="layers"),
    "inkling": (
        Kind("InklingTextConfig", "InklingForCausalLM", HF | MLP | GROUPED | INKLING, *TEXT,
             kv=2, m=8), [0, 1]),
    "inkling2": (
        Kind("Inkling2TextConfig", "Inkling2ForCausalLM", HF | GROUPED | INKLING | LAST,
             TEXT[0], None, kv=2, m=8), [0, 1]),
    "inkling2_loop": (
        Kind("Inkling2LoopTextConfig", "Inkling2LoopForCausalLM",
             HF | GROUPED | INKLING | LAST | {
                 "loop_layer_index_start": 1, "loop_layer_index_end": 2, "loop_gate_rank": 4,
                 "n_layers_per_attn_res_block": 1},
             TEXT[0], None, kv=2, m=8), [0, 1]),
    "qwen4_exp": (
        Kind("Qwen4ExpTextConfig", "Qwen4ExpForCausalLM",
             HF | GROUPED | LINEAR | EXPERTS | FOUR | {
                 "head_dim": 8, "layer_types": LAYERS, "hc_count": 2, "hc_lowrank": 4,
                 "indexer_n_heads": 2, "indexer_kv_heads": 1, "indexer_head_dim": 8,
                 "indexer_budget": 4, "indexer_compress_ratio": 1},
             TEXT[0], None, kv=2, m=8), [1, 3]),
    "lara_mini": (
        Kind("LaraMiniConfig", "LaraMiniForCausalLM",
             HF | GROUPED | LINEAR | EXPERTS | FOUR | {
                 "head_dim": 8, "layer_types": [*LAYERS[:3], "sliding_attention"]},
             *TEXT, kv=2, m=8), [1, 3]),
    "lfm3": (
        Kind("Lfm3Config", "Lfm3ForCausalLM",
             HF | MLP | GROUPED | FOUR | {
                 "head_dim": 8,
                 "layer_types": ["conv", "full_attention", "conv", "sliding_attention"]},
             "model.layers.{layer}.self_attn", "model.layers.{layer}.operator_norm", kv=2, m=8),
        [1, 3]),
    "minimax": (
        Kind("MiniMaxConfig", "MiniMaxForCausalLM",
             HF | MLP | GROUPED | FOUR | {"layer_types": LAYERS, "num_local_experts": 2,
                                          "num_experts_per_tok": 1},
             TEXT[0], None, kv=2), [1, 3]),
    "dory": (
        Kind("DoryConfig", "DoryForCausalLM",
             HF | MLP | GROUPED | {"num_hidden_layers": 3, "head_dim": 8, "n_input_layers": 1,
                                   "n_output_layers": 1,
                                   "layer_types": ["sliding_attention", "full_attention",
                                                   "sliding_attention"]},
             "model.layers.{pair}.self_attn", None, kv=2, m=8), [0, 2, 4]),
}  # fmt: skip
"""Name -> the kind, and the layers that have attention."""
WIDE, WIDE_ONE = ({at: {"m": 12, **more} for at in (1, 3)} for more in ({}, {"kv": 1}))
OTHER: dict[str, dict[int, dict[str, int]]] = {
    "dots3_note": {1: {"heads": 2, "kv": 2, "m": 7}},
    "inkling": {1: {"heads": 2, "kv": 1, "m": 12}},
    "inkling2": {0: {"heads": 2, "kv": 1, "m": 12}},
    "inkling2_loop": {0: {"heads": 2, "kv": 1, "m": 12}},
    "gemma4": WIDE, "gemma4-shared": WIDE, "gemma4-one-matrix": WIDE_ONE, "gemma4_unified": WIDE,
    "embedding_gemma2": WIDE_ONE, "diffusion_gemma": WIDE_ONE, "mimo_v2_flash": {1: {"kv": 2}},
}  # fmt: skip
"""Name -> layer -> what is different in it."""

IN_PARTS = {"t5", "bart", "whisper", "mllama", "moonshine", "t5gemma", "conditional_detr",
            "speecht5", "prophetnet", "t5gemma2", "pix2struct", "lxmert", "dia", "transducer",
            "seamless_m4t", "rt_detr", "trocr", "musicgen",
            "moonshine_streaming", "sam", "sam2", "idefics", "blt", "blip_text",
            "mask2former"}  # fmt: skip
"""Families of several stacks, or of one inside another network: `test_encoder_decoder.py`."""
IN_STAGES = {"hiera", "levit", "swin", "segformer", "mobilevit"}
"""Families whose stages have residual streams of their own, which `test_stages.py` has."""
IN_STACKS = {"codec", "fastspeech2", "timesformer", "videoprism"}
"""Families of two stacks of layers, which `test_inside.py` has."""


def kind_at(name: str, layer: int) -> Kind:
    """The kind as one of its layers is."""
    return replace(KINDS[name][0], **OTHER.get(name, {}).get(layer, {}))


def family_of(kind: Kind) -> str:
    """The name of the family file that describes a kind."""
    model_type = getattr(transformers, kind.config).model_type
    return catalogue.families()[model_type].name
