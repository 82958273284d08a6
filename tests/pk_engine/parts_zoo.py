"""Small models of several stacks, or of a stack in another network, and where their heads are."""

import importlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

torch = pytest.importorskip("torch", reason="the small models are run with torch")
transformers = pytest.importorskip("transformers", reason="and built by transformers")

from safetensors.torch import save_file  # noqa: E402

from tests.pk_engine.zoo import randomised, save  # noqa: E402

D = 32
ROWS = D + 4
"""The axes, and rows of zeros, so that their number has divisors."""
SIZES = {"d_model": D, "encoder_layers": 2, "decoder_layers": 3, "encoder_attention_heads": 4,
         "decoder_attention_heads": 4, "encoder_ffn_dim": 12, "decoder_ffn_dim": 12,
         "vocab_size": 64, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
         "decoder_start_token_id": 2}  # fmt: skip
T5 = {"d_model": D, "num_layers": 2, "num_decoder_layers": 3, "num_heads": 4, "d_kv": 12,
      "d_ff": 12, "vocab_size": 64}  # fmt: skip
MOONSHINE = {"hidden_size": D, "intermediate_size": 12, "vocab_size": 64,
             "encoder_num_hidden_layers": 2, "decoder_num_hidden_layers": 3,
             "encoder_num_attention_heads": 4, "decoder_num_attention_heads": 4}  # fmt: skip
TEXT = {"hidden_size": D, "num_attention_heads": 4, "intermediate_size": 12, "vocab_size": 64,
        "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}  # fmt: skip
GEMMA = TEXT | {"num_key_value_heads": 4, "head_dim": 12}
TINY = {"num_attention_heads": 2, "num_key_value_heads": 2, "hidden_size": 8,
        "num_hidden_layers": 1, "intermediate_size": 8}  # fmt: skip
"""Stacks that are not read."""
SOUND = {"encoder_config": TINY | {"model_type": "parakeet_encoder", "hidden_size": 16,
                                   "num_mel_bins": 16, "subsampling_conv_channels": 4}}  # fmt: skip
ENCODEC = {"model_type": "encodec", "hidden_size": 8, "num_filters": 2, "codebook_size": 8,
           "codebook_dim": 8, "num_lstm_layers": 1, "upsampling_ratios": [2]}  # fmt: skip
MUSIC = {"decoder": TEXT | {"num_hidden_layers": 3, "ffn_dim": 8}, "audio_encoder": ENCODEC,
         "text_encoder": {"model_type": "t5", "d_model": 8, "num_layers": 1, "num_heads": 2,
                          "d_kv": 4, "d_ff": 8, "vocab_size": 16}}  # fmt: skip
MASKS = {"mask_decoder_config": {"hidden_size": D, "mlp_dim": 8, "num_attention_heads": 4,
                                 "num_hidden_layers": 2, "iou_head_hidden_dim": 8}}  # fmt: skip
STAGES = ["stage1", "stage2", "stage3", "stage4"]
SWIN = {"model_type": "swin", "embed_dim": 8, "depths": [1] * 4, "num_heads": [1] * 4,
        "image_size": 32, "window_size": 2, "out_features": STAGES}  # fmt: skip
MASKED = {"backbone_config": SWIN, "hidden_dim": D, "encoder_layers": 1, "decoder_layers": 4,
          "num_attention_heads": 4, "dim_feedforward": 8, "encoder_feedforward_dim": 8,
          "num_queries": 4}  # fmt: skip
HGNET = {"model_type": "hgnet_v2", "stem_channels": [3, 4, 4], "stage_in_channels": [4] * 4,
         "stage_mid_channels": [4] * 4, "stage_out_channels": [8] * 4,
         "stage_num_blocks": [1] * 4, "stage_numb_of_layers": [1] * 4, "embedding_size": 4,
         "hidden_sizes": [8] * 4, "depths": [1] * 4, "out_features": STAGES[1:]}  # fmt: skip
DETECTOR = {"d_model": D, "encoder_hidden_dim": 8, "encoder_layers": 1, "decoder_layers": 3,
            "encoder_attention_heads": 2, "decoder_attention_heads": 4, "encoder_ffn_dim": 8,
            "decoder_ffn_dim": 8, "num_queries": 4, "decoder_in_channels": [8] * 3,
            "encoder_in_channels": [8] * 3, "num_denoising": 0,
            "backbone_config": HGNET}  # fmt: skip
WINDOWED = {"d_model": D, "decoder_layers": 3, "decoder_self_attention_heads": 4,
            "decoder_cross_attention_heads": 4, "decoder_ffn_dim": 8, "num_queries": 4,
            "group_detr": 1}  # fmt: skip
PATCHES = TINY | {"image_size": 64, "patch_size": 4, "num_windows": 1, "out_indices": [1],
                  "window_block_indices": [0]}  # fmt: skip
RESNET = {"model_type": "resnet", "embedding_size": 4, "hidden_sizes": [4] * 4, "depths": [1] * 4,
          "out_features": ["stage4"]}  # fmt: skip
SIGLIP = {"model_type": "siglip_vision_model", "hidden_size": 8, "num_hidden_layers": 1,
          "num_attention_heads": 2, "intermediate_size": 8, "image_size": 8,
          "patch_size": 4}  # fmt: skip
SEAMLESS = {"E": "text_encoder.layers.{}.self_attn", "D": "text_decoder.layers.{}.self_attn",
            "X": "text_decoder.layers.{}.cross_attention"}  # fmt: skip
PROJECTIONS = ("q_proj", "k_proj", "v_proj", "out_proj")
LLAMA = (*PROJECTIONS[:3], "o_proj")
BART_AT = {"E": "model.encoder.layers.{}.self_attn", "D": "model.decoder.layers.{}.self_attn",
           "X": "model.decoder.layers.{}.encoder_attn"}  # fmt: skip
DECODER_AT = {"D": BART_AT["D"], "X": BART_AT["X"]}
T5_AT = {"E": "encoder.block.{}.layer.0.SelfAttention",
         "D": "decoder.block.{}.layer.0.SelfAttention",
         "X": "decoder.block.{}.layer.1.EncDecAttention"}  # fmt: skip
T5_PROJECTIONS = ("q", "k", "v", "o")
NAMES = ["E0", "E1", "D0", "X0", "D1", "X1", "D2", "X2"]
DECODER = ["D0", "X0", "D1", "X1", "D2", "X2"]
SELF = ["D0", "D1", "D2"]
LINE = ["L0", "L1", "L2"]
LONE = {"L": ("residual", "residual")}
BOTH = {"E": ("encoder", "encoder"), "D": ("decoder", "decoder"), "X": ("decoder", "encoder")}
"""Letter of a layer -> the stream that its queries read and it writes, and that of its keys."""


def alone(memory: str) -> dict[str, tuple[str, str]]:
    """The streams of a decoder that reads something beside itself."""
    return {"D": ("residual", "residual"), "X": ("residual", memory)}


class Kind(NamedTuple):
    """A configuration, its model, where attention is and how its projections are named."""

    config: str
    model: str
    sizes: dict[str, Any]
    at: dict[str, str]
    projections: tuple[str, ...] = PROJECTIONS
    own: Mapping[str, tuple[str, ...]] = MappingProxyType({})  # letter -> other projections
    memory: str = "key_value_states"
    rotary: int = 0  # how many dimensions are rotated
    names: list[str] = NAMES
    streams: dict[str, tuple[str, str]] = BOTH
    batch: int = 0  # the axis of the batch
    image: bool = False  # rows stand in a rectangle
    norm: str = ""  # the module of the norm before attention, where the file has another name
    before: str = ""  # a module of the layer that writes into the stream before attention
    part: str = ""  # the part of the configuration of a model that is a part only, and its name

    def named(self, letter: str) -> tuple[str, ...]:
        """The projections of a part."""
        return self.own.get(letter, self.projections)

    def reads_another(self, letter: str) -> bool:
        """Whether keys and values read another stream than queries."""
        own, memory = self.streams[letter]
        return own != memory

    def where(self, name: str, number: int) -> str:
        """The attention of a layer: `at` has it by the layer's name, or by its letter."""
        return self.at.get(name, self.at.get(name[0], "")).format(number)

    def around(self, attention: str) -> str:
        """The module that takes the residual stream and holds the attention."""
        return attention.rpartition(".")[0]

    def configured(self) -> Any:
        """The configuration."""
        return getattr(transformers, self.config)(**self.sizes)

    def build(self) -> Any:
        """The model, every parameter random."""
        config = self.configured()
        if not self.part:
            return randomised(getattr(transformers, self.model)._from_config(config))
        inner = getattr(config, f"{self.part}_config")
        inner._attn_implementation = "eager"
        module = importlib.import_module(
            type(config).__module__.replace("configuration", "modeling")
        )
        return randomised(torch.nn.ModuleDict({self.part: getattr(module, self.model)(inner)}))

    def save(self, model: Any, folder: Path) -> Path:
        """Save the model as transformers does."""
        if not self.part:
            return save(model, folder)
        save_file(model.state_dict(), folder / "model.safetensors")
        self.configured().save_pretrained(folder)
        return folder


def t5(config: str, model: str, encoder: str = "SelfAttention", **sizes: Any) -> Kind:
    at = T5_AT | {"E": f"encoder.block.{{}}.layer.0.{encoder}"}
    return Kind(config, model, T5 | sizes, at, T5_PROJECTIONS)


KINDS = {
    "t5": Kind("T5Config", "T5ForConditionalGeneration", T5, T5_AT, T5_PROJECTIONS),
    "bart": Kind("BartConfig", "BartForConditionalGeneration", SIZES, BART_AT),
    "whisper": Kind("WhisperConfig", "WhisperForConditionalGeneration",
                    SIZES | {"num_mel_bins": 4, "max_source_positions": 8,
                             "max_target_positions": 8}, BART_AT),
    "mbart": Kind("MBartConfig", "MBartForConditionalGeneration", SIZES, BART_AT),
    "m2m_100": Kind("M2M100Config", "M2M100ForConditionalGeneration", SIZES, BART_AT),
    "mt5": t5("MT5Config", "MT5ForConditionalGeneration"),
    "umt5": t5("UMT5Config", "UMT5ForConditionalGeneration")._replace(
        memory="encoder_hidden_states"),
    "longt5": t5("LongT5Config", "LongT5ForConditionalGeneration", "LocalSelfAttention",
                 encoder_attention_type="local"),
    "longt5-global": t5("LongT5Config", "LongT5ForConditionalGeneration",
                        "TransientGlobalSelfAttention", encoder_attention_type="transient-global",
                        global_block_size=4),
    "pop2piano": t5("Pop2PianoConfig", "Pop2PianoForConditionalGeneration"),
    "switch_transformers": t5("SwitchTransformersConfig",
                              "SwitchTransformersForConditionalGeneration", num_experts=2),
    "udop": t5("UdopConfig", "UdopForConditionalGeneration"),
    "blenderbot": Kind("BlenderbotConfig", "BlenderbotForConditionalGeneration", SIZES, BART_AT),
    "blenderbot-small": Kind("BlenderbotSmallConfig", "BlenderbotSmallForConditionalGeneration",
                             SIZES, BART_AT),
    "marian": Kind("MarianConfig", "MarianMTModel", SIZES, BART_AT),
    "mvp": Kind("MvpConfig", "MvpForConditionalGeneration", SIZES, BART_AT),
    "pegasus": Kind("PegasusConfig", "PegasusForConditionalGeneration", SIZES, BART_AT),
    "plbart": Kind("PLBartConfig", "PLBartForConditionalGeneration", SIZES, BART_AT),
    "speech_to_text": Kind("Speech2TextConfig", "Speech2TextForConditionalGeneration",
                           SIZES | {"conv_channels": 8}, BART_AT),
    "fsmt": Kind("FSMTConfig", "FSMTForConditionalGeneration",
                 SIZES | {"langs": ["en", "de"], "src_vocab_size": 64, "tgt_vocab_size": 64},
                 BART_AT, memory="key", batch=1),
    "bigbird_pegasus": Kind("BigBirdPegasusConfig", "BigBirdPegasusForConditionalGeneration",
                            SIZES | {"attention_type": "original_full"}, BART_AT,
                            own={"E": ("self.query", "self.key", "self.value", "output")}),
    "nllb-moe": Kind("NllbMoeConfig", "NllbMoeForConditionalGeneration", SIZES | {"num_experts": 2},
                     BART_AT | {"X": "model.decoder.layers.{}.cross_attention"}),
    "time_series_transformer": Kind("TimeSeriesTransformerConfig",
                                    "TimeSeriesTransformerForPrediction",
                                    SIZES | {"prediction_length": 2}, BART_AT),
    "informer": Kind("InformerConfig", "InformerForPrediction",
                     SIZES | {"prediction_length": 2, "attention_type": "full"}, BART_AT),
    "autoformer": Kind("AutoformerConfig", "AutoformerForPrediction",
                       SIZES | {"prediction_length": 2}, BART_AT),
    "moonshine": Kind("MoonshineConfig", "MoonshineForConditionalGeneration", MOONSHINE, BART_AT,
                      LLAMA, rotary=4),
    "t5gemma": Kind("T5GemmaConfig", "T5GemmaForConditionalGeneration",
                    {"encoder": GEMMA | {"num_hidden_layers": 2},
                     "decoder": GEMMA | {"num_hidden_layers": 3}},
                    BART_AT | {"X": "model.decoder.layers.{}.cross_attn"}, LLAMA,
                    memory="encoder_hidden_states", rotary=12),
    "led": Kind("LEDConfig", "LEDForConditionalGeneration", SIZES | {"attention_window": 2},
                {"E": "led.encoder.layers.{}.self_attn", "D": "led.decoder.layers.{}.self_attn",
                 "X": "led.decoder.layers.{}.encoder_attn"},
                own={"E": (*(f"longformer_self_attn.{role}" for role in ("query", "key", "value")),
                           "output")}),
    "pegasus_x": Kind("PegasusXConfig", "PegasusXForConditionalGeneration",
                      SIZES | {"block_size": 1}, BART_AT),
    "detr": Kind("DetrConfig", "DetrForObjectDetection",
                 SIZES | {"backbone_config": RESNET, "num_queries": 4}, BART_AT, LLAMA),
    "table-transformer": Kind("TableTransformerConfig", "TableTransformerForObjectDetection",
                              SIZES | {"backbone_config": RESNET, "num_queries": 4}, BART_AT),
    "conditional_detr": Kind("ConditionalDetrConfig", "ConditionalDetrForObjectDetection",
                             SIZES | {"backbone_config": RESNET, "num_queries": 4}, BART_AT,
                             ("q_content_proj", "k_content_proj", "v_proj", "o_proj"),
                             own={"E": LLAMA}, memory="encoder_hidden_states"),
    "dab-detr": Kind("DabDetrConfig", "DabDetrForObjectDetection",
                     {key: SIZES[key] for key in SIZES if key != "d_model"} | {
                         "hidden_size": D, "backbone_config": RESNET, "num_queries": 4},
                     {"E": "model.encoder.layers.{}.self_attn",
                      "D": "model.decoder.layers.{}.self_attn",
                      "X": "model.decoder.layers.{}.cross_attn"},
                     own={"D": ("self_attn_query_content_proj", "self_attn_key_content_proj",
                                "self_attn_value_proj", "self_attn.output_proj"),
                          "X": ("cross_attn_query_content_proj", "cross_attn_key_content_proj",
                                "cross_attn_value_proj", "cross_attn.output_proj")},
                     memory="encoder_hidden_states"),
    "speecht5": Kind("SpeechT5Config", "SpeechT5ForTextToSpeech",
                     SIZES | {"hidden_size": D, "conv_dim": [4] * 7, "num_mel_bins": 4,
                              "speech_decoder_prenet_units": 8, "speech_decoder_postnet_units": 8,
                              "speaker_embedding_dim": 4, "num_conv_pos_embedding_groups": 4},
                     {"E": "speecht5.encoder.wrapped_encoder.layers.{}.attention",
                      "D": "speecht5.decoder.wrapped_decoder.layers.{}.self_attn",
                      "X": "speecht5.decoder.wrapped_decoder.layers.{}.encoder_attn"}),
    "prophetnet": Kind("ProphetNetConfig", "ProphetNetForConditionalGeneration",
                       TEXT | {"num_encoder_layers": 2, "num_decoder_layers": 3,
                               "num_encoder_attention_heads": 4, "num_decoder_attention_heads": 4,
                               "encoder_ffn_dim": 12, "decoder_ffn_dim": 12},
                       {"E": "prophetnet.encoder.layers.{}.self_attn",
                        "D": "prophetnet.decoder.layers.{}.self_attn",
                        "X": "prophetnet.decoder.layers.{}.cross_attn"},
                       ("query_proj", "key_proj", "value_proj", "out_proj")),
    "t5gemma2": Kind("T5Gemma2Config", "T5Gemma2ForConditionalGeneration",
                     {"encoder": {"text_config": GEMMA | {"num_hidden_layers": 2},
                                  "vision_config": SIGLIP},
                      "decoder": GEMMA | {"num_hidden_layers": 3}},
                     {"E": "model.encoder.text_model.layers.{}.self_attn",
                      "D": "model.decoder.layers.{}.self_attn"}, LLAMA, rotary=12,
                     names=["E0", "E1", *SELF]),
    "pix2struct": Kind("Pix2StructConfig", "Pix2StructForConditionalGeneration",
                       {"vision_config": {"hidden_size": D, "num_hidden_layers": 2, "d_ff": 12,
                                          "num_attention_heads": 4, "d_kv": 8, "seq_len": 8},
                        "text_config": {"hidden_size": D, "num_layers": 3, "num_heads": 4,
                                        "d_kv": 8, "d_ff": 12, "vocab_size": 64}},
                       {"E": "encoder.encoder.layer.{}.attention",
                        "D": "decoder.layer.{}.self_attention.attention",
                        "X": "decoder.layer.{}.encoder_decoder_attention.attention"},
                       ("query", "key", "value", "output")),
    **{name: Kind(f"{kind}Config", f"{kind}ForObjectDetection", DETECTOR | more, DECODER_AT, LLAMA,
                  names=SELF, streams=alone(""))
       for name, kind, more in [
           ("rt_detr", "RTDetr", {}), ("rt_detr_v2", "RTDetrV2", {}), ("d_fine", "DFine", {}),
           ("deimv2", "Deimv2", {}), ("pp_doclayout_v3", "PPDocLayoutV3", {}),
           ("pp_doclayout_v2", "PPDocLayoutV2",
            {"reading_order_config": TINY | {"coordinate_size": 1, "shape_size": 2,
                                             "max_2d_position_embeddings": 8,
                                             "max_position_embeddings": 8}}),
           ("pp_doclayout_v4", "PPDocLayoutV4", {"hidden_size": D})]},
    "deformable_detr": Kind(
        "DeformableDetrConfig", "DeformableDetrForObjectDetection",
        SIZES | {"backbone_config": RESNET | {"out_features": STAGES[1:]}, "num_queries": 4},
        DECODER_AT, LLAMA, names=SELF, streams=alone("")),
    "lw_detr": Kind("LwDetrConfig", "LwDetrForObjectDetection",
                    WINDOWED | {"backbone_config": PATCHES | {"model_type": "lw_detr_vit"}},
                    DECODER_AT, LLAMA, names=SELF, streams=alone("")),
    "rf_detr": Kind("RfDetrConfig", "RfDetrForObjectDetection",
                    WINDOWED | {"backbone_config": PATCHES | {"model_type": "rf_detr_dinov2"}},
                    DECODER_AT, LLAMA, names=SELF, streams=alone("")),
    "trocr": Kind("TrOCRConfig", "TrOCRForCausalLM", SIZES,
                  {"D": "model.decoder.layers.{}.self_attn",
                   "X": "model.decoder.layers.{}.encoder_attn"}, names=DECODER,
                  streams=alone("image")),
    "maskformer": Kind("MaskFormerConfig", "MaskFormerForInstanceSegmentation",
                       {"backbone_config": SWIN, "fpn_feature_size": 32, "mask_feature_size": 32,
                        "decoder_config": SIZES | {"model_type": "detr", "num_queries": 4}},
                       {"D": "model.transformer_module.decoder.layers.{}.self_attn",
                        "X": "model.transformer_module.decoder.layers.{}.encoder_attn"}, LLAMA,
                       names=DECODER, streams=alone("image")),
    "musicgen": Kind("MusicgenConfig", "MusicgenForConditionalGeneration", MUSIC,
                     {"D": "decoder.model.decoder.layers.{}.self_attn",
                      "X": "decoder.model.decoder.layers.{}.encoder_attn"}, names=DECODER,
                     streams=alone("condition")),
    "musicgen_decoder": Kind("MusicgenDecoderConfig", "MusicgenForCausalLM", MUSIC["decoder"],
                             {"D": "model.decoder.layers.{}.self_attn",
                              "X": "model.decoder.layers.{}.encoder_attn"}, names=DECODER,
                             streams=alone("condition")),
    "musicgen_melody": Kind("MusicgenMelodyConfig", "MusicgenMelodyForConditionalGeneration",
                            MUSIC, {"D": "decoder.model.decoder.layers.{}.self_attn"}, names=SELF,
                            streams=alone("")),
    "musicgen_melody_decoder": Kind("MusicgenMelodyDecoderConfig", "MusicgenMelodyForCausalLM",
                                    MUSIC["decoder"], {"D": "model.decoder.layers.{}.self_attn"},
                                    names=SELF, streams=alone("")),
    "pp_formulanet": Kind("PPFormulaNetConfig", "PPFormulaNetForConditionalGeneration",
                          {"text_config": SIZES,
                           "vision_config": TINY | {"image_size": 32, "patch_size": 8,
                                                    "output_channels": 8, "mlp_dim": 8,
                                                    "post_conv_in_channels": 8,
                                                    "post_conv_mid_channels": 8,
                                                    "post_conv_out_channels": 8,
                                                    "decoder_hidden_size": D}},
                          DECODER_AT, names=DECODER, streams=alone("condition")),
    "moonshine_streaming": Kind("MoonshineStreamingConfig",
                                "MoonshineStreamingForConditionalGeneration",
                                TEXT | {"num_hidden_layers": 3, "num_key_value_heads": 4,
                                        "encoder_config": TINY | {"sliding_windows": [[4, 4]]}},
                                DECODER_AT, LLAMA, rotary=4, names=DECODER, streams=alone("sound")),
    "canary": Kind("CanaryConfig", "CanaryForConditionalGeneration",
                   SOUND | {"vocab_size": 64, "decoder_config": GEMMA | {"num_hidden_layers": 3}},
                   DECODER_AT, LLAMA, memory="encoder_hidden_states", names=DECODER,
                   streams=alone("sound")),
    "cohere_asr": Kind("CohereAsrConfig", "CohereAsrForConditionalGeneration",
                       GEMMA | SOUND | {"num_hidden_layers": 3}, DECODER_AT, LLAMA,
                       memory="encoder_hidden_states", names=DECODER, streams=alone("sound"),
                       norm="input_layernorm"),
    **{name: Kind(f"{kind}Config", f"{kind}Model",
                  {"vision_config": {"hidden_size": D, "num_hidden_layers": 3, "patch_size": 4,
                                     "num_attention_heads": 4, "mlp_dim": 8, "image_size": 16,
                                     "output_channels": 8, "use_rel_pos": False,
                                     "num_pos_feats": 4, "global_attn_indexes": [0, 1, 2]},
                   "mask_decoder_config": {"hidden_size": 8, "mlp_dim": 8, "vit_dim": D,
                                           "num_attention_heads": 2, "iou_head_hidden_dim": 8},
                   "prompt_encoder_config": {"hidden_size": 8, "image_size": 16, "patch_size": 4,
                                             "mask_input_channels": 4}},
                  {"L": "vision_encoder.layers.{}.attn"}, ("qkv", "qkv", "qkv", "proj"),
                  names=LINE, streams=LONE, image=True)
       for name, kind in [("sam", "Sam"), ("sam_hq", "SamHQ")]},
    **{name: Kind(f"{kind}Config", f"{kind}MaskDecoder", MASKS,
                  {"D": "mask_decoder.transformer.layers.{}.self_attn",
                   "X": "mask_decoder.transformer.layers.{}.cross_attn_token_to_image",
                   "E": "mask_decoder.transformer.layers.{}.cross_attn_image_to_token"}, LLAMA,
                  memory="key", names=["D0", "X0", "E0", "D1", "X1", "E1"],
                  streams={"D": ("tokens", "tokens"), "X": ("tokens", "image"),
                           "E": ("image", "tokens")}, image=True, part="mask_decoder")
       for name, kind in [("sam2", "Sam2"), ("edgetam", "EdgeTam"), ("sam2_video", "Sam2Video"),
                          ("edgetam_video", "EdgeTamVideo"), ("sam3_tracker", "Sam3Tracker")]},
    "idefics": Kind("IdeficsConfig", "IdeficsForVisionText2Text",
                    TEXT | {"num_hidden_layers": 3, "cross_layer_interval": 2,
                            "vision_config": TINY | {"embed_dim": 8, "image_size": 8,
                                                     "patch_size": 4}},
                    {"L": "model.layers.{}.self_attn"}, LLAMA, names=LINE, streams=LONE),
    "evolla": Kind("EvollaConfig", "EvollaForProteinText2Text",
                   TEXT | {"num_hidden_layers": 3, "num_key_value_heads": 2,
                           "aligner_num_add_layers": 1, "resampler_depth": 1,
                           "resampler_dim_head": 4, "resampler_heads": 2,
                           "protein_encoder_config": TINY | {"vocab_size": 16}},
                   {"L": "model.layers.{}.self_attn"}, LLAMA, rotary=8, names=LINE, streams=LONE),
    "blt": Kind("BltConfig", "BltForCausalLM",
                {"vocab_size": 64, "encoder_hash_byte_group_vocab": 8, "patcher_config": TINY,
                 "global_config": TEXT | {"num_hidden_layers": 3, "num_key_value_heads": 2},
                 **{f"{name}coder_config": TINY | {"hidden_size_global": D, "vocab_size": 64}
                    for name in ("en", "de")}},
                {"L": "model.global_transformer.layers.{}.self_attn"}, LLAMA, rotary=8, names=LINE,
                streams=LONE),
    "blip": Kind("BlipConfig", "BlipForConditionalGeneration",
                 {"text_config": TEXT | {"encoder_hidden_size": D, "num_hidden_layers": 3},
                  "vision_config": TINY | {"hidden_size": D, "image_size": 8, "patch_size": 4}},
                 {"L": "text_decoder.bert.encoder.layer.{}.attention",
                  "X": "text_decoder.bert.encoder.layer.{}.crossattention"},
                 ("self.query", "self.key", "self.value", "output.dense"),
                 memory="encoder_hidden_states", names=["L0", "X0", "L1", "X1", "L2", "X2"],
                 streams={"L": ("residual", "residual"), "X": ("residual", "image")}),
    "blip-wide": Kind("BlipConfig", "BlipForConditionalGeneration",
                      {"text_config": TEXT | {"encoder_hidden_size": 8, "num_hidden_layers": 3},
                       "vision_config": TINY | {"image_size": 8, "patch_size": 4}},
                      {"L": "text_decoder.bert.encoder.layer.{}.attention"},
                      ("self.query", "self.key", "self.value", "output.dense"), names=LINE,
                      streams=LONE),
    "trocr-wide": Kind("TrOCRConfig", "TrOCRForCausalLM",
                       SIZES | {"cross_attention_hidden_size": 8},
                       {"D": "model.decoder.layers.{}.self_attn"}, names=SELF, streams=alone("")),
    "lxmert": Kind("LxmertConfig", "LxmertModel",
                   TEXT | {"l_layers": 2, "r_layers": 1, "x_layers": 2, "visual_feat_dim": 8},
                   {"L": "encoder.layer.{}.attention", "E": "encoder.r_layers.{}.attention",
                    "X": "encoder.x_layers.{}.visual_attention",
                    **dict.fromkeys(("L2", "L3"), "encoder.x_layers.{}.lang_self_att"),
                    **dict.fromkeys(("E1", "E2"), "encoder.x_layers.{}.visn_self_att")},
                   ("self.query", "self.key", "self.value", "output.dense"),
                   own={"X": ("att.query", "att.key", "att.value", "output.dense")},
                   memory="ctx_tensor",
                   names=["L0", "L1", "E0", "X0", "L2", "E1", "X1", "L3", "E2"],
                   streams={"L": ("language", "language"), "E": ("vision", "vision"),
                            "X": ("language", "vision")}),
    **{name: Kind(f"{config}Config", model,
                  {"vocab_size": 16, "pad_token_id": 0, "blank_token_id": 15,
                   "decoder_hidden_size": 8, "num_decoder_layers": 1,
                   "encoder_config": {"hidden_size": D, "num_hidden_layers": 3,
                                      "num_attention_heads": 4, "intermediate_size": 8,
                                      "num_mel_bins": 16, "subsampling_conv_channels": 4}},
                  {"L": "encoder.layers.{}.self_attn"}, LLAMA, names=LINE, streams=LONE,
                  before="feed_forward1")
       for name, config, model in [
           ("parakeet_rnnt", "ParakeetRNNT", "ParakeetForRNNT"),
           ("parakeet_tdt", "ParakeetTDT", "ParakeetForTDT"),
           ("nemotron_asr_streaming", "NemotronAsrStreaming", "NemotronAsrStreamingForRNNT")]},
    "dia": Kind("DiaConfig", "DiaForConditionalGeneration",
                {"encoder_config": TINY, "delay_pattern": [0, 1],
                 "decoder_config": TEXT | {"num_hidden_layers": 3, "num_key_value_heads": 2,
                                           "head_dim": 12, "num_channels": 2,
                                           "cross_hidden_size": 8}},
                {"D": "model.decoder.layers.{}.self_attention"}, LLAMA, rotary=12, names=SELF,
                streams=alone("")),
    "rag": Kind("RagConfig", "RagSequenceForGeneration",
                {"question_encoder": TINY | {"model_type": "dpr", "vocab_size": 16},
                 "generator": SIZES | {"model_type": "bart"}},
                {letter: at.replace("model.", "rag.generator.model.", 1)
                 for letter, at in BART_AT.items()}),
    **{name: Kind(f"{kind}Config", f"{kind}ForUniversalSegmentation", MASKED | more,
                  {letter: f"model.transformer_module.decoder.layers.{{}}.{at}"
                   for letter, at in ats.items()},
                  own={"X": ("", "", "", "out_proj")}, memory="key",
                  names=["X0", "D0", "X1", "D1", "X2", "D2"], streams=alone("image"), batch=1)
       for name, kind, more, ats in [
           ("mask2former", "Mask2Former", {"feature_size": 32, "mask_feature_size": 32},
            {"X": "cross_attn", "D": "self_attn"}),
           ("oneformer", "OneFormer",
            {"conv_dim": 32, "mask_dim": 32, "query_dec_layers": 1, "text_encoder_width": 8,
             "text_encoder_num_layers": 1, "text_encoder_vocab_size": 8,
             "text_encoder_context_length": 4},
            {"X": "cross_attn.multihead_attn", "D": "self_attn.self_attn"})]},
    **{name: Kind(f"{kind}Config", f"{kind}ForTextToText",
                  SIZES | {"hidden_size": D, "speech_encoder_layers": 1,
                           "speech_encoder_attention_heads": 4}, SEAMLESS,
                  memory="encoder_hidden_states")
       for name, kind in [("seamless_m4t", "SeamlessM4T"), ("seamless_m4t_v2", "SeamlessM4Tv2")]},
}  # fmt: skip
