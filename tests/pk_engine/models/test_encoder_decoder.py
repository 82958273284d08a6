"""Encoder-decoders and cross-attention layers against the running networks.

Their attention modules are fed the axes of the stream that queries read, and of the one that keys
and values read.
"""

from functools import cache
from inspect import signature
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

pytest.importorskip("torch", reason="the small models are run with torch")
pytest.importorskip("transformers", reason="and built by transformers")

import torch
import transformers
from transformers.utils import logging

from headgraph.pk_engine import Selection, compute
from headgraph.pk_engine.errors import ModelError
from headgraph.pk_engine.models.families.catalogue import families
from headgraph.pk_engine.models.weights import ModelWeights
from tests.pk_engine import zoo
from tests.pk_engine.unequal_zoo import IN_PARTS

logging.disable_progress_bar()
SIZES = {"d_model": 24, "encoder_layers": 2, "decoder_layers": 3, "encoder_attention_heads": 4,
         "decoder_attention_heads": 4, "encoder_ffn_dim": 12, "decoder_ffn_dim": 12,
         "vocab_size": 64, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
         "decoder_start_token_id": 2}  # fmt: skip
T5 = {"d_model": 24, "num_layers": 2, "num_decoder_layers": 3, "num_heads": 4, "d_kv": 8,
      "d_ff": 12, "vocab_size": 64}  # fmt: skip
MOONSHINE = {"hidden_size": 24, "intermediate_size": 12, "vocab_size": 64,
             "encoder_num_hidden_layers": 2, "decoder_num_hidden_layers": 3,
             "encoder_num_attention_heads": 4, "decoder_num_attention_heads": 4}  # fmt: skip
GEMMA = {"hidden_size": 24, "intermediate_size": 12, "vocab_size": 64, "num_attention_heads": 4,
         "num_key_value_heads": 4, "head_dim": 8, "pad_token_id": 0, "bos_token_id": 1,
         "eos_token_id": 2}  # fmt: skip
BART_AT = {"E": "model.encoder.layers.{}.self_attn", "D": "model.decoder.layers.{}.self_attn",
           "X": "model.decoder.layers.{}.encoder_attn"}  # fmt: skip
T5_AT = {"E": "encoder.block.{}.layer.0.SelfAttention",
         "D": "decoder.block.{}.layer.0.SelfAttention",
         "X": "decoder.block.{}.layer.1.EncDecAttention"}  # fmt: skip
T5_PROJECTIONS = ("q", "k", "v", "o")
PROJECTIONS = ("q_proj", "k_proj", "v_proj", "out_proj")


class Kind(NamedTuple):
    """A configuration, its model, where attention is and how its projections are named."""

    config: str
    model: str
    sizes: dict[str, Any]
    at: dict[str, str]
    projections: tuple[str, ...] = PROJECTIONS
    encoder: tuple[str, ...] = ()  # projections, where the encoder's are named otherwise
    memory: str = "key_value_states"
    rotary: int = 0  # how many dimensions are rotated

    def named(self, letter: str) -> tuple[str, ...]:
        """The projections of a part."""
        return (letter == "E" and self.encoder) or self.projections


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
                 BART_AT, memory="key"),
    "bigbird_pegasus": Kind("BigBirdPegasusConfig", "BigBirdPegasusForConditionalGeneration",
                            SIZES | {"attention_type": "original_full"}, BART_AT,
                            encoder=("self.query", "self.key", "self.value", "output")),
    "nllb-moe": Kind("NllbMoeConfig", "NllbMoeForConditionalGeneration", SIZES | {"num_experts": 2},
                     BART_AT | {"X": "model.decoder.layers.{}.cross_attention"}),
    "time_series_transformer": Kind("TimeSeriesTransformerConfig",
                                    "TimeSeriesTransformerForPrediction",
                                    SIZES | {"prediction_length": 2}, BART_AT),
    "informer": Kind("InformerConfig", "InformerForPrediction",
                     SIZES | {"prediction_length": 2, "attention_type": "full"}, BART_AT),
    "moonshine": Kind("MoonshineConfig", "MoonshineForConditionalGeneration", MOONSHINE, BART_AT,
                      (*PROJECTIONS[:3], "o_proj"), rotary=4),
    "t5gemma": Kind("T5GemmaConfig", "T5GemmaForConditionalGeneration",
                    {"encoder": GEMMA | {"num_hidden_layers": 2},
                     "decoder": GEMMA | {"num_hidden_layers": 3}},
                    BART_AT | {"X": "model.decoder.layers.{}.cross_attn"},
                    (*PROJECTIONS[:3], "o_proj"), memory="encoder_hidden_states", rotary=8),
}  # fmt: skip
NAMES = ["E0", "E1", "D0", "X0", "D1", "X1", "D2", "X2"]


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Any:
    @cache
    def built(name: str) -> tuple[Kind, Any, Path]:
        kind = KINDS[name]
        config = getattr(transformers, kind.config)(**kind.sizes)
        model = zoo.randomised(getattr(transformers, kind.model)._from_config(config))
        return kind, model, zoo.save(model, tmp_path_factory.mktemp(name))

    return built


@pytest.fixture(params=KINDS)
def built(request: pytest.FixtureRequest, build: Any) -> tuple[Kind, Any, Path]:
    return build(request.param)  # type: ignore[no-any-return]


def test_every_family_with_cross_attention_is_tried(build: Any) -> None:
    tried = {ModelWeights(build(name)[2]).family.name for name in KINDS}
    assert tried | {"mllama"} == IN_PARTS


def test_layers_are_named_by_their_part_in_the_order_of_the_computation(built: Any) -> None:
    shape = ModelWeights(built[2]).shape
    assert [layer.name for layer in shape.layers] == NAMES
    assert [layer.index for layer in shape.layers] == list(range(8))
    cross = shape.layers[3].streams
    assert cross == {"Q": "decoder", "K": "encoder", "V": "encoder", "O": "decoder"}


def run(kind: Kind, letter: str, attention: Any, x: Any, memory: Any) -> dict[str, np.ndarray]:
    """What each projection gives for these inputs, and what is written for these values."""
    seen: dict[str, Any] = {}
    batch = 1 if kind.memory == "key" else 0  # FSMT has positions first

    def see(role: str, output: Any) -> None:  # LongT5 also calls its projections with means
        seen.setdefault(role, output.detach().select(batch, 0).numpy())

    hooks = [
        attention.get_submodule(name).register_forward_hook(
            lambda _, __, output, role=role: see(role, output)
        )
        for role, name in zip("QKV", kind.named(letter), strict=False)
    ]
    takes = signature(attention.forward).parameters
    given = {"attention_mask": None} if "attention_mask" in takes else {}
    if letter == "X":
        given |= {kind.memory: memory.unsqueeze(batch)}
    elif "position_embeddings" in takes:  # a rotation by nothing
        given |= {
            "position_embeddings": (torch.ones(1, 1, kind.rotary), torch.zeros(1, 1, kind.rotary))
        }
    elif "key" in takes:
        given |= {"key": x.unsqueeze(batch)}
    if "position_bias" in takes:  # otherwise only the first layer has one
        given |= {"position_bias": torch.zeros(1, 1, 1, 1)}
    with torch.no_grad():
        attention(x.unsqueeze(batch), **given)
    for hook in hooks:
        hook.remove()
    return seen


def test_matrices_are_those_of_the_running_heads(built: Any) -> None:
    """Queries change with the decoder's stream alone, keys and values with the encoder's."""
    kind, model, folder = built
    weights = ModelWeights(folder)
    axes, still = torch.cat([torch.eye(24), torch.zeros(1, 24)]), torch.zeros(25, 24)
    for layer in weights.shape.layers:
        letter = layer.name[0]
        attention = model.get_submodule(kind.at[letter].format(layer.number))
        cross = letter == "X"
        own = run(kind, letter, attention, axes, still if cross else None)
        other = run(kind, letter, attention, still, axes) if cross else own
        for role, seen in {"Q": own, "K": other, "V": other}.items():
            live = seen[role][:-1] - seen[role][-1:]
            matrix = weights.layer(layer.index)[role]  # heads x d x m
            np.testing.assert_allclose(
                live.reshape(24, 4, -1).transpose(1, 0, 2), matrix, atol=1e-5, err_msg=layer.name
            )
        if cross:
            for role, seen in {"Q": other, "K": own, "V": own}.items():
                assert (seen[role] == seen[role][:1]).all(), role
        out = attention.get_submodule(kind.named(letter)[3])
        z = torch.cat([torch.eye(out.in_features), torch.zeros(1, out.in_features)])
        with torch.no_grad():
            written = out(z)
        found = (written[:-1] - written[-1:]).reshape(4, -1, 24).transpose(1, 2).numpy()
        np.testing.assert_allclose(weights.layer(layer.index)["O"], found, atol=2e-6)


def test_each_model_type_is_tried(build: Any) -> None:
    tried = {build(name)[1].config.model_type for name in KINDS}
    families_ = {name for name, family in families().items() if family.name in IN_PARTS}
    assert tried == families_ - {"mllama", "mllama_text_model"}


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


def test_pairs_share_a_stream_and_run_forward_in_it(built: Any) -> None:
    table = compute(built[2], selection=Selection())
    found: dict[str, set[tuple[str, str]]] = {}
    for pairing, rows in table.frame.groupby("pairing"):
        ends = zip(rows["source"], rows["target"], strict=True)
        found[str(pairing)] = {(a.split("H")[0], b.split("H")[0]) for a, b in ends}
    within = {(a, b) for a in NAMES for b in NAMES
              if NAMES.index(a) < NAMES.index(b) and (a[0] == "E") == (b[0] == "E")}  # fmt: skip
    across = {(a, b) for a in ("E0", "E1") for b in NAMES if b[0] == "X"}
    reading = {pair for pair in within if pair[1][0] != "X"} | across
    assert found == {"OQ": within, "OK": reading, "OV": reading}
    assert len(table) == 16 * (len(within) + 2 * len(reading))


def test_folding_is_refused(built: Any) -> None:
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
