"""Model types whose attention is no product of matrices that `probing` could watch.

Their attention modules are fed the axes of the residual stream, and the place where queries meet
keys is caught by its name.
"""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np
import pytest
from safetensors.torch import save_file

pytest.importorskip("torch", reason="the small models are run with torch")
pytest.importorskip("transformers", reason="and built by transformers")

import torch
import transformers
from torch.overrides import TorchFunctionMode
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
from transformers.models.layoutlmv2.modeling_layoutlmv2 import LayoutLMv2Encoder
from transformers.models.mra import modeling_mra
from transformers.utils import logging

from headgraph.pk_engine.models.weights import ModelWeights
from tests.pk_engine import TRANSFORMERS, reading, zoo

logging.disable_progress_bar()
LLAMA = zoo.HF | zoo.ENDS | {"intermediate_size": 12}
BERT = zoo.HF | {"intermediate_size": 12, "max_position_embeddings": 64, "pad_token_id": 0}
Seen = dict[str, Any]


def axes(dimensions: int) -> Any:
    """The axes of so many dimensions, then zeros."""
    return torch.eye(64)[:, :dimensions]


def patched(target: Any, **changes: Any) -> Any:
    """The target with other attributes, for a while."""
    stack = ExitStack()
    for name, value in changes.items():
        stack.enter_context(patch.object(target, name, value))
    return stack


def xlnet(attention: Any, x: Any, z: Any) -> tuple[Seen, Any]:
    seen: Seen = {}

    def core(q: Any, k: Any, v: Any, *_: Any, **__: Any) -> Any:
        seen.update(Q=q[:, 0], K=k[:, 0], V=v[:, 0])
        return z[:, None]

    with patched(attention, rel_attn_core=core, layer_norm=torch.nn.Identity()):
        given = attention(x[:, None], None, None, None, torch.zeros(2 * len(x), 1, 24), None)
    return seen, given[0][:, 0] - x


def longformer(attention: Any, x: Any, z: Any) -> tuple[Seen, Any]:
    seen: Seen = {}
    inner, score = attention.self, attention.self._sliding_chunks_query_key_matmul

    def scored(q: Any, k: Any, window: int) -> Any:
        if "Q" not in seen:  # the second time, it is the mask
            seen.update(Q=q[0] * 6**0.5, K=k[0])
        return score(q, k, window)

    def valued(_: Any, v: Any, __: Any) -> Any:
        seen["V"] = v[0]
        return z[None]

    mask = torch.zeros(1, len(x))
    with patched(inner, _sliding_chunks_query_key_matmul=scored,
                 _sliding_chunks_matmul_attn_probs_value=valued):  # fmt: skip
        given = inner(x[None], mask, mask > 0, mask > 0, False)
    return seen, attention.output.dense(given[0])[0]


def mra(attention: Any, x: Any, z: Any) -> tuple[Seen, Any]:
    seen: Seen = {}

    def attend(q: Any, k: Any, v: Any, *_: Any, **__: Any) -> Any:
        for role, given in {"Q": q, "K": k, "V": v}.items():
            seen[role] = given[0, :, :, :6].transpose(0, 1)
        return torch.nn.functional.pad(z.transpose(0, 1), (0, 26))[None]

    with patched(modeling_mra, mra2_attention=attend):
        given = attention.self(x[None], torch.ones(1, len(x)))
    return seen, attention.output.dense(given[0])[0]


def diffllama(attention: Any, x: Any, z: Any) -> tuple[Seen, Any]:
    pytest.importorskip("transformers", minversion=TRANSFORMERS)  # older ones call it elsewhere
    seen: Seen = {}
    group: int = attention.num_key_value_groups
    values: list[Any] = []

    def attend(_: Any, q: Any, k: Any, v: Any, *__: Any, **___: Any) -> Any:
        half = q.shape[1] // 2  # a head here and the one that is subtracted from it
        pairs = [(head, head + half) for head in range(half)]
        seen["Q"] = torch.stack([torch.cat([q[0, a], q[0, b]], -1) for a, b in pairs], 1)
        both = [(k[0, a // group], k[0, b // group]) for a, b in pairs[::group]]
        seen["K"] = torch.stack([torch.cat(pair, -1) for pair in both], 1)
        values.append(torch.stack([v[0, a // group] for a, _ in pairs[::group]], 1))
        given = z.unflatten(-1, (2, -1))[:, :, len(values) - 1]
        return torch.cat([given, torch.zeros_like(given)], 1)[None], None

    rotation = torch.ones(1, 1, attention.head_dim), torch.zeros(1, 1, attention.head_dim)
    with (patched(ALL_ATTENTION_FUNCTIONS, get_interface=lambda *_: attend),
          patched(attention, groupnorm=torch.nn.Identity())):  # fmt: skip
        written = attention(x[None], rotation)[0][0] / (1 - attention.lambda_init)
    return seen | {"V": torch.cat(values, -1)}, written


def jetmoe(attention: Any, x: Any, z: Any) -> tuple[Seen, Any]:
    """All experts are chosen, in their order; their gates differ by next to nothing."""
    seen: Seen = {}
    experts = attention.experts.num_experts

    class Router(torch.nn.Module):
        def forward(self, x: Any) -> Any:
            return torch.linspace(1e-6, -1e-6, experts).expand(len(x), experts)

    def by_key(heads: Any) -> Any:  # positions x (keys experts) x m
        return heads[0].unflatten(0, (experts, -1)).permute(2, 1, 0, 3).flatten(1, 2)

    def attend(_: Any, q: Any, k: Any, v: Any, *__: Any, **___: Any) -> Any:
        seen.update(Q=by_key(q), K=by_key(k), V=by_key(v))
        for role in "KV":
            groups = seen[role].unflatten(1, (-1, experts))
            assert (groups == groups[:, :, :1]).all()
            seen[role] = groups[:, :, 0]
        return z.unflatten(1, (-1, experts)).transpose(1, 2).flatten(1, 2)[None], None

    rotation = torch.ones(1, 1, attention.head_dim), torch.zeros(1, 1, attention.head_dim)
    with (patched(ALL_ATTENTION_FUNCTIONS, get_interface=lambda *_: attend),
          patched(attention.experts.router, layer=Router())):  # fmt: skip
        written = attention(x[None], position_embeddings=rotation)[0][0]
    return seen, written * experts


def squeezebert(module: Any, x: Any, z: Any) -> tuple[Seen, Any]:
    seen: Seen = {}
    attention = module.attention

    class Score(torch.nn.Module):
        def forward(self, q: Any, k: Any) -> Any:
            seen.update(Q=q[0].transpose(0, 1), K=k[0].permute(2, 0, 1))
            return q @ k

    class Mix(torch.nn.Module):
        def forward(self, _: Any, v: Any) -> Any:
            seen["V"] = v[0].transpose(0, 1)
            return z.transpose(0, 1)[None]

    with patched(attention, matmul_qk=Score(), matmul_qkv=Mix()):
        given = attention(x.T[None], torch.zeros(1, 1, 1, len(x)), False)["context_layer"]
    return seen, module.post_attention.conv1d(given)[0].T


class Einsum(TorchFunctionMode):
    """Catches the two products of Funnel's attention."""

    def __init__(self, z: Any) -> None:
        super().__init__()
        self.z, self.seen = z, Seen()

    def __torch_function__(self, function: Any, _: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function is torch.einsum and args[0] == "bind,bjnd->bnij":
            self.seen.update(Q=args[1][0] * self.z.shape[2] ** 0.5, K=args[2][0])
        elif function is torch.einsum:
            assert args[0] == "bnij,bjnd->bind"
            self.seen["V"] = args[2][0]
            return self.z[None]
        return function(*args, **(kwargs or {}))


def funnel(attention: Any, x: Any, z: Any) -> tuple[Seen, Any]:
    def nothing(*_: Any) -> float:
        return 0.0

    with (Einsum(z) as caught, patched(attention, relative_positional_attention=nothing),
          patched(attention, relative_token_type_attention=nothing),
          patched(attention, layer_norm=torch.nn.Identity())):  # fmt: skip
        written = attention(*[x[None]] * 3, (None, None, None, None))[0][0] - x
    return caught.seen, written


class Kind(NamedTuple):
    """A configuration, its model, where its attention is and how it is caught."""

    config: Any
    model: str
    attention: str
    catch: Callable[[Any, Any, Any], tuple[Seen, Any]]


KINDS = {
    "xlnet": Kind(
        transformers.XLNetConfig(d_model=24, n_layer=2, n_head=4, d_inner=12, vocab_size=32),
        "XLNetLMHeadModel", "transformer.layer.{}.rel_attn", xlnet),
    "longformer": Kind(
        transformers.LongformerConfig(**BERT, attention_window=4),
        "LongformerForMaskedLM", "longformer.encoder.layer.{}.attention", longformer),
    "mra": Kind(transformers.MraConfig(**BERT), "MraForMaskedLM", "mra.encoder.layer.{}.attention",
                mra),
    "squeezebert": Kind(
        transformers.SqueezeBertConfig(**BERT, embedding_size=24, q_groups=2, k_groups=4,
                                       v_groups=1, post_attention_groups=3, intermediate_groups=2,
                                       output_groups=2),
        "SqueezeBertForMaskedLM", "transformer.encoder.layers.{}", squeezebert),
    "funnel": Kind(
        transformers.FunnelConfig(d_model=24, n_head=4, d_head=6, d_inner=12, vocab_size=32,
                                  block_sizes=[2, 1], num_decoder_layers=1),
        "FunnelForMaskedLM", "funnel.encoder.blocks.{stage}.{layer}.attention", funnel),
    "diffllama": Kind(
        transformers.DiffLlamaConfig(**LLAMA, num_key_value_heads=4),
        "DiffLlamaForCausalLM", "model.layers.{}.self_attn", diffllama),
    "diffllama-grouped": Kind(
        transformers.DiffLlamaConfig(**LLAMA, num_key_value_heads=2),
        "DiffLlamaForCausalLM", "model.layers.{}.self_attn", diffllama),
    "jetmoe": Kind(
        transformers.JetMoeConfig(num_hidden_layers=2, hidden_size=24, vocab_size=32,
                                  intermediate_size=12, num_key_value_heads=3, kv_channels=6,
                                  num_local_experts=2, num_experts_per_tok=2),
        "JetMoeForCausalLM", "model.layers.{}.self_attention", jetmoe),
}  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_matrices_are_those_of_the_running_heads(name: str, tmp_path: Path) -> None:
    kind = KINDS[name]
    model = zoo.randomised(getattr(transformers, kind.model)._from_config(kind.config))
    weights = ModelWeights(zoo.save(model, tmp_path))
    read, entering = weights.embedding_files().embedding(), model.get_input_embeddings().weight
    np.testing.assert_array_equal(read, entering.detach())
    heads, m = weights.shape.n_heads, weights.shape.d_head
    for layer, place in enumerate(weights.shape.layers):
        assert place.name == f"L{layer}"
        path = kind.attention.format(place.number, stage=place.stage, layer=place.number)
        if place.kind == "decoder":
            path = f"funnel.decoder.layers.{place.number}.attention"
        attention = model.get_submodule(path)
        with torch.no_grad():
            z = axes(heads * m).unflatten(1, (heads, m))
            seen, written = kind.catch(attention, axes(24), z)
        for role in "QKV":
            live = (seen[role][:24] - seen[role][-1:]).transpose(0, 1).numpy()
            np.testing.assert_allclose(weights.layer(layer)[role], live, atol=2e-6, err_msg=role)
        live = (written[: heads * m] - written[-1:]).reshape(heads, m, 24).transpose(1, 2).numpy()
        np.testing.assert_allclose(weights.layer(layer)["O"], live, atol=5e-6)
    check_norm(model, weights)


def check_norm(model: Any, weights: ModelWeights) -> None:
    """The named norm is the module that runs before attention, where there is one."""
    norm = weights.family.norm
    assert bool(norm.follows) == (weights.family.name not in {"diffllama", "jetmoe"})
    if norm.name:
        module = model.model.layers[1].input_layernorm
        read = weights._files.read(weights._name(norm.name, weights.shape.layers[1]))
        np.testing.assert_array_equal(read, module.weight.detach())
        assert norm.kind in type(module).__name__


@pytest.mark.parametrize("fast", [True, False])
def test_layoutlmv2(fast: bool, tmp_path: Path) -> None:
    """Its encoder alone: the whole needs a library for pictures."""
    config = transformers.LayoutLMv2Config(
        **BERT, fast_qkv=fast, has_relative_attention_bias=False, has_spatial_attention_bias=False
    )
    encoder = zoo.randomised(LayoutLMv2Encoder(config))
    tensors = {f"layoutlmv2.encoder.{name}": w for name, w in encoder.state_dict().items()}
    save_file(tensors, tmp_path / "model.safetensors")
    config.save_pretrained(tmp_path)
    x = torch.randn(1, 24, 24, generator=torch.Generator().manual_seed(0))
    inputs = {"hidden_states": x, "attention_mask": torch.zeros(1, 1, 1, 24)}
    reading.check(encoder, ModelWeights(tmp_path), inputs)
