"""Models of two stacks of layers, and models around one transformer, against the networks."""

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.pk_engine import TRANSFORMERS

pytest.importorskip("torch", reason="the small models are run with torch")
pytest.importorskip("transformers", minversion=TRANSFORMERS, reason="and built by transformers")

import torch
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
from transformers.utils import logging

from headgraph.pk_engine import Selection, compute
from headgraph.pk_engine.errors import ModelError, UnknownFamily
from headgraph.pk_engine.models.families.catalogue import families
from headgraph.pk_engine.models.families.class_defaults import FOLDER, row_of
from headgraph.pk_engine.models.towers import part_of
from headgraph.pk_engine.models.weights import ModelWeights
from tests.pk_engine import reading, zoo, zoo_wide
from tests.pk_engine.unequal_zoo import IN_STACKS

logging.disable_progress_bar()

FASTSPEECH2 = {
    "hidden_size": 32, "encoder_layers": 2, "decoder_layers": 3, "encoder_num_attention_heads": 4,
    "decoder_num_attention_heads": 4, "encoder_linear_units": 8, "decoder_linear_units": 8,
    "use_macaron_style_in_conformer": False, "speech_decoder_postnet_units": 8,
    "duration_predictor_channels": 8, "pitch_predictor_channels": 8, "energy_predictor_channels": 8,
    "speech_decoder_postnet_layers": 1, "pitch_predictor_layers": 1, "vocab_size": 40,
}  # fmt: skip
VIDEO = {"num_spatial_layers": 2, "num_temporal_layers": 3, "num_auxiliary_layers": 1,
         "image_size": 20, "tubelet_size": [1, 4, 4], "num_frames": 26}  # fmt: skip
STACKS: dict[str, tuple[dict[str, Any], dict[str, str], list[str]]] = {
    "pocket_tts_audio_tokenizer": (
        {"num_filters": 2, "upsampling_ratios": [2, 2], "upsample_groups": 4},
        {"encoder": "encoder.encoder_transformer", "decoder": "decoder.decoder_transformer"},
        ["E0", "E1", "D0", "D1"],
    ),
    "fastspeech2_conformer": (
        FASTSPEECH2,
        {"encoder": "encoder", "decoder": "decoder"},
        ["E0", "E1", "D0", "D1", "D2"],
    ),
    "videoprism_vision_model": (
        VIDEO,
        {"spatial": "", "temporal": ""},
        ["L0", "L1", "L2", "L3", "L4"],
    ),
}  # fmt: skip
"""Model type -> its sizes, the module with the layers of each stream, and the names of layers."""
AROUND = {
    "chmv2": ("CHMv2ForDepthEstimation", {}),
    "fastspeech2_conformer_with_hifigan": ("FastSpeech2ConformerWithHifiGan", FASTSPEECH2),
    "granite_speech5_ctc": ("GraniteSpeech5ForCTC", {}),
    "lasr_ctc": ("LasrForCTC", {}),
    "nemotron3_diarization": ("Nemotron3DiarizationForAudioFrameClassification", {}),
    "parakeet_ctc": ("ParakeetForCTC", {}),
    "slanext": ("SLANeXtForTableRecognition", {}),
    "tipsv2_dpt": ("Tipsv2DptForDepthEstimation", {}),
    "zoedepth": ("ZoeDepthForDepthEstimation", {}),
}  # fmt: skip
"""Model type -> its class, and what the transformer inside it needs beyond `zoo_wide`."""
MORE: dict[str, dict[str, Any]] = {
    "chmv2": {"fusion_hidden_size": 8, "head_hidden_size": 8, "number_output_channels": 8,
              "post_process_channels": [8] * 4},
    "fastspeech2_conformer_with_hifigan": {
        "vocoder_config": {"upsample_initial_channel": 8, "upsample_rates": [2],
                           "upsample_kernel_sizes": [4]}},
    "granite_speech5_ctc": {"vocab_size": 40}, "lasr_ctc": {"vocab_size": 40},
    "parakeet_ctc": {"vocab_size": 40},
    "nemotron3_diarization": {"head_config": {"audio_hidden_size": 32, "hidden_size": 8}},
    "slanext": {"post_conv_in_channels": 8, "post_conv_out_channels": 8, "hidden_size": 8},
    "tipsv2_dpt": {"fusion_hidden_size": 8, "neck_hidden_sizes": [8] * 4},
    "zoedepth": {"neck_hidden_sizes": [8] * 4, "fusion_hidden_size": 8},
}  # fmt: skip
"""What the model around it needs."""
DEEP = {"chmv2", "tipsv2_dpt", "zoedepth"}
"""Their heads take the output of four layers."""


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    """Tiny products are slower on several threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Any:
    @cache
    def built(name: str) -> tuple[Any, Path]:
        model = zoo_wide.build(name, **STACKS[name][0])
        return model, zoo.save(model, tmp_path_factory.mktemp(name))

    return built


@pytest.mark.filterwarnings("ignore")  # of transformers, about configurations this small
@pytest.mark.parametrize("name", STACKS)
def test_each_stack_is_read_as_it_runs(build: Any, name: str) -> None:
    model, folder = build(name)
    weights = ModelWeights(folder)
    _, modules, names = STACKS[name]
    assert [layer.name for layer in weights.shape.layers] == names
    generator = torch.Generator().manual_seed(0)
    for stream, module in modules.items():
        inputs = {"hidden_states": torch.randn(1, 26, 32, generator=generator)}
        if name == "fastspeech2_conformer":
            words = torch.arange(3, 29)[None]
            inputs = {"input_tensor": words if stream == "encoder" else inputs["hidden_states"]}
        if name == "videoprism_vision_model":
            frames = torch.randn(1, 26, 3, 20, 20, generator=generator)
            reading.check(model, weights, {"pixel_values_videos": frames})
            return
        reading.check(model.get_submodule(module), weights, inputs, stream)


def test_each_model_type_of_two_stacks_is_tried() -> None:
    assert {*STACKS, "timesformer"} == {
        name for name, family in families().items() if family.name in IN_STACKS
    }


@pytest.mark.parametrize("name", STACKS)
def test_pairs_are_inside_a_stack(build: Any, name: str) -> None:
    modules = STACKS[name][1]
    weights = ModelWeights(build(name)[1])
    streams = {layer.name: layer.streams["O"] for layer in weights.shape.layers}
    assert set(streams.values()) == set(modules)
    frame = compute(build(name)[1], selection=Selection()).frame
    paired = set()
    for end in frame[["source", "target"]].to_numpy():
        one, two = (re.split("H|KV", str(head))[0] for head in end)
        assert streams[one] == streams[two]
        paired.add(streams[one])
    assert paired == set(modules)


def around(name: str) -> tuple[Any, Any]:
    """A small model around a transformer, and that transformer."""
    row, (kind, sizes) = row_of("_inside.toml", name), AROUND[name]
    inner = zoo_wide.sizes_of(row["type"]) | sizes | {"model_type": row["type"]}
    if name in DEEP:
        inner |= {"num_hidden_layers": 4, "out_indices": [1, 2, 3, 4]}
    config = CONFIG_MAPPING[name](**{row["key"]: inner}, **MORE[name])
    import transformers

    model = zoo.randomised(
        getattr(transformers, kind)._from_config(config, attn_implementation="eager")
    )
    module = row["prefix"].removesuffix(".").replace("vision_encoder", "backbone")
    return model, model.get_submodule(module)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("divided", [True, False])
def test_timesformer_writes_through_a_matrix_after_attention_over_time(
    divided: bool, tmp_path: Path
) -> None:
    kind = "divided_space_time" if divided else "joint_space_time"
    model = zoo_wide.build("timesformer", num_frames=26, attention_type=kind)
    weights = ModelWeights(zoo.save(model, tmp_path))
    video = torch.randn(1, 26, 3, 20, 20, generator=torch.Generator().manual_seed(0))
    names = ["L0", "L1", "L2", "L3"] if divided else ["L0", "L1"]
    assert [layer.name for layer in weights.shape.layers] == names
    if divided:  # what a vector becomes on its way to the residual stream
        for block in range(2):
            layer = model.get_submodule(f"encoder.layer.{block}")
            axes = torch.cat([torch.eye(32), torch.zeros(1, 32)])
            with torch.no_grad():
                written = layer.temporal_dense(layer.temporal_attention.output.dense(axes))
            found = (written[:-1] - written[-1:]).reshape(4, 8, 32).transpose(1, 2).numpy()
            np.testing.assert_allclose(weights.raw_layer(2 * block)["O"], found, atol=1e-4)
            both = torch.nn.Linear(32, 32)
            with torch.no_grad():
                both.weight.copy_((written[:-1] - written[-1:]).T)
                both.bias.copy_(written[-1])
            layer.temporal_attention.output.dense = both
            layer.temporal_dense = torch.nn.Identity()
    reading.check(model, weights, {"pixel_values": video})


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", AROUND)
def test_the_transformer_inside_a_model(name: str, tmp_path: Path) -> None:
    """The matrices read are those that the inner model has when it is saved alone."""
    model, inner = around(name)
    weights = ModelWeights(zoo.save(model, tmp_path / "whole"))
    assert weights.tower is None
    assert weights.family.name == families()[row_of("_inside.toml", name)["type"]].name
    alone = ModelWeights(zoo.save(inner, tmp_path / "alone"))
    assert weights.shape == alone.shape
    for layer in weights.shape.layers:
        for role in "QKVO":
            np.testing.assert_array_equal(
                weights.raw_layer(layer.index)[role], alone.raw_layer(layer.index)[role]
            )


def test_each_model_around_a_transformer_is_tried() -> None:
    lines = (FOLDER / "_inside.toml").read_text("utf-8").splitlines()
    assert set(AROUND) == {line.split('"')[1] for line in lines if line.startswith('"')}


def test_attention_of_another_kind_is_refused_with_its_reason() -> None:
    rows = tomllib.loads((FOLDER / "_refused.toml").read_text("utf-8"))
    assert "mobilebert" in rows
    assert not rows.keys() & families().keys()
    assert rows.keys() <= set(CONFIG_MAPPING.keys())
    for model_type, row in rows.items():
        with pytest.raises(ModelError, match="which cannot be read: it") as told:
            part_of({"model_type": model_type, "text_config": {"model_type": "llama"}})
        assert str(told.value).endswith(row["reason"])
        assert len(str(told.value)) < 300


@pytest.mark.parametrize(
    ("config", "error", "message"),
    [
        ({"model_type": "zoedepth"}, ModelError, "backbone_config = None: expected the config"),
        ({"model_type": "zoedepth", "backbone_config": 3}, ModelError, "backbone_config = 3"),
        ({"model_type": "zoedepth", "backbone_config": {"model_type": "x"}}, UnknownFamily,
         "model_type 'zoedepth', whose transformer is a 'x', which no family describes"),
    ],
)  # fmt: skip
def test_a_model_without_a_known_transformer_is_refused(
    config: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message) as told:
        part_of(config)
    assert len(str(told.value)) < 300
