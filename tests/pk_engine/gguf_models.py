"""GGUF files of small models, written with the gguf package as llama.cpp's converter does."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

gguf = pytest.importorskip("gguf", reason="it writes the files that are read")

LLAMA = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "input_layernorm": "attn_norm",
}
GPT2 = {"attn.c_attn": "attn_qkv", "attn.c_proj": "attn_output", "ln_1": "attn_norm"}


def permuted(weight: np.ndarray, heads: int) -> np.ndarray:
    """Rows of Q or K as llama.cpp's converter of Llama orders them within a head."""
    halves = weight.reshape(heads, 2, weight.shape[0] // heads // 2, *weight.shape[1:])
    return halves.swapaxes(1, 2).reshape(weight.shape)


def llama_tensors(folder: Path, config: dict[str, Any]) -> dict[str, np.ndarray]:
    """A Llama folder's tensors under the names and in the order of GGUF."""
    heads, shared = config["num_attention_heads"], config["num_key_value_heads"]
    found = {}
    for name, weight in load_file(folder / "model.safetensors").items():
        parts = name.split(".")
        if parts[1] != "layers":
            if name == "model.embed_tokens.weight":
                found["token_embd.weight"] = weight
            continue
        ours = LLAMA.get(".".join(parts[3:-1]))
        if ours in ("attn_q", "attn_k"):
            weight = permuted(weight, heads if ours == "attn_q" else shared)
        if ours:
            found[f"blk.{parts[2]}.{ours}.weight"] = weight
    return found


def gpt2_tensors(folder: Path) -> dict[str, np.ndarray]:
    """A GPT-2 folder's tensors under the names of GGUF, Conv1D transposed."""
    found = {}
    for name, weight in load_file(folder / "model.safetensors").items():
        parts = name.removeprefix("transformer.").split(".")
        ours = GPT2.get(".".join(parts[2:-1])) if parts[0] == "h" else None
        if ours:
            found[f"blk.{parts[1]}.{ours}.{parts[-1]}"] = weight.T
    return found


def write(
    path: Path,
    architecture: str,
    tensors: dict[str, np.ndarray],
    settings: dict[str, Any],
    kind: str = "F32",
    quantise: Any = gguf.quants.quantize,
) -> Path:
    """A GGUF file. Norms and biases stay float32, as in llama.cpp."""
    writer = gguf.GGUFWriter(path, architecture)
    for key, value in settings.items():
        if isinstance(value, list):
            writer.add_array(f"{architecture}.{key}", value)
        elif isinstance(value, float):
            writer.add_float32(f"{architecture}.{key}", value)
        else:
            writer.add_uint32(f"{architecture}.{key}", value)
    writer.add_tokenizer_model("llama")
    writer.add_token_list([f"▁{letter}" for letter in "abcdefgh"])
    quantisation = gguf.GGMLQuantizationType[kind]
    for name, tensor in tensors.items():
        if tensor.ndim == 1 or kind == "F32":
            writer.add_tensor(name, np.ascontiguousarray(tensor, np.float32))
        else:
            data = quantise(np.ascontiguousarray(tensor, np.float32), quantisation)
            writer.add_tensor(name, data, raw_dtype=quantisation)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def llama(folder: Path, config: dict[str, Any], path: Path, kind: str = "F32", **how: Any) -> Path:
    """A GGUF file of a Llama folder."""
    settings = {
        "block_count": config["num_hidden_layers"],
        "embedding_length": config["hidden_size"],
        "attention.head_count": config["num_attention_heads"],
        "attention.head_count_kv": config["num_key_value_heads"],
        "attention.layer_norm_rms_epsilon": 1e-5,
        "attention.key_length": config["head_dim"],
    }
    return write(path, "llama", llama_tensors(folder, config), settings, kind, **how)


def gpt2(folder: Path, config: dict[str, Any], path: Path, kind: str = "F32", **how: Any) -> Path:
    """A GGUF file of a GPT-2 folder."""
    settings = {
        "block_count": config["n_layer"],
        "embedding_length": config["n_embd"],
        "attention.head_count": config["n_head"],
        "attention.layer_norm_epsilon": 1e-5,
    }
    return write(path, "gpt2", gpt2_tensors(folder), settings, kind, **how)
