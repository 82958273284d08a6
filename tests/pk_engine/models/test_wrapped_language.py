"""Language models inside wrappers, whose other parts are not described or have no test of theirs.

What is read of the whole must be what is read of the language model saved alone, which
`test_model_types.py` and `test_unequal_families.py` hold against the running network.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from tests.pk_engine import TRANSFORMERS

pytest.importorskip("torch", reason="the small models are run with torch")
pytest.importorskip("transformers", minversion=TRANSFORMERS, reason="and built by transformers")

import transformers
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
from transformers.utils import logging

from headgraph.pk_engine.models.weights import ModelWeights
from tests.pk_engine import unequal_zoo, zoo, zoo_wide

logging.disable_progress_bar()


class Wrapper(NamedTuple):
    """The class of the whole, the path of its language model, and parts of the configuration."""

    model: str
    language: str
    parts: dict[str, Any]


def text(model_type: str, **changes: Any) -> dict[str, Any]:
    return zoo_wide.sizes_of(model_type) | changes | {"model_type": model_type}


def gemma(name: str) -> dict[str, Any]:
    kind, _ = unequal_zoo.KINDS[name]
    return dict(kind.sizes)


SEEING = {"hidden_size": 16, "intermediate_size": 8, "num_attention_heads": 2, "num_heads": 2,
          "num_key_value_heads": 2, "num_hidden_layers": 1, "depth": 1, "embed_dim": 16,
          "patch_size": 2, "image_size": 4}  # fmt: skip
WRAPPERS = {
    "cohere_compass": Wrapper(
        "CohereCompassForConditionalGeneration", "model.language_model",
        {"text_config": text("cohere_compass_text"),
         "vision_config": zoo_wide.sizes_of("cohere_compass_vision") | {"out_hidden_size": 32}}),
    "hunyuan_vl": Wrapper(
        "HunYuanVLForConditionalGeneration", "model.language_model",
        {"text_config": text("hunyuan_vl_text"), "vision_config": SEEING}),
    "ernie4_5_vl_moe": Wrapper(
        "Ernie4_5_VLMoeForConditionalGeneration", "model.language_model",
        {"text_config": text("ernie4_5_vl_moe_text"), "vision_config": SEEING}),
    "molmo2": Wrapper(
        "Molmo2ForConditionalGeneration", "model.language_model",
        {"text_config": text("molmo2_text"),
         "vision_config": SEEING | {"image_size": [4, 4], "head_dim": 8, "num_hidden_layers": 2},
         "adapter_config": {"hidden_size": 16, "num_attention_heads": 2, "num_key_value_heads": 2,
                            "head_dim": 8, "intermediate_size": 8, "text_hidden_size": 32,
                            "vision_feature_layer": [1, 0]}}),
    "tipsv2": Wrapper(
        "Tipsv2Model", "text_model",
        {"text_config": text("tipsv2_text_model"),
         "vision_config": SEEING | {"hidden_size": 32}}),
    "clvp": Wrapper(
        "ClvpModelForConditionalGeneration", "text_encoder_model",
        {"text_config": text("clvp_encoder"), "speech_config": text("clvp_encoder"),
         "decoder_config": {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
                            "vocab_size": 40, "feature_size": 8, "num_mel_attn_blocks": 1}}),
    "gemma4_unified": Wrapper(
        "Gemma4UnifiedForConditionalGeneration", "model.language_model",
        {"text_config": gemma("gemma4_unified"), "vision_config": None, "audio_config": None}),
    "embedding_gemma2": Wrapper(
        "EmbeddingGemma2Model", "language_model",
        {"text_config": gemma("embedding_gemma2"), "vision_config": None, "audio_config": None}),
    "diffusion_gemma": Wrapper(
        "DiffusionGemmaForBlockDiffusion", "model.encoder.language_model",
        {"text_config": gemma("diffusion_gemma"),
         "vision_config": SEEING | {"model_type": "gemma4_vision", "head_dim": 8}}),
    "qwen2_5_omni": Wrapper(
        "Qwen2_5OmniForConditionalGeneration", "thinker.model",
        {"thinker_config": {"text_config": text("qwen2_5_omni_text"), "vision_config": SEEING,
                            "audio_config": {"d_model": 16, "encoder_layers": 1,
                                             "encoder_attention_heads": 2, "encoder_ffn_dim": 8,
                                             "output_dim": 32, "num_mel_bins": 16}},
         "enable_audio_output": False}),
    "qwen3_omni_moe": Wrapper(
        "Qwen3OmniMoeForConditionalGeneration", "thinker.model",
        {"thinker_config": {"text_config": text("qwen3_omni_moe_text"), "vision_config": SEEING,
                            "audio_config": {"d_model": 16, "encoder_layers": 1,
                                             "encoder_attention_heads": 2, "encoder_ffn_dim": 8,
                                             "output_dim": 32, "num_mel_bins": 16,
                                             "downsample_hidden_size": 8}},
         "enable_audio_output": False}),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", WRAPPERS)
def test_the_language_model_of_a_wrapper_is_the_one_alone(name: str, tmp_path: Path) -> None:
    wrapper = WRAPPERS[name]
    config = CONFIG_MAPPING[name](**wrapper.parts)
    model = zoo.randomised(getattr(transformers, wrapper.model)._from_config(config))
    whole = ModelWeights(zoo.save(model, tmp_path / "whole"))
    alone = ModelWeights(
        zoo.save(model.get_submodule(wrapper.language), tmp_path / "alone"),
    )
    assert whole.tower == "language"
    assert whole.shape == alone.shape
    for layer in whole.shape.layers:
        read, wanted = whole.raw_layer(layer.index), alone.raw_layer(layer.index)
        for role in "QKVO":
            np.testing.assert_array_equal(read[role], wanted[role])
