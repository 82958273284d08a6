"""Encoder-decoders, stacks inside other networks and cross-attention layers against the networks.

Their attention modules are fed the axes of the stream that queries read, and of the one that keys
and values read.
"""

import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.pk_engine import TRANSFORMERS

pytest.importorskip("torch", reason="the small models are run with torch")
pytest.importorskip("transformers", minversion=TRANSFORMERS, reason="and built by transformers")

import torch
import transformers
from transformers.utils import logging

from headgraph.pk_engine import Selection, compute
from headgraph.pk_engine.errors import ModelError
from headgraph.pk_engine.models.families.catalogue import families
from headgraph.pk_engine.models.weights import ModelWeights
from tests.pk_engine import zoo
from tests.pk_engine.parts_tap import run, taken
from tests.pk_engine.parts_zoo import KINDS, ROWS, D, Kind
from tests.pk_engine.unequal_zoo import IN_PARTS

logging.disable_progress_bar()
pytestmark = pytest.mark.filterwarnings("ignore:Initializing zero-element")  # in tiny backbones


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Any:
    @cache
    def built(name: str) -> tuple[Kind, Any, Path]:
        model = KINDS[name].build()
        return KINDS[name], model, KINDS[name].save(model, tmp_path_factory.mktemp(name))

    return built


@pytest.fixture(params=KINDS)
def built(request: pytest.FixtureRequest, build: Any) -> tuple[Kind, Any, Path]:
    return build(request.param)  # type: ignore[no-any-return]


def test_every_model_type_with_several_stacks_is_tried(build: Any) -> None:
    weights = [ModelWeights(build(name)[2]) for name in KINDS]
    assert {it.family.name for it in weights} | {"mllama"} == IN_PARTS
    named = {name for name, family in families().items() if family.name in IN_PARTS}
    tried = {it._config["model_type"] for it in weights}
    assert tried == named - {"mllama", "mllama_text_model"}


def test_layers_are_named_by_their_part_in_the_order_of_the_computation(built: Any) -> None:
    kind, _, folder = built
    shape = ModelWeights(folder).shape
    assert [layer.name for layer in shape.layers] == kind.names
    assert [layer.index for layer in shape.layers] == list(range(len(kind.names)))
    for layer in shape.layers:
        own, memory = kind.streams[layer.name[0]]
        assert layer.streams == {"Q": own, "K": memory, "V": memory, "O": own}


def test_matrices_are_those_of_the_running_heads(built: Any) -> None:
    """Queries change with a layer's own stream alone, keys and values with the one they read."""
    kind, model, folder = built
    weights = ModelWeights(folder)
    still = torch.zeros(ROWS, D)
    axes = still.clone()
    axes[:D] = torch.eye(D)
    for layer in weights.shape.layers:
        letter = layer.name[0]
        attention = model.get_submodule(kind.where(layer.name, layer.number))
        cross = kind.reads_another(letter)
        own = run(kind, letter, attention, axes, still if cross else None)
        other = run(kind, letter, attention, still, axes) if cross else own
        for role, seen in {"Q": own, "K": other, "V": other}.items():
            live = seen[role][:D] - seen[role][D:][:1]
            matrix = weights.layer(layer.index)[role]  # heads x d x m
            np.testing.assert_allclose(
                live.reshape(D, len(matrix), -1).transpose(1, 0, 2), matrix, atol=1e-5,
                err_msg=layer.name,
            )  # fmt: skip
        if cross:
            for role, seen in {"Q": other, "K": own, "V": own}.items():
                assert (seen[role] == seen[role][:1]).all(), role
        out = attention.get_submodule(kind.named(letter)[3])
        z = torch.cat([torch.eye(out.in_features), torch.zeros(1, out.in_features)])
        with torch.no_grad():
            written = out(z)
        found = (written[:-1] - written[-1:]).reshape(4, -1, D).transpose(1, 2).numpy()
        np.testing.assert_allclose(weights.layer(layer.index)["O"], found, atol=2e-6)


CROSS_FIRST = "mask2former"
"""Every layer begins with cross-attention, so no attention takes the stream itself."""


@pytest.mark.parametrize("name", [name for name in KINDS if name != CROSS_FIRST])
def test_attention_takes_the_named_norm_of_the_stream(name: str, build: Any) -> None:
    """Or the stream itself, where the family says that norms follow."""
    kind, model, folder = build(name)
    compared = 0
    weights = ModelWeights(folder)
    generator = torch.Generator().manual_seed(0)
    x, seen = torch.randn(ROWS, D, generator=generator) * 3 + 1, set[str]()
    for layer in weights.shape.layers:
        at = kind.where(layer.name, layer.number)
        first = kind.around(at) not in seen
        seen.add(kind.around(at))
        if kind.reads_another(layer.name[0]) or not first:
            continue  # another attention comes first, in the same layer of the network
        norm = weights.family.of_kind(layer.kind).norm
        named = norm.name.split(".")[-2] if norm.name and not norm.follows else None
        named = named and (kind.norm or named)
        around = model.get_submodule(kind.around(at))
        read, made = taken(kind, around, model.get_submodule(at), named, x)
        torch.testing.assert_close(read, made, rtol=0, atol=0)
        compared += 1
    assert compared


def test_cross_attention_reads_what_the_encoder_gives(build: Any) -> None:
    kind, model, _ = build("t5")
    seen: list[Any] = []
    attention = model.get_submodule(kind.at["X"].format(1))
    hook = attention.register_forward_pre_hook(
        lambda _, args, kwargs: seen.append(kwargs["key_value_states"]), with_kwargs=True
    )
    ids = torch.arange(3, 8)[None]
    with torch.no_grad():
        given = model(input_ids=ids, decoder_input_ids=ids).encoder_last_hidden_state
    hook.remove()
    assert torch.equal(seen[0], given)


OF_A_SHAPE = {str((kind.names, kind.streams)): name for name, kind in reversed(KINDS.items())}
"""A kind for each sequence of layers and streams, on which alone it depends what forms a pair."""


@pytest.mark.parametrize("name", OF_A_SHAPE.values())
def test_pairs_share_a_stream_and_run_forward_in_it(name: str, build: Any) -> None:
    kind, _, folder = build(name)
    table = compute(folder, selection=Selection())
    found: dict[str, set[tuple[str, ...]]] = {}
    for pairing, rows in table.frame.groupby("pairing"):
        ends = zip(rows["source"], rows["target"], strict=True)
        found[str(pairing)] = {tuple(re.split("H|KV", end)[0] for end in pair) for pair in ends}
    streams = [kind.streams[name[0]] for name in kind.names]
    wanted: dict[str, set[tuple[str, ...]]] = {"OQ": set(), "OK": set(), "OV": set()}
    for place, target in enumerate(kind.names):
        for source, (written, _) in zip(kind.names[:place], streams, strict=False):
            for pairing, read in zip(wanted, (*streams[place], streams[place][1]), strict=True):
                if written == read:
                    wanted[pairing].add((source, target))
    assert found == {pairing: pairs for pairing, pairs in wanted.items() if pairs}
    heads = {"OQ": 4} | dict.fromkeys(("OK", "OV"), table.meta.n_kv_heads)
    assert len(table) == sum(4 * heads[pairing] * len(pairs) for pairing, pairs in wanted.items())


def test_folding_is_refused_where_heads_share_no_norm(built: Any) -> None:
    weights = ModelWeights(built[2])
    layers = weights.shape.layers
    if not any(weights.family.of_kind(layer.kind).norm.follows for layer in layers):
        folded = ModelWeights(built[2], fold_ln=True)
        for layer in layers:
            assert (folded.layer(layer.index)["Q"] != weights.layer(layer.index)["Q"]).any()
        return
    with pytest.raises(ModelError, match=r"no norm precedes attention|another norm") as told:
        ModelWeights(built[2], fold_ln=True)
    assert len(str(told.value)) < 300


def test_llama_vision_reads_the_image_in_its_cross_attention(tmp_path: Path) -> None:
    config = transformers.MllamaConfig(
        text_config={"hidden_size": 24, "num_hidden_layers": 4, "num_attention_heads": 4,
                     "num_key_value_heads": 2, "intermediate_size": 12, "vocab_size": 32,
                     "cross_attention_layers": [1, 3], "pad_token_id": 0},
        vision_config={"hidden_size": 8, "num_hidden_layers": 1, "num_global_layers": 1,
                       "attention_heads": 2, "intermediate_size": 8, "image_size": 8,
                       "patch_size": 4, "vision_output_dim": 16,
                       "intermediate_layers_indices": [0]},
    )  # fmt: skip
    model = transformers.MllamaForConditionalGeneration._from_config(config)
    weights = ModelWeights(zoo.save(model, tmp_path))
    assert [layer.name for layer in weights.shape.layers] == ["L0", "X1", "L2", "X3"]
    axes = torch.eye(24)
    for layer in (1, 3):
        attention = model.get_submodule(f"model.language_model.layers.{layer}.cross_attn")
        for role, name in zip("QKV", ("q_proj", "k_proj", "v_proj"), strict=True):
            with torch.no_grad():
                live = getattr(attention, name)(axes).reshape(24, -1, 6).transpose(0, 1).numpy()
            np.testing.assert_allclose(weights.layer(layer)[role], live, atol=1e-6)
    table = compute(tmp_path, selection=Selection())
    targets = table.frame.groupby("pairing")["target_layer"].agg(set)
    assert targets["OQ"] == {1, 2, 3}
    assert targets["OK"] == targets["OV"] == {2}
