"""Small random models of every family; `tests.pk_engine.tap` says what their heads do."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the small models are run with torch")
transformers = pytest.importorskip("transformers", reason="and built by transformers")

from tests.pk_engine.tap import PROBE  # noqa: E402


@dataclass(frozen=True)
class Kind:
    """A family's configuration and where its live modules are.

    attention takes what the norm gives, out gives what is written; both are paths with {layer}.
    inner names the method that sees queries, keys and values where transformers' attention
    interface is not used. q_scale is what the module multiplies its queries by.
    """

    config: str
    model: str
    sizes: dict[str, Any]
    attention: str
    norm: str | None
    out: str | None = None
    inner: str | None = None
    heads: int = 4
    kv: int | None = None
    d: int = 24
    m: int = 6
    q_scale: float = 1
    text: dict[str, Any] = field(default_factory=dict)

    def build(self) -> Any:
        """The model, every parameter random."""
        sizes = dict(self.sizes)
        if self.text:
            sizes["text_config"] = {"model_type": "gemma3_text", **self.text}
        config = getattr(transformers, self.config)(**sizes)
        how = "eager" if self.inner else PROBE
        model = getattr(transformers, self.model)._from_config(config, attn_implementation=how)
        return randomised(model)


def randomised(model: Any) -> Any:
    """The model with every parameter random."""
    model.eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.5)
    return model


_GPTJ = transformers.models.gptj.modeling_gptj.GPTJAttention
GPTJ_INNER = "_attn" if hasattr(_GPTJ, "_attn") else None
"""transformers 5.24 gave GPT-J's attention the common interface."""
HF = {"num_hidden_layers": 2, "num_attention_heads": 4, "hidden_size": 24, "vocab_size": 32}
WIDE = HF | {"num_key_value_heads": 2, "head_dim": 8, "intermediate_size": 12}
GPT = {"n_layer": 2, "n_head": 4, "n_embd": 24, "vocab_size": 32, "n_positions": 16}
TEXT = "model.layers.{layer}.self_attn", "model.layers.{layer}.input_layernorm"
ENDS = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
OPT = HF | {"ffn_dim": 12, "max_position_embeddings": 16} | ENDS
OPT_LAYER = "model.decoder.layers.{layer}."
OPT_AT = f"{OPT_LAYER}self_attn", f"{OPT_LAYER}self_attn_layer_norm"
FALCON_AT = "transformer.h.{layer}.self_attention", "transformer.h.{layer}.input_layernorm"
GROUPED = {"heads": 4, "kv": 2, "m": 8}


def falcon(norm: str = FALCON_AT[1], kv: int | None = None, **config: Any) -> Kind:
    return Kind("FalconConfig", "FalconForCausalLM", HF | config, FALCON_AT[0], norm,
                inner="_split_heads", kv=kv)  # fmt: skip


KINDS: dict[str, Kind] = {
    "gpt2": Kind("GPT2Config", "GPT2LMHeadModel", GPT, "transformer.h.{layer}.attn",
                 "transformer.h.{layer}.ln_1"),
    "gpt_neo": Kind("GPTNeoConfig", "GPTNeoForCausalLM",
                    {"num_layers": 2, "num_heads": 4, "hidden_size": 24, "vocab_size": 32,
                     "attention_types": [[["global", "local"], 1]], "max_position_embeddings": 16},
                    "transformer.h.{layer}.attn.attention", "transformer.h.{layer}.ln_1",
                    inner="_attn"),
    "gptj": Kind("GPTJConfig", "GPTJForCausalLM", GPT | {"rotary_dim": 4},
                 "transformer.h.{layer}.attn", "transformer.h.{layer}.ln_1", inner=GPTJ_INNER),
    "gpt_neox": Kind("GPTNeoXConfig", "GPTNeoXForCausalLM", HF | {"intermediate_size": 12},
                     "gpt_neox.layers.{layer}.attention",
                     "gpt_neox.layers.{layer}.input_layernorm"),
    "opt": Kind("OPTConfig", "OPTForCausalLM", OPT, *OPT_AT, q_scale=6**-0.5),
    "opt-350m": Kind("OPTConfig", "OPTForCausalLM",
                     OPT | {"do_layer_norm_before": False, "word_embed_proj_dim": 12},
                     OPT_AT[0], None, q_scale=6**-0.5),
    "opt-no-scale": Kind("OPTConfig", "OPTForCausalLM",
                         OPT | {"layer_norm_elementwise_affine": False}, *OPT_AT, q_scale=6**-0.5),
    "bloom-post": Kind("BloomConfig", "BloomForCausalLM",
                       {"n_layer": 2, "n_head": 4, "hidden_size": 24, "vocab_size": 32,
                        "apply_residual_connection_post_layernorm": True}, FALCON_AT[0], None,
                       inner="_reshape"),
    "bloom": Kind("BloomConfig", "BloomForCausalLM",
                  {"n_layer": 2, "n_head": 4, "hidden_size": 24, "vocab_size": 32}, *FALCON_AT,
                  inner="_reshape"),
    "falcon-7b": falcon(kv=1, multi_query=True),
    "falcon-40b": falcon("transformer.h.{layer}.ln_attn", 2, new_decoder_architecture=True,
                         num_kv_heads=2),
    "falcon-11b": falcon(kv=2, new_decoder_architecture=True, num_kv_heads=2,
                         num_ln_in_parallel_attn=1),
    "falcon-rw": falcon(multi_query=False, alibi=True, parallel_attn=False),
    "llama": Kind("LlamaConfig", "LlamaForCausalLM", WIDE, *TEXT, **GROUPED),
    "llama-1": Kind("LlamaConfig", "LlamaForCausalLM", HF | {"intermediate_size": 12}, *TEXT),
    "mistral": Kind("MistralConfig", "MistralForCausalLM", WIDE, *TEXT, **GROUPED),
    "mixtral": Kind("MixtralConfig", "MixtralForCausalLM",
                    WIDE | {"num_local_experts": 2, "num_experts_per_tok": 1}, *TEXT, **GROUPED),
    "qwen2": Kind("Qwen2Config", "Qwen2ForCausalLM",
                  HF | {"num_key_value_heads": 2, "intermediate_size": 12}, *TEXT, kv=2),
    "qwen3": Kind("Qwen3Config", "Qwen3ForCausalLM", WIDE, *TEXT, **GROUPED),
    "gemma": Kind("GemmaConfig", "GemmaForCausalLM", WIDE, *TEXT, **GROUPED),
    "gemma2": Kind("Gemma2Config", "Gemma2ForCausalLM", WIDE, *TEXT, **GROUPED),
    "gemma3-text": Kind("Gemma3TextConfig", "Gemma3ForCausalLM", WIDE, *TEXT, **GROUPED),
    "gemma3": Kind("Gemma3Config", "Gemma3ForConditionalGeneration",
                   {"vision_config": {"hidden_size": 8, "num_hidden_layers": 1, "image_size": 8,
                                      "num_attention_heads": 2, "intermediate_size": 8,
                                      "patch_size": 4, "model_type": "siglip_vision_model"},
                    "mm_tokens_per_image": 4, "image_token_index": 31, "boi_token_index": 30,
                    "eoi_token_index": 29},
                   "model.language_model.layers.{layer}.self_attn",
                   "model.language_model.layers.{layer}.input_layernorm",
                   # sizes that are the class's own are left out of the file that is saved
                   text=HF | {"num_attention_heads": 8, "head_dim": 256, "intermediate_size": 12},
                   heads=8, kv=4, m=256),
    "phi3": Kind("Phi3Config", "Phi3ForCausalLM",
                 HF | {"num_key_value_heads": 2, "intermediate_size": 12} | ENDS, *TEXT, kv=2),
    "bert": Kind("BertConfig", "BertForMaskedLM",
                 HF | {"intermediate_size": 12, "max_position_embeddings": 16},
                 "bert.encoder.layer.{layer}.attention.self", None,
                 out="bert.encoder.layer.{layer}.attention.output.dense"),
}  # fmt: skip


def without_head_norms(model: Any) -> None:
    """Take out norms of queries and keys, which are not linear."""
    for name, _ in list(model.named_modules()):
        if name.endswith((".q_norm", ".k_norm")) and ".indexer." not in name:
            parent, child = name.rsplit(".", 1)
            setattr(model.get_submodule(parent), child, torch.nn.Identity())


def save(model: Any, folder: Path) -> Path:
    model.save_pretrained(folder)
    return folder
