"""A small random model of any model type of transformers, from its configuration class."""

import importlib
from dataclasses import fields
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the small models are run with torch")
transformers = pytest.importorskip("transformers", reason="and built by transformers")

from transformers.models.auto import modeling_auto  # noqa: E402
from transformers.models.auto.configuration_auto import CONFIG_MAPPING  # noqa: E402

from tests.pk_engine import TRANSFORMERS  # noqa: E402
from tests.pk_engine.zoo import randomised  # noqa: E402

SMALL: dict[str, Any] = {
    "num_hidden_layers": 2, "n_layer": 2, "n_layers": 2, "num_layers": 2, "depth": 2,
    "num_attention_heads": 4, "n_head": 4, "n_heads": 4, "attention_heads": 4, "num_heads": 4,
    "num_key_value_heads": 2, "head_dim": 16,
    "hidden_size": 32, "n_embd": 32, "d_model": 32, "dim": 32, "embedding_size": 12,
    "intermediate_size": 12, "ffn_dim": 12, "hidden_dim": 12, "n_inner": 12, "ffn_hidden_size": 12,
    "moe_intermediate_size": 12, "shared_expert_intermediate_size": 12,
    "shared_intermediate_size": 12, "intermediate_size_mlp": 12, "dense_intermediate_size": 12,
    "prefix_dense_intermediate_size": 12,
    "num_local_experts": 4, "num_experts": 4, "n_routed_experts": 4, "num_experts_per_tok": 2,
    "moe_topk": 2, "n_group": 1, "topk_group": 1, "moe_k": 2, "moe_num_experts": 4,
    "vocab_size": 40, "max_position_embeddings": 32, "n_positions": 32, "max_seq_len": 32,
    "encoder_layers": 2, "encoder_attention_heads": 4, "num_mel_bins": 16,
    "max_source_positions": 32, "encoder_ffn_dim": 12,
    "type_vocab_size": 2, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
    "image_size": 20, "patch_size": 4, "rotary_dim": 4, "projection_dim": 12,
}  # fmt: skip
MAPPINGS = ("CAUSAL_LM", "MASKED_LM")


def rotary(*sections: int) -> dict[str, Any]:
    """Rotary embeddings in three sections, as models with images and video have them."""
    rope = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": list(sections)}
    return {"rope_parameters": rope}


MIMI = {"model_type": "mimi", "hidden_size": 16, "num_filters": 2, "num_residual_layers": 1,
        "upsampling_ratios": [2], "codebook_size": 8, "codebook_dim": 8, "num_quantizers": 4,
        "vector_quantization_hidden_dimension": 8, "num_hidden_layers": 1, "intermediate_size": 8,
        "num_attention_heads": 2, "num_key_value_heads": 2, "upsample_groups": 16}  # fmt: skip
FLOW = {"latent_dim": 4, "flow_head_config": {
    "condition_dim": 32, "hidden_size": 8, "num_hidden_layers": 1, "latent_dim": 4}}  # fmt: skip
"""The codec of models of speech, which no test runs."""
GRID = {"patch_size": 2, "temporal_patch_size": 1, "spatial_merge_size": 2}
CHANGES: dict[str, dict[str, Any]] = {
    "deepseek_ocr2_text": {"mlp_layer_types": ["dense", "dense"]},
    "dots1": {"n_shared_experts": 1},
    "helium": {"head_dim": 8}, "nomic_bert": {"head_dim": 8}, "nemotron": {"head_dim": 16},
    "cosmos3_edge_text": rotary(4, 2, 2), "glm4v_moe_text": rotary(1, 1, 0),
    "glm4v_text": rotary(2, 1, 1), "glm_image_text": rotary(2, 1, 1),
    "glm_ocr_text": rotary(2, 1, 1), "paddleocr_vl_text": rotary(4, 2, 2),
    "qwen2_5_omni_talker": rotary(4, 2, 2) | {"embedding_size": 32},
    "qwen2_5_omni_text": rotary(2, 1, 1),
    "qwen2_5_vl_text": rotary(2, 1, 1), "qwen2_vl_text": rotary(2, 1, 1),
    "vit_mae": {"mask_ratio": 0.0}, "videomae": {"num_frames": 2, "tubelet_size": 1},
    "dbrx": {"attn_config": {"kv_n_heads": 2, "rope_theta": 1e4, "clip_qkv": 1e6},
             "ffn_config": {"ffn_hidden_size": 12, "moe_num_experts": 4, "moe_top_k": 2}},
    "granitemoehybrid": {"layer_types": ["attention", "attention"], "mamba_n_heads": 4,
                         "mamba_d_head": 16},
    "falcon_h1": {"mamba_chunk_size": 8, "mamba_d_head": 8, "mamba_d_ssm": 32, "mamba_d_state": 8,
                  "mamba_n_heads": 4},
    "git": {"vision_config": {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1,
                              "num_attention_heads": 1}},
    "luke": {"entity_vocab_size": 8},
    "step3p5": {"sliding_window": 8}, "esmc": {"num_key_value_heads": 4, "head_dim": 8},
    "qwen3_5_vision": GRID | {"out_hidden_size": 20, "num_position_embeddings": 36},
    "qwen3_5_moe_vision": GRID | {"out_hidden_size": 20, "num_position_embeddings": 36},
    "qwen3_omni_moe_vision_encoder": GRID | {"out_hidden_size": 20, "num_position_embeddings": 36},
    "qwen4_exp_vision": GRID | {"out_hidden_size": 20, "num_position_embeddings": 36},
    "cohere_compass_vision": GRID | {"out_hidden_size": 20, "num_position_embeddings": 36},
    "glm4v_vision": GRID | {"out_hidden_size": 20},
    "glm4v_moe_vision": GRID | {"out_hidden_size": 20},
    "exaone4_5_vision": GRID | {"out_hidden_size": 20},
    "vivit": {"num_frames": 2, "tubelet_size": [1, 4, 4]},
    **{name: {"conv_dim": [8] * 7, "num_conv_pos_embedding_groups": 4}
       for name in ("wav2vec2", "hubert", "unispeech", "unispeech-sat", "data2vec-audio",
                    "wav2vec2-conformer", "wavlm")},
    "wav2vec2-bert": {"feature_projection_input_dim": 16},
    "sew": {"conv_dim": [8] * 13, "num_conv_pos_embedding_groups": 4},
    "sew-d": {"conv_dim": [8] * 13, "num_conv_pos_embedding_groups": 4},
    "qwen2_vl_vision": {"embed_dim": 32, "hidden_size": 20, "mlp_ratio": 2} | GRID,
    "qwen2_5_vl_vision": {"out_hidden_size": 20, "fullatt_block_indexes": [0, 1]} | GRID,
    "qwen3_vl_vision": {"out_hidden_size": 20, "num_position_embeddings": 36} | GRID,
    "qwen3_vl_moe_vision": {"out_hidden_size": 20, "num_position_embeddings": 36} | GRID,
    "pixtral": {"head_dim": 8}, "internvl_vision": {"image_size": [20, 20], "patch_size": [4, 4]},
    "llama4_vision_model": {"intermediate_size": 128, "image_size": 24, "vision_output_dim": 20,
                            "projector_input_dim": 20, "projector_output_dim": 20,
                            "pixel_shuffle_ratio": 0.5},
    "layoutlmv3": {"coordinate_size": 4, "shape_size": 8, "input_size": 20},
    "yolos": {"image_size": [20, 20], "num_detection_tokens": 2},
    "vitpose_backbone": {"image_size": [40, 40], "patch_size": [8, 8], "num_experts": 1},
    "audio-spectrogram-transformer": {"max_length": 32, "num_mel_bins": 32, "patch_size": 8,
                                      "frequency_stride": 6, "time_stride": 6},
    "vits": {"upsample_initial_channel": 8, "upsample_rates": [2], "upsample_kernel_sizes": [4],
             "flow_size": 8, "spectrogram_bins": 8, "posterior_encoder_num_wavenet_layers": 1,
             "prior_encoder_num_wavenet_layers": 1, "prior_encoder_num_flows": 1,
             "use_stochastic_duration_prediction": False},
    "vjepa2": {"crop_size": 20, "frames_per_clip": 2, "tubelet_size": 2, "mlp_ratio": 1,
               "pred_hidden_size": 24, "pred_num_attention_heads": 2, "pred_num_hidden_layers": 1},
    "gemma4_audio": {"subsampling_conv_channels": [16, 4], "attention_chunk_size": 26,
                     "attention_context_left": 1, "attention_context_right": 0,
                     "output_proj_dims": 8},
    "tvp": {"max_img_size": 8, "max_grid_col_position_embeddings": 4,
            "max_grid_row_position_embeddings": 4, "visual_prompt_size": 2, "num_frames": 1,
            "backbone_config": {"model_type": "resnet", "embedding_size": 4, "hidden_sizes": [4],
                                "depths": [1], "out_features": ["stage1"]}},
    "nemotron3_diarization_audio": {"num_key_value_heads": 4},
    "sapiens2": {"num_key_value_heads_per_layer": [4, 2]},
    "eomt": {"num_blocks": 1, "num_queries": 4, "num_upscale_blocks": 1},
    "eomt_dinov3": {"num_blocks": 1, "num_queries": 4, "num_upscale_blocks": 1},
    "videomt": {"num_blocks": 1, "num_queries": 4, "num_upscale_blocks": 1, "num_frames": 1},
    "rf_detr_dinov2": {"num_windows": 1},
    **{name: {"num_filters": 2, "upsampling_ratios": [2, 2], "upsample_groups": 4}
       for name in ("mimi_encoder", "mimi_decoder", "pocket_tts_audio_tokenizer_encoder",
                    "pocket_tts_audio_tokenizer_decoder")},
    **{name: {"semantic_model_config": {"model_type": "wav2vec2-bert", "hidden_size": 32,
                                        "num_hidden_layers": 1, "intermediate_size": 8,
                                        "num_attention_heads": 2},
              "encoder_hidden_size": 2, "head_dim": 8, "quantization_dim": 64,
              "num_key_value_heads": 4}
       for name in ("neucodec", "xcodec2")},
    "vitdet": {"pretrain_image_size": 20},
    "mgp-str": {"image_size": [20, 20], "patch_size": [4, 4]},
    "lw_detr_vit": {"num_windows": 1},
    "slanext_vision": {"mlp_dim": 12, "output_channels": 8, "global_attn_indexes": [0, 1]},
    "granite_speech5_encoder": {"context_size": 32, "subsample_layers": [],
                                "num_key_value_heads": 4},
    "seggpt": {"image_size": [40, 20], "pretrain_image_size": 20, "mlp_dim": 12,
               "merge_index": 0, "intermediate_hidden_state_indices": [1],
               "decoder_hidden_size": 8},
    "patchtst": {"norm_type": "layernorm", "num_input_channels": 1, "context_length": 32,
                 "patch_length": 1, "patch_stride": 1},
    "timesfm": {"patch_length": 4, "horizon_length": 8}, "timesfm2_5": {"patch_length": 4},
    "xlm": {"emb_dim": 32}, "flaubert": {"emb_dim": 32},
    "unlimited_ocr_text": {"num_key_value_heads": 4},
    **{f"kosmos_{name}_text_model": {"layers": 2, "embed_dim": 32} for name in ("2", "2_5")},
    "xmod": {"languages": ["en_XX"], "default_language": "en_XX"},
    "canine": {"downsampling_rate": 2, "num_hash_buckets": 8, "num_hash_functions": 4,
               "max_position_embeddings": 64},
    "convbert": {"conv_kernel_size": 3, "embedding_size": 32},
    "cpmant": {"dim_head": 8, "dim_ff": 12, "prompt_length": 4, "prompt_types": 4,
               "segment_types": 4, "position_bias_num_buckets": 8},
    "decision_transformer": {"state_dim": 5, "act_dim": 3, "max_ep_len": 8},
    "molmo2_text": {"additional_vocab_size": 4},
    "ernie4_5_vl_moe_text": rotary(1, 1, 2) | {"moe_intermediate_size": [12, 8],
                                               "mlp_layer_types": ["dense", "dense"]},
    "hunyuan_vl_text": rotary(4, 2, 2),
    "phi4_multimodal": {
        "vision_config": {"hidden_size": 16, "intermediate_size": 8, "num_hidden_layers": 2,
                          "num_attention_heads": 2, "crop_size": 8, "patch_size": 4,
                          "image_size": 8},
        "audio_config": {"hidden_size": 16, "intermediate_size": 8, "num_blocks": 1,
                         "input_size": 16, "nemo_conv_channels": 8,
                         "ext_pw_out_channel": 16, "depthwise_separable_out_channel": 16,
                         "num_attention_heads": 2}},
    "muse_glimmer_assistant": {"target_layer_ids": [1, 2]},
    "bark": {f"{name}_config": {"num_layers": 2, "num_heads": 4, "hidden_size": 32,
                                "input_vocab_size": 40, "output_vocab_size": 40, "block_size": 32}
             for name in ("semantic", "coarse_acoustics", "fine_acoustics")}
            | {"codec_config": {"model_type": "encodec", "num_filters": 2, "hidden_size": 8,
                                "upsampling_ratios": [2], "codebook_size": 8, "codebook_dim": 8}},
    "csm": {"codec_config": MIMI, "num_codebooks": 4, "text_vocab_size": 40,
            "depth_decoder_config": {
        "num_hidden_layers": 1, "hidden_size": 16, "intermediate_size": 8, "vocab_size": 40,
        "backbone_hidden_size": 32, "num_codebooks": 4, "num_attention_heads": 2,
        "num_key_value_heads": 1}},
    "csm_depth_decoder_model": {"backbone_hidden_size": 32, "num_codebooks": 25},
    "kyutai_speech_to_text": {"codec_config": MIMI, "num_codebooks": 4, "codebook_vocab_size": 40,
                              "audio_pad_token_id": 3},
    "gradium_phonon_tts": FLOW, "pocket_tts": FLOW, "clvp_encoder": {"use_rotary_embedding": False},
    "cohere_compass_text": {"rope_parameters": {
        "full_attention": {"rope_type": "default", "rope_theta": 1e4}}},
    "qwen3_omni_moe_talker_text": {"shared_expert_intermediate_size": 12},
    "moshi": {"audio_encoder_config": MIMI, "num_codebooks": 4, "depth_decoder_config": {
        "hidden_size": 16, "input_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2,
        "ffn_dim": 8, "num_codebooks": 4}},
}  # fmt: skip
"""What a configuration class needs beyond SMALL."""


CLASSES = {"rf_detr_dinov2": "RfDetrDinov2Backbone", "lw_detr_vit": "LwDetrViTBackbone",
           "vitpose_backbone": "VitPoseBackbone",
           "pp_ocrv5_mobile_rec": "PPOCRV5MobileRecForTextRecognition",
           "pp_ocrv5_server_rec": "PPOCRV5ServerRecForTextRecognition",
           "pp_ocrv6_small_rec": "PPOCRV6SmallRecForTextRecognition"}  # fmt: skip
"""Where the class of the configuration is not the one that people save."""
INNER_NORMS: dict[str, str | tuple[str, ...]] = {
    "gemma4_audio": "norm_pre_attn", "conformer": "self_attn_layer_norm",
    "parakeet": "norm_self_att", "timesformer": ("temporal_layernorm", "layernorm_before"),
}  # fmt: skip
"""Family -> the norm before attention, where another sublayer stands before it."""
FEATURES = {"wav2vec2-bert": (64, 16), "parakeet_encoder": (256, 16), "lasr_encoder": (256, 16),
            "granite_speech5_encoder": (32, 64), "nemotron3_diarization_audio": (256, 16),
            "gemma4_audio": (104, 16)}  # fmt: skip
"""Model types that take times x features of sound."""
WITH_MASK = {"ovis2_vision", "beit", "data2vec-vision", "flava_image_model"}
"""Model types of images whose configuration has a vocabulary, for what is masked."""
PATCHES = {"siglip2_vision_model"}
"""Model types that take an image in patches."""


WHOLE = {"gradium_phonon_tts": "GradiumPhononTTSForConditionalGeneration",
         "moshi": "MoshiForConditionalGeneration"}  # fmt: skip
"""Classes of whole models, where the one for language is a part with other names of tensors."""
PARTS = {"bark": "semantic", "canine": "encoder", "csm": "backbone_model",
         "gradium_phonon_tts": "model", "moshi": "decoder"}  # fmt: skip
"""The part of a model that is read, where it has others with attention."""
BESIDE = {"convbert": 16}
"""Inputs of the output matrix beside those that the heads give."""


def configuration(model_type: str) -> Any:
    """The class; a model type that only newer versions of transformers have skips the test."""
    if model_type not in CONFIG_MAPPING:
        pytest.importorskip("transformers", minversion=TRANSFORMERS)
    return CONFIG_MAPPING[model_type]


def sizes_of(model_type: str) -> dict[str, Any]:
    """What the configuration class is given."""
    own = {field.name for field in fields(configuration(model_type))}
    sizes = {name: value for name, value in SMALL.items() if name in own}
    return sizes | CHANGES.get(model_type, {})


def build(model_type: str, **changes: Any) -> Any:
    """The model, every parameter random, with eager attention."""
    config_class = configuration(model_type)
    config = config_class(**sizes_of(model_type) | changes)
    kind = model_class(model_type, config_class)
    model = randomised(kind._from_config(config, attn_implementation="eager"))
    for layer in model.modules():
        if hasattr(layer, "lambdas"):  # NeoMME's layers add the first one's input, here none of it
            layer.lambdas.data.copy_(torch.tensor([1.0, 0.0]))
    return model


def model_class(model_type: str, config_class: Any) -> Any:
    """The class for language where there is one, else the one of the configuration."""
    if model_type in WHOLE:
        return getattr(transformers, WHOLE[model_type])
    for kind in MAPPINGS:
        name = getattr(modeling_auto, f"MODEL_FOR_{kind}_MAPPING_NAMES").get(model_type)
        if name:
            return getattr(transformers, name)
    name = CLASSES.get(model_type) or modeling_auto.MODEL_MAPPING_NAMES.get(model_type)
    if isinstance(name, str) and hasattr(transformers, name):
        return getattr(transformers, name)
    module = importlib.import_module(config_class.__module__.replace("configuration", "modeling"))
    return next(
        kind for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, transformers.PreTrainedModel)
        and kind.config_class is config_class and not kind.__name__.endswith("PreTrainedModel")
    )  # fmt: skip


INSIDE = {
    "mimi_encoder": "encoder_transformer", "mimi_decoder": "decoder_transformer",
    "pocket_tts_audio_tokenizer_encoder": "encoder_transformer",
    "pocket_tts_audio_tokenizer_decoder": "decoder_transformer",
    **{f"pp_ocrv{name}_rec": "head.encoder" for name in ("5_mobile", "5_server", "6_small")},
    "neucodec": "acoustic_decoder", "xcodec2": "acoustic_decoder",
}  # fmt: skip
"""The module that is the transformer, where convolutions or another model stand around it."""


def running(model: Any) -> tuple[Any, dict[str, Any]]:
    """What is run of a model, and a sequence for it."""
    inside = INSIDE.get(model.config.model_type)
    if model.config.model_type == "vits":
        tokens = torch.arange(3, 27)[None]
        return model.text_encoder, {"input_ids": tokens, "padding_mask": torch.ones(1, 24, 1)}
    if inside is None:
        part = PARTS.get(model.config.model_type, "")
        return model.get_submodule(part), inputs_of(model)
    width = 32 if "transformer" in inside else 64  # what the semantic encoder gives is put beside
    size: tuple[int, ...] = (1, 26, width)
    if inside == "head.encoder":
        size = 1, model.get_submodule(inside).conv_block[0].convolution.in_channels, 1, 26
    given = torch.randn(size, generator=torch.Generator().manual_seed(0))
    return model.get_submodule(inside), {"hidden_states": given}


def inputs_of(model: Any) -> dict[str, Any]:
    """A sequence of tokens, or an image of as many patches."""
    generator = torch.Generator().manual_seed(0)
    config, tokens = model.config, torch.arange(3, 27)[None]
    if (unusual := _unusual_inputs(config.model_type, generator)) is not None:
        return unusual
    if config.model_type == "bros":
        return {"input_ids": tokens, "bbox": torch.zeros(1, 24, 4)}
    if config.model_type == "vilt":
        image = torch.randn(1, 3, 20, 20, generator=generator)
        return {"input_ids": tokens, "pixel_values": image}
    if config.model_type == "voxtral_realtime_text":
        return {"input_ids": tokens, "t_cond": torch.zeros(1, 1, 32)}
    if config.model_type == "splinter":
        return {"input_ids": tokens, "question_positions": torch.tensor([[1]])}
    if model.main_input_name == "input_values" and hasattr(config, "conv_dim"):
        length = 8000 * getattr(config, "squeeze_factor", 1)
        return {"input_values": torch.randn(1, length, generator=generator)}
    if config.model_type == "audio-spectrogram-transformer":
        return {"input_values": torch.randn(1, 32, 32, generator=generator)}
    if times := FEATURES.get(config.model_type):
        return {"input_features": torch.randn(1, *times, generator=generator)}
    if model.main_input_name == "input_features":
        return {"input_features": torch.randn(1, 16, 64, generator=generator)}
    if config.model_type == "vjepa2":
        video = torch.randn(1, 2, 3, 20, 20, generator=generator)
        return {"pixel_values_videos": video, "skip_predictor": True}
    if config.model_type == "tvp":
        image = torch.randn(1, 1, 3, 8, 8, generator=generator)
        return {"input_ids": tokens, "pixel_values": image, "attention_mask": tokens * 0 + 1}
    if config.model_type == "videomt":
        return {"pixel_values_videos": torch.randn(1, 1, 3, 20, 20, generator=generator)}
    if config.model_type == "seggpt":
        image = torch.randn(1, 3, 20, 20, generator=generator)
        return {"pixel_values": image, "prompt_pixel_values": image, "prompt_masks": image}
    if config.model_type.startswith("timesfm"):
        series = torch.randn(1, 128, generator=generator)
        more = {"freq": torch.zeros(1, 1, dtype=torch.long)}
        return {"past_values": series, "past_values_padding": torch.zeros(1, 128),
                **(more if config.model_type == "timesfm" else {})}  # fmt: skip
    if config.model_type == "patchtst":
        return {"past_values": torch.randn(1, 32, 1, generator=generator)}
    if config.model_type in {"videomae", "vivit"}:
        return {"pixel_values": torch.randn(1, 2, 3, 20, 20, generator=generator)}
    if "temporal_patch_size" in vars(config):
        width = 3 * config.patch_size**2
        return {"hidden_states": torch.randn(24, width, generator=generator),
                "grid_thw": torch.tensor([[1, 4, 6]])}  # fmt: skip
    if config.model_type in PATCHES:
        width = config.num_channels * config.patch_size**2
        return {"pixel_values": torch.randn(1, 25, width, generator=generator),
                "pixel_attention_mask": torch.ones(1, 25, dtype=torch.long),
                "spatial_shapes": torch.tensor([[5, 5]])}  # fmt: skip
    if hasattr(config, "vocab_size") and config.model_type not in WITH_MASK:
        return {"input_ids": tokens}
    size, channels = config.image_size, getattr(config, "num_channels", 3)
    height, width = size if isinstance(size, list | tuple) else (size, size)
    return {"pixel_values": torch.randn(1, channels, height, width, generator=generator)}


def _unusual_inputs(model_type: str, generator: Any) -> dict[str, Any] | None:
    """Inputs other than tokens and images."""

    def random(*shape: int) -> Any:
        return torch.randn(1, *shape, generator=generator)

    if model_type == "bark":
        return {"input_ids": torch.arange(3, 27)[None]}
    if model_type == "canine":
        return {"hidden_states": random(24, 32)}
    if model_type in {"csm", "kyutai_speech_to_text", "qwen3_omni_moe_talker_code_predictor",
                      "qwen3_omni_moe_talker_text"}:  # fmt: skip
        return {"inputs_embeds": random(24, 32)}
    if model_type == "muse_glimmer_assistant":
        return {"noise_embeds": random(24, 32), "context_hidden_states": random(0, 64)}
    if model_type == "decision_transformer":
        return {"states": random(8, 5), "actions": random(8, 3), "returns_to_go": random(8, 1),
                "timesteps": torch.arange(8)[None]}  # fmt: skip
    return None
