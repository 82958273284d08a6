"""Models of several parts: the language model by default, the vision encoder on request."""

import json
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from headgraph.pk_engine.errors import EngineError, ModelError, UnknownFamily, WeightsError
from headgraph.pk_engine.models.families.catalogue import families
from headgraph.pk_engine.models.families.class_defaults import FOLDER, row_of
from headgraph.pk_engine.models.towers import KEYS, part_of
from headgraph.pk_engine.models.weights import ModelWeights
from tests.pk_engine import TRANSFORMERS
from tests.pk_engine.checkpoints import LLAMA_CONFIG, llama_tensors, save
from tests.pk_engine.models.test_model_types import UNEQUAL

pytest.importorskip("torch", reason="the small models are run with torch")
pytest.importorskip("transformers", minversion=TRANSFORMERS, reason="and built by transformers")

import torch
import transformers
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
from transformers.utils import logging

from headgraph import compute, plan
from tests.pk_engine import reading, zoo, zoo_wide

logging.disable_progress_bar()

WRAPPERS: dict[str, tuple[str, dict[str, Any]]] = {
    "llama4": ("Llama4ForConditionalGeneration", {}),
    "mistral3": ("Mistral3ForConditionalGeneration", {}),
    "llava": ("LlavaForConditionalGeneration", {}),
    "llava_next": ("LlavaNextForConditionalGeneration", {}),
    "llava_onevision": ("LlavaOnevisionForConditionalGeneration", {}),
    "qwen2_vl": ("Qwen2VLForConditionalGeneration", {}),
    "qwen2_5_vl": ("Qwen2_5_VLForConditionalGeneration", {}),
    "qwen3_vl": ("Qwen3VLForConditionalGeneration", {}),
    "qwen3_vl_moe": ("Qwen3VLMoeForConditionalGeneration", {}),
    "paligemma": ("PaliGemmaForConditionalGeneration", {}),
    "internvl": ("InternVLForConditionalGeneration", {}),
    "smolvlm": ("SmolVLMForConditionalGeneration", {}),
    "idefics3": ("Idefics3ForConditionalGeneration", {}),
    "gemma3": ("Gemma3ForConditionalGeneration", {}),
    "aya_vision": ("AyaVisionForConditionalGeneration", {}),
    "clip": ("CLIPModel", {}),
    "siglip": ("SiglipModel", {}),
}
"""A wrapper's class, and what its configuration needs beyond the parts."""


def build(wrapper: str) -> Any:
    """A small model of two parts, each as small as those of `zoo_wide`."""
    name, more = WRAPPERS[wrapper]
    usual = row_of("_wrappers.toml", wrapper)
    parts = {
        KEYS[tower][0]: zoo_wide.sizes_of(part) | {"model_type": part}
        for tower, part in usual.items()
    }
    config = CONFIG_MAPPING[wrapper](**parts, **more)
    model = getattr(transformers, name)._from_config(config, attn_implementation="eager")
    return zoo.randomised(model)


@pytest.fixture(scope="module", params=WRAPPERS)
def wrapper(request: pytest.FixtureRequest, tmp_path_factory: Any) -> tuple[Any, Path]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    model = build(request.param)
    folder = tmp_path_factory.mktemp(request.param)
    model.save_pretrained(folder)
    torch.set_num_threads(threads)
    return model, folder


def stored(model: Any, weights: ModelWeights) -> None:
    """Hold each tensor that is read against the part's own in the network."""
    own = {name: value.numpy() for name, value in model.state_dict().items()}
    for spec in weights.family.tensors:
        read = np.asarray(weights._files.read(weights._name(spec.name, weights.shape.layers[1])))
        equal = [name for name, value in own.items() if np.array_equal(value, read)]
        assert len(equal) == 1
        assert ("vis" in equal[0]) == (weights.tower == "vision"), equal


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("tower", [None, "vision"])
def test_each_part_of_a_wrapper(wrapper: tuple[Any, Path], tower: str | None) -> None:
    model, folder = wrapper
    weights = ModelWeights(folder, tower=tower)
    assert weights.tower == (tower or "language")
    assert (weights.shape.n_layers, weights.shape.d_model) == (2, 32)
    stored(model, weights)


@pytest.mark.filterwarnings("ignore")
def test_tables_say_which_part_they_are_of(wrapper: tuple[Any, Path]) -> None:
    _, folder = wrapper
    language, vision = compute(folder), compute(folder, tower="vision")
    assert (language.meta.tower, vision.meta.tower) == (None, "vision")
    assert vision.meta.model == f"{language.meta.model}-vision"
    assert language.meta.fingerprint != vision.meta.fingerprint
    planned = plan(folder, tower="vision", calibrate=False)
    assert (planned.model, planned.family) == (vision.meta.model, vision.meta.family)
    assert plan(folder, calibrate=False).shape.n_kv_heads == language.meta.n_kv_heads


@pytest.mark.filterwarnings("ignore")
def test_the_language_part_is_what_runs(wrapper: tuple[Any, Path]) -> None:
    model, folder = wrapper
    if model.config.model_type in {"clip", "siglip"}:
        return  # their text encoders are tried alone
    inner = getattr(model, "model", model)  # Llama 4 has its parts at the top
    language = getattr(inner, "language_model", None) or inner.text_model
    reading.check(language, ModelWeights(folder), {"input_ids": torch.arange(3, 27)[None]})


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("tower", [None, "vision"])
def test_the_prefix_of_a_training_tool_stands_before_all_parts(
    wrapper: tuple[Any, Path], tower: str | None, tmp_path: Path
) -> None:
    _, folder = wrapper
    tensors = load_file(folder / "model.safetensors")
    config = json.loads((folder / "config.json").read_text())
    found = ModelWeights(
        save(tmp_path, {f"module.{name}": w for name, w in tensors.items()}, config), tower=tower
    )
    plain = ModelWeights(folder, tower=tower)
    for role in "QKVO":
        assert (found.raw_layer(1)[role] == plain.raw_layer(1)[role]).all()
    assert found.origin == {"prefix": "module."}


@pytest.mark.filterwarnings("ignore")
def test_an_adapter_of_both_parts(wrapper: tuple[Any, Path], tmp_path: Path) -> None:
    """B A is ones, and only matrices of the part that is read are counted."""
    _, folder = wrapper
    tensors = load_file(folder / "model.safetensors")
    counts = {}
    for tower in ("language", "vision"):
        plain = ModelWeights(folder, tower=tower)
        names = {plain._name(spec.name, layer) for spec in plain.family.tensors
                 for layer in plain.shape.layers}  # fmt: skip
        counts[tower] = {name.removesuffix(".weight"): tensors[name].shape for name in names}
    lora = tmp_path / "lora"
    lora.mkdir()
    pairs = {}
    for module, (out, width) in (counts["language"] | counts["vision"]).items():
        start = f"base_model.model.{module}.lora_"
        pairs |= {f"{start}A.weight": np.ones((1, width), np.float32),
                  f"{start}B.weight": np.ones((out, 1), np.float32)}  # fmt: skip
    save_file(pairs, lora / "adapter_model.safetensors")
    settings = {"peft_type": "LORA", "r": 1, "lora_alpha": 1}
    (lora / "adapter_config.json").write_text(json.dumps(settings))
    for tower, own in counts.items():
        plain = ModelWeights(folder, tower=tower)
        found = ModelWeights(folder, tower=tower, adapter=lora)
        for role in "QKVO":
            assert np.allclose(found.raw_layer(1)[role], plain.raw_layer(1)[role] + 1, atol=1e-6)
        assert f"attention matrices changed: {len(own)})" in found.origin["adapter"]


OLDER = [
    ("llava", "vision", "vision_tower.", "vision_tower.vision_model."),
    ("paligemma", "vision", "vision_tower.", "vision_tower.vision_model."),
    ("gemma3", "vision", "vision_tower.", "vision_tower.vision_model."),
    ("llava", None, "language_model.model.", "model.language_model."),
    ("qwen2_vl", None, "model.", "model.language_model."),
    ("qwen2_vl", "vision", "visual.", "model.visual."),
    ("qwen3_vl", "vision", "model.visual.", "visual."),
    ("smolvlm", None, "model.text_model.", "text_model."),
    ("internvl", "vision", "vision_tower.", "model.vision_tower."),
    ("mistral3", "vision", "vision_tower.", "model.vision_tower."),
]
"""Names of the same tensors in files of other versions of transformers."""


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "tower", "here", "there"), OLDER)
def test_names_of_other_versions(
    name: str, tower: str | None, here: str, there: str, tmp_path: Path
) -> None:
    build(name).save_pretrained(tmp_path)
    before = ModelWeights(tmp_path, tower=tower).raw_layer(1)
    file = tmp_path / "model.safetensors"
    tensors = load_file(file)
    assert any(key.startswith(here) for key in tensors)
    renamed = {
        there + key.removeprefix(here) if key.startswith(here) else key: tensor
        for key, tensor in tensors.items()
    }
    save_file(renamed, file)
    after = ModelWeights(tmp_path, tower=tower).raw_layer(1)
    assert all((after[role] == before[role]).all() for role in "QKVO")


# ----- forms of the configuration


def test_a_part_without_sizes_has_those_of_its_class() -> None:
    """LLaVA 1.5 says of its language model only that it is a Llama."""
    config = {"model_type": "llava", "text_config": {"model_type": "llama", "vocab_size": 32064}}
    part = part_of(config)
    assert (part.config["hidden_size"], part.config["num_hidden_layers"]) == (4096, 32)


def test_sizes_beside_vision_config_are_those_of_language() -> None:
    """Qwen2-VL's first files."""
    sizes = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = {"model_type": "qwen2_vl", "vision_config": {"depth": 3}, **sizes}
    assert part_of(config).config["model_type"] == "qwen2_vl_text"
    assert part_of(config).config["hidden_size"] == 24
    assert part_of(config, "vision").config["depth"] == 3


def test_a_part_that_a_family_reads_inside_its_wrapper_has_the_values_of_its_class() -> None:
    """Transformers leaves out of text_config what is as the class of that part says."""
    inner = {"model_type": "qwen3_5_text", "num_hidden_layers": 2, "hidden_size": 64,
             "layer_types": ["linear_attention", "full_attention"]}  # fmt: skip
    config = part_of({"model_type": "qwen3_5", "text_config": inner}).config
    usual = row_of("_defaults.toml", "qwen3_5_text")
    shape = families()["qwen3_5"].shape(config)
    assert (shape.n_heads, shape.n_kv_heads) == (
        usual["num_attention_heads"], usual["num_key_value_heads"]
    )  # fmt: skip
    assert shape == families()["qwen3_5_text"].shape(usual | inner)


def test_a_part_has_the_quantisation_of_its_wrapper() -> None:
    """With it, packed matrices are refused by the name of their scheme."""
    config = {"model_type": "llava", "text_config": {"model_type": "llama"},
              "quantization_config": {"quant_method": "gptq", "bits": 4}}  # fmt: skip
    assert part_of(config).config["quantization_config"] == config["quantization_config"]


@pytest.mark.parametrize(
    ("config", "tower", "error", "message"),
    [
        ({"model_type": "newvl", "text_config": {"model_type": "llama"}}, None, UnknownFamily,
         "'newvl', a wrapper that no file describes, around a 'llama' in text_config: save that"),
        ({"model_type": "llava", "text_config": {"model_type": "rwkv"}}, None, UnknownFamily,
         "'llava', whose language part is a 'rwkv', which no family describes"),
        ({"model_type": "fast_vlm"}, "vision", UnknownFamily,
         "whose vision part is a 'timm_wrapper', which no family describes"),
        ({"model_type": "voxtral"}, "vision", ModelError,
         "tower='vision': a 'voxtral' model has no such transformer"),
        ({"model_type": "gemma4", "vision_config": {"hidden_size": 8}}, "vision", ModelError,
         "tower='vision': a 'gemma4' model has no such transformer"),
        ({"model_type": "llama"}, "vision", ModelError,
         "tower='vision': a 'llama' model is not known to have several parts; leave it out"),
        ({"model_type": "clip"}, "audio", ModelError,
         "unknown tower 'audio': expected language or vision"),
    ],
)  # fmt: skip
def test_refusals(
    config: dict[str, Any], tower: str | None, error: type[ModelError], message: str
) -> None:
    with pytest.raises(error) as told:
        part_of(config, tower)
    assert message in str(told.value)
    assert len(str(told.value)) < 300


def test_a_checkpoint_without_the_part_is_refused_in_one_sentence(tmp_path: Path) -> None:
    sizes = {"model_type": "llama", **{k: v for k, v in LLAMA_CONFIG.items() if k != "model_type"}}
    vision = {"model_type": "clip_vision_model", "hidden_size": 16, "num_attention_heads": 2,
              "num_hidden_layers": 1}  # fmt: skip
    config = {"model_type": "llava", "text_config": sizes, "vision_config": vision}
    folder = save(tmp_path, llama_tensors(), config)
    assert ModelWeights(folder).tower == "language"
    with pytest.raises(WeightsError, match=r"no tensor encoder\.layers\.0\.self_attn") as told:
        ModelWeights(folder, tower="vision")
    assert len(str(told.value)) < 300


def test_transformer_lens_has_no_towers(tmp_path: Path) -> None:
    folder = save(tmp_path, llama_tensors(), LLAMA_CONFIG)
    with pytest.raises(EngineError, match="tower='vision': it applies to files only"):
        compute(folder, via="transformer-lens", tower="vision")


# ----- what transformers says


def shapes(model_type: str, config: dict[str, Any]) -> Any:
    """The sizes, or why there are none: some classes' own heads do not divide their width."""
    try:
        return families()[model_type].shape(config)
    except ModelError as error:
        return str(error)


@pytest.mark.parametrize(
    "model_type", sorted(families().keys() & set(CONFIG_MAPPING.keys()) - UNEQUAL)
)
def test_absent_keys_are_read_as_transformers_reads_them(model_type: str) -> None:
    """A configuration of depth, heads and width, against one with every value written out."""
    needed = {key for size in ("n_layers", "n_heads", "d_model")
              for key in families()[model_type].config[size]}  # fmt: skip
    usual = row_of("_defaults.toml", model_type)
    few = {key: value for key, value in usual.items() if key in needed}
    full = json.loads(json.dumps(CONFIG_MAPPING[model_type](**few).to_dict(), default=str))
    assert shapes(model_type, {"model_type": model_type, **few}) == shapes(model_type, full)


def test_a_wrapper_whose_usual_language_part_is_not_read() -> None:
    rows = tomllib.loads((FOLDER / "_wrappers.toml").read_text("utf-8"))
    name, part = next(
        (name, parts["language"]) for name, parts in rows.items()
        if not {name, parts["language"]} & families().keys()
    )  # fmt: skip
    with pytest.raises(UnknownFamily, match=f"'{name}', whose language part is a '{part}', which"):
        part_of({"model_type": name})


def test_the_page_counts_what_is_read() -> None:
    from benchmarks import coverage

    states = {row["model_type"]: row["state"] for row in coverage.rows()}
    read = {name for name, state in states.items() if state == "read"}
    named = families().keys() & set(CONFIG_MAPPING.keys())
    assert {name for name in named if CONFIG_MAPPING[name].model_type == name} <= read
    for name in read - families().keys():
        if around := row_of("_inside.toml", name):
            assert around["type"] in families()
        else:
            assert part_of({"model_type": name}).tower == "language"


def test_the_parts_of_wrappers_are_those_of_transformers() -> None:
    from benchmarks import architectures

    found = dict(architectures.wrappers())
    assert found
    for model_type, parts in found.items():
        assert row_of("_wrappers.toml", model_type) == parts
    for model_type, values in architectures.defaults():
        assert row_of("_defaults.toml", model_type) == values
