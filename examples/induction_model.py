"""A small attention-only transformer in GPT-2 layout, and its folder.

`train_induction.py` trains it. Parameter names and the Conv1D orientation (in x out) are those of
Hugging Face's GPT-2, so the state dict needs no translation. GPT-2 has an MLP in every block, and
this model has none: `save_folder` writes one of a single hidden unit with all weights zero. It adds
exactly 0 to the residual stream, so that `GPT2LMHeadModel.from_pretrained(folder)` computes the
same function as the class below.
"""

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class Shape:
    """The sizes of the model, under the names that GPT-2's config.json uses."""

    n_layer: int = 2
    n_head: int = 8
    n_embd: int = 128
    n_positions: int = 64
    vocab_size: int = 96
    layer_norm_epsilon: float = 1e-5


class Conv1D(nn.Module):
    """GPT-2's linear map y = x W + b, with W stored as (in x out): the transpose of nn.Linear's."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_in, n_out))
        self.bias = nn.Parameter(torch.zeros(n_out))

    def forward(self, x: Tensor) -> Tensor:
        """Map the last axis from n_in to n_out."""
        return x @ self.weight + self.bias


class Attention(nn.Module):
    """Causal multi-head attention; also returns its patterns, from which scores are computed."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.n_head = shape.n_head
        self.c_attn = Conv1D(shape.n_embd, 3 * shape.n_embd)  # W_Q | W_K | W_V side by side
        self.c_proj = Conv1D(shape.n_embd, shape.n_embd)  # W_O: rows of head 0, of head 1, ...

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What the heads write (batch pos d_model) and patterns (batch head query key)."""
        batch, length, d_model = x.shape
        q, k, v = (
            part.view(batch, length, self.n_head, -1).transpose(1, 2)  # batch head pos d_head
            for part in self.c_attn(x).split(d_model, dim=2)
        )
        scores = q @ k.transpose(2, 3) / math.sqrt(d_model // self.n_head)  # batch head pos pos
        future = torch.ones(length, length, dtype=torch.bool).triu(1)
        pattern = scores.masked_fill(future, -math.inf).softmax(dim=3)
        mixed = (pattern @ v).transpose(1, 2).reshape(batch, length, d_model)  # heads side by side
        return self.c_proj(mixed), pattern


class Block(nn.Module):
    """A residual block with attention only."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(shape.n_embd, eps=shape.layer_norm_epsilon)
        self.attn = Attention(shape)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The residual stream after this block, and the attention patterns."""
        written, pattern = self.attn(self.ln_1(x))
        return x + written, pattern


class Body(nn.Module):
    """The part that GPT-2's state dict calls `transformer`."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.wte = nn.Embedding(shape.vocab_size, shape.n_embd)
        self.wpe = nn.Embedding(shape.n_positions, shape.n_embd)
        self.h = nn.ModuleList(Block(shape) for _ in range(shape.n_layer))
        self.ln_f = nn.LayerNorm(shape.n_embd, eps=shape.layer_norm_epsilon)


class AttentionOnly(nn.Module):
    """GPT-2 without its MLPs; the unembedding is the token embedding (tied), as in GPT-2."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.transformer = Body(shape)
        for name, parameter in self.named_parameters():
            if name.endswith(("c_attn.weight", "c_proj.weight", "wte.weight", "wpe.weight")):
                nn.init.normal_(parameter, std=0.02)

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (batch pos vocab) and attention patterns (layer batch head query key)."""
        body = self.transformer
        x = body.wte(tokens) + body.wpe.weight[: tokens.shape[1]]  # batch pos d_model
        patterns = []
        for block in body.h:
            x, pattern = block(x)
            patterns.append(pattern)
        return F.linear(body.ln_f(x), body.wte.weight), torch.stack(patterns)


def save_folder(model: AttentionOnly, out: Path, dtype: torch.dtype = torch.float32) -> None:
    """Write the model to `out` as a Hugging Face folder; other files there stay."""
    out.mkdir(parents=True, exist_ok=True)
    write(out / "config.json", to_json(_config(model.shape, dtype)))
    write(out / "tokenizer.json", to_json(_tokenizer(model.shape.vocab_size)))
    write(
        out / "tokenizer_config.json",
        to_json(
            {
                "tokenizer_class": "PreTrainedTokenizerFast",
                "clean_up_tokenization_spaces": False,
                "model_max_length": model.shape.n_positions,
            }
        ),
    )
    tensors = {name: tensor.to(dtype) for name, tensor in _gpt2_tensors(model).items()}
    write(out / "model.safetensors", save(tensors, metadata={"format": "pt"}))


def write(path: Path, content: str | bytes) -> None:
    """Write a file beside its place, then rename it, so that no reader sees half of it."""
    beside = path.with_name(f".{path.name}.partial")
    beside.write_bytes(content.encode() if isinstance(content, str) else content)
    beside.replace(path)


def to_json(value: object) -> str:
    """JSON in the format of all files here."""
    return json.dumps(value, indent=2) + "\n"


def _gpt2_tensors(model: AttentionOnly) -> dict[str, Tensor]:
    """The state dict, with an MLP of zeros for the parts of GPT-2 that this model lacks."""
    d = model.shape.n_embd
    tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    for layer in range(model.shape.n_layer):
        block = f"transformer.h.{layer}"
        tensors |= {
            f"{block}.ln_2.weight": torch.ones(d),
            f"{block}.ln_2.bias": torch.zeros(d),
            f"{block}.mlp.c_fc.weight": torch.zeros(d, 1),
            f"{block}.mlp.c_fc.bias": torch.zeros(1),
            f"{block}.mlp.c_proj.weight": torch.zeros(1, d),
            f"{block}.mlp.c_proj.bias": torch.zeros(d),
        }
    return tensors


def _config(shape: Shape, dtype: torch.dtype) -> dict[str, Any]:
    return {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        **asdict(shape),
        "n_ctx": shape.n_positions,
        "n_inner": 1,
        "attention_only": True,  # for readers; GPT-2 code reads n_inner and finds an MLP of zeros
        "activation_function": "gelu_new",
        "tie_word_embeddings": True,
        "attn_pdrop": 0.0,
        "embd_pdrop": 0.0,
        "resid_pdrop": 0.0,
        "bos_token_id": None,
        "eos_token_id": None,
        "torch_dtype": str(dtype).removeprefix("torch."),
    }


def _tokenizer(symbols: int) -> dict[str, Any]:
    """Symbols are the words s00, s01, ... with spaces between them.

    TransformerLens tries a word of its own, so an unknown word must have a number. It is one that
    the embedding lacks: a text with such a word fails instead of being read as some symbol.
    """
    width = len(str(symbols - 1))
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": {"type": "WhitespaceSplit"},
        "post_processor": None,
        "decoder": None,
        "model": {
            "type": "WordLevel",
            "vocab": {f"s{i:0{width}}": i for i in range(symbols)} | {"[UNK]": symbols},
            "unk_token": "[UNK]",
        },
    }
