"""Adapters made by hand: the known answer, and what is refused."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from headgraph.pk_engine import compute
from headgraph.pk_engine.errors import EngineError
from headgraph.pk_engine.models.location import locate
from headgraph.pk_engine.models.origin import sentences
from headgraph.pk_engine.models.weights import ModelWeights
from tests.commands import headgraph
from tests.pk_engine.adapters import by_hand, same
from tests.pk_engine.checkpoints import LLAMA_CONFIG, LONG, llama_tensors, save
from tests.pk_engine.hub_server import HubServer, Repo, folder_files
from tests.sentences import refused


def test_the_known_answer_by_hand(tmp_path: Path) -> None:
    found = ModelWeights(by_hand(tmp_path))
    plain = ModelWeights(tmp_path / "base")
    # A and B are ones, so B A is 2, and alpha / r is 2
    assert np.allclose(found.raw_layer(0)["Q"], plain.raw_layer(0)["Q"] + 4, atol=1e-6)
    assert (found.raw_layer(0)["K"] == plain.raw_layer(0)["K"]).all()
    assert (found.raw_layer(1)["Q"] == plain.raw_layer(1)["Q"]).all()


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"peft_type": "VERA"}, "peft_type = 'VERA': expected 'LORA'"),
        ({"peft_type": LONG * 3}, "expected 'LORA'"),
        ({"peft_type": None}, "peft_type = None"),
        ({"r": 0}, "r = 0: expected a whole number above 0"),
        ({"r": 2.5}, "r = 2.5: expected a whole number above 0"),
        ({"lora_alpha": "16"}, "lora_alpha = '16': expected a number above 0"),
        ({"lora_alpha": float("nan")}, "lora_alpha = nan: expected a number above 0"),
        ({"rank_pattern": [1]}, "rank_pattern = [1]: expected an object"),
        ({"rank_pattern": {"(": 1}}, "the pattern '(' in rank_pattern, which is no regular"),
        ({"alpha_pattern": {"a" * 999: 1}}, "expected at most 200 characters"),
        ({"rank_pattern": {"q_proj": 3}}, "expected floats of the rank 3, as adapter_config.json"),
        ({"alora_invocation_tokens": [5]}, "alora_invocation_tokens = [5] (activated LoRA"),
        ({"layer_replication": [[0, 2]]}, "layer_replication = [[0, 2]] (layers that are"),
        ({"init_lora_weights": "olora"}, "init_lora_weights = 'olora'"),
        ({"init_lora_weights": "pissa_niter_4"}, "init_lora_weights = 'pissa_niter_4'"),
        ({"fan_in_fan_out": True}, "changes a matrix of (24, 16), and"),
        ({"base_model_name_or_path": None}, "names no base model: give the base model"),
        ({"base_model_name_or_path": "/no/where"}, "its base '/no/where' cannot be read (no"),
        ({"base_model_name_or_path": "~nobody-here/x"}, "names a user that"),
        ({"base_model_name_or_path": LONG * 4 + "/x"}, "cannot be read"),
        ({"base_model_name_or_path": "a\0b"}, "only an adapter, and its base 'a\\x00b' cannot"),
        ({"base_model_name_or_path": "C:\\x"}, "is no folder and no hub id): give the base"),
        ({"use_rslora": "true"}, "use_rslora = 'true': expected true or false"),
        ({"fan_in_fan_out": 1}, "fan_in_fan_out = 1: expected true or false"),
        ({"rank_pattern": {"(?i)Q_PROJ": 2}}, "which is no regular expression (global flags"),
        ({"rank_pattern": {"a{99999999999999999999}": 2}}, "(the repetition number is too large)"),
        ({"rank_pattern": {"(" * 5000: 2}}, "expected at most 200 characters"),
        ({"alpha_pattern": {"([a-z_.0-9]+)+!": 3}}, "repetitions, and none of a group; write the"),
        ({"alpha_pattern": {"(a|a){2,}!": 3}}, "repetitions, and none of a group; write the"),
        ({"alpha_pattern": {".*" * 10 + "!": 3}}, "expected at most 3 repetitions, and none of"),
    ],
)  # fmt: skip
def test_settings_that_are_refused(tmp_path: Path, settings: dict[str, Any], text: str) -> None:
    folder = by_hand(tmp_path, **settings)
    assert text in refused(lambda: ModelWeights(folder))


def test_a_base_on_a_hub_that_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    folder = by_hand(tmp_path, base_model_name_or_path="team/base")
    said = refused(lambda: ModelWeights(folder))
    assert said.startswith(f"the folder {folder} holds only an adapter, and its base 'team/base' ")
    assert said.endswith("give the base model and adapter=FOLDER")
    assert ModelWeights(tmp_path / "base", adapter=folder).name == "base+lora"


def test_a_base_on_the_hub(tmp_path: Path, server: HubServer) -> None:
    folder = by_hand(tmp_path, base_model_name_or_path="team/llama", revision="main")
    server.repos["team/llama"] = Repo()
    commit = server.repos["team/llama"].commit(folder_files(tmp_path / "base"), "main")
    found = ModelWeights(folder)
    assert (found.name, found.revision) == ("team/llama+lora", commit)
    same(found, ModelWeights(tmp_path / "base", adapter=folder))


def test_an_adapter_on_the_hub(
    tmp_path: Path, server: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    folder = by_hand(tmp_path)
    server.repos["team/lora"] = Repo()
    server.repos["team/lora"].commit(folder_files(folder), "main")
    found = ModelWeights(tmp_path / "base", adapter="team/lora")
    assert found.name == "base+lora"
    assert found.origin["adapter"] == "team/lora (LoRA, attention matrices changed: 1)"
    here = ModelWeights(tmp_path / "base", adapter=folder)
    assert found.origin["adapter_sha256"] == here.origin["adapter_sha256"]
    same(found, here)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    same(ModelWeights(tmp_path / "base", adapter="team/lora"), here)


def test_what_is_no_adapter_on_the_hub(tmp_path: Path, server: HubServer) -> None:
    base = save(tmp_path / "base", llama_tensors(), LLAMA_CONFIG)
    server.repos["team/llama"], server.repos["team/lora"] = Repo(), Repo()
    server.repos["team/llama"].commit(folder_files(base), "main")
    server.repos["team/lora"].commit({"adapter_config.json": b"{}"}, "main")
    for name in ("team/llama", "team/lora"):
        said = refused(lambda name=name: ModelWeights(base, adapter=name))  # type: ignore[misc]
        assert said.startswith(f"{name} is no adapter on the hub: expected a repository with")
    assert "the hub has no such model" in refused(lambda: ModelWeights(base, adapter="team/none"))
    said = refused(lambda: ModelWeights("team/lora"))
    assert said.endswith("give its base model, and adapter='team/lora'")


def test_a_variant_on_the_hub(tmp_path: Path, server: HubServer) -> None:
    folder = save(tmp_path / "llama", llama_tensors(), LLAMA_CONFIG)
    half = {name: (2 * matrix).astype(np.float16) for name, matrix in llama_tensors().items()}
    save_file(half, folder / "model.fp16.safetensors")
    server.repos["team/llama"] = Repo()
    commit = server.repos["team/llama"].commit(folder_files(folder), "main")
    found = ModelWeights("team/llama", commit, variant="fp16")
    plain = ModelWeights("team/llama", commit)  # the cache holds the variant alone
    assert ModelWeights("team/llama", variant="fp16").origin == found.origin
    assert (plain.origin, found.origin) == ({}, {"variant": "fp16"})
    assert np.allclose(found.raw_layer(0)["Q"], 2 * plain.raw_layer(0)["Q"], atol=0.01)
    said = refused(lambda: ModelWeights("team/llama", variant="bf16"))
    assert "variant='bf16': no such variant; expected one of fp16" in said


Q0 = "base_model.model.model.layers.0.self_attn.q_proj"


@pytest.mark.parametrize(
    ("tensors", "text"),
    [
        ({f"{Q0}.lora_A.weight": np.ones((2, 24))}, "has lora_A of model.layers.0.self_attn.q"),
        ({f"{Q0}.lora_A.weight": np.ones((2, 24)), f"{Q0}.lora_B.weight": np.ones((16, 3))},
         "expected floats of the rank 2"),
        ({f"{Q0}.lora_A.weight": np.ones((2, 23)), f"{Q0}.lora_B.weight": np.ones((16, 2))},
         "changes a matrix of (16, 23), and model.layers.0.self_attn.q_proj.weight"),
        ({f"{Q0}.lora_A.a.weight": np.ones((2, 24)), f"{Q0}.lora_A.b.weight": np.ones((2, 24))},
         "holds two adapters of model.layers.0.self_attn.q_proj"),
        ({f"{Q0}.lora_magnitude_vector": np.ones(16)}, "of the adapter is DoRA's"),
        ({f"{Q0}.lora_C.weight": np.ones(16)}, "of the adapter is not LoRA's"),
        ({f"{Q0}.weight": np.ones((16, 24))}, "(modules_to_save)"),
        ({name.replace("0", "7"): w for name, w in
          {f"{Q0}.lora_A.weight": np.ones((2, 24)),
           f"{Q0}.lora_B.weight": np.ones((16, 2))}.items()},
         "changes 'model.layers.7.self_attn.q_proj', which the model does not have"),
        ({"x": np.ones(1)}, "holds no matrices of LoRA: fetch or save it again"),
        ({"base_model.model.transformer.h.0.attn.c_attn.lora_A.weight": np.ones((2, 24)),
          "base_model.model.transformer.h.0.attn.c_attn.lora_B.weight": np.ones((72, 2))},
         "changes 'transformer.h.0.attn.c_attn' and the like, and the model has none of these"),
        ({f"{Q0}.modules_to_save.weight": np.ones((16, 24))}, "(modules_to_save)"),
        ({f"{Q0}.modules_to_save.default.weight": np.ones((16, 24))}, "(modules_to_save)"),
        ({f"{Q0}.base_layer.weight": np.ones((16, 24))}, "(modules_to_save)"),
    ],
)  # fmt: skip
def test_tensors_that_are_refused(tmp_path: Path, tensors: dict[str, Any], text: str) -> None:
    folder = by_hand(tmp_path, tensors)
    assert text in refused(lambda: ModelWeights(folder))


def test_what_torch_compile_adds_to_names(tmp_path: Path) -> None:
    name = Q0.replace("model.model.", "model._orig_mod.model.")
    pair = {f"{name}.lora_A.weight": np.ones((2, 24)), f"{name}.lora_B.weight": np.ones((16, 2))}
    same(ModelWeights(by_hand(tmp_path / "a", pair)), ModelWeights(by_hand(tmp_path / "b")))


def test_numbers_that_overflow(tmp_path: Path) -> None:
    pair = {f"{Q0}.lora_A.weight": np.ones((2, 24)), f"{Q0}.lora_B.weight": np.full((16, 2), 3e38)}
    weights = ModelWeights(by_hand(tmp_path, pair))
    assert "holds NaN or Inf" in refused(lambda: weights.raw_layer(0))


def test_a_revision_is_that_of_a_base_on_the_hub(tmp_path: Path) -> None:
    assert ModelWeights(by_hand(tmp_path, revision="main")).revision is None


def test_the_base_is_said_where_the_adapter_names_it(tmp_path: Path) -> None:
    folder = by_hand(tmp_path, base_model_name_or_path="../base")
    said = sentences(ModelWeights(folder).origin)
    assert said[0] == "the base model is base, which the settings of the adapter name"
    assert "base" not in ModelWeights(tmp_path / "base", adapter=folder).origin


def test_folders_that_are_refused(tmp_path: Path) -> None:
    folder = by_hand(tmp_path)
    base = tmp_path / "base"
    assert "is no folder with an adapter" in refused(lambda: ModelWeights(base, adapter=base))
    assert "adapter is empty: expected a folder or a hub id" in refused(
        lambda: ModelWeights(base, adapter="")
    )
    assert refused(lambda: ModelWeights(base, adapter=tmp_path / "none")).startswith("no folder ")
    assert "has an adapter already" in refused(lambda: ModelWeights(folder, adapter=folder))
    (base / "adapter_config.json").write_text("{}")
    assert "holds an adapter (adapter_config.json) beside a whole model" in refused(
        lambda: ModelWeights(base)
    )
    (base / "adapter_config.json").unlink()
    second = tmp_path / "second"
    second.mkdir()
    (second / "adapter_config.json").write_text(
        json.dumps({"peft_type": "LORA", "base_model_name_or_path": os.fspath(folder)})
    )
    assert "which is an adapter too: give the base" in refused(lambda: locate(second))
    assert "has adapter_config.json and no adapter_model.safetensors" in refused(
        lambda: ModelWeights(base, adapter=second)
    )


@pytest.mark.parametrize("option", ["adapter", "variant"])
def test_through_transformer_lens(tmp_path: Path, option: str) -> None:
    folder = by_hand(tmp_path)
    given: dict[str, Any] = {option: os.fspath(folder)}
    with pytest.raises(EngineError, match=f"{option}='.*': it applies to files only; leave it out"):
        compute(tmp_path / "base", via="transformer-lens", **given)
    with pytest.raises(EngineError, match="holds an adapter, which TransformerLens does not merge"):
        compute(folder, via="transformer-lens")


def test_the_command(tmp_path: Path) -> None:
    folder = by_hand(tmp_path)
    done = headgraph("compute", str(tmp_path / "base"), "--adapter", str(folder), "--all",
                  "-o", str(tmp_path / "t.parquet"))  # fmt: skip
    assert (
        "note: the adapter lora (LoRA, attention matrices changed: 1) was merged in" in done.stderr
    )
    assert done.returncode == 0
