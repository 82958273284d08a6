"""Adapters merged while they are read: as peft merges them, or refused by name."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from headgraph.pk_engine import Selection, compute
from headgraph.pk_engine.models.origin import sentences
from headgraph.pk_engine.models.weights import ModelWeights
from headgraph.pk_engine.planning._plan import plan
from tests.pk_engine.adapters import change, same
from tests.pk_engine.checkpoints import save
from tests.sentences import refused

peft = pytest.importorskip("peft", reason="it makes and merges the adapters")

import torch  # noqa: E402
import transformers  # noqa: E402

KINDS: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "llama": ("Llama", {"num_hidden_layers": 2, "num_attention_heads": 4, "hidden_size": 24,
                        "num_key_value_heads": 2, "head_dim": 8, "intermediate_size": 12,
                        "vocab_size": 32}, ["q_proj", "k_proj", "v_proj", "o_proj", "up_proj"]),
    "gpt2": ("GPT2", {"n_layer": 2, "n_head": 4, "n_embd": 24, "vocab_size": 32,
                      "n_positions": 16}, ["c_attn", "c_proj"]),
}  # fmt: skip


def network(kind: str) -> Any:
    name, sizes, _ = KINDS[kind]
    model = getattr(transformers, f"{name}LMHeadModel" if name == "GPT2" else f"{name}ForCausalLM")
    torch.manual_seed(0)
    return model(getattr(transformers, f"{name}Config")(**sizes))


def trained(kind: str, folder: Path, **settings: Any) -> Any:
    """A model with an adapter whose matrices are not 0; saved as `base` and `lora`."""
    model = network(kind)
    model.save_pretrained(folder / "base")
    defaults = {"r": 3, "lora_alpha": 5, "target_modules": KINDS[kind][2],
                "fan_in_fan_out": kind == "gpt2"}  # fmt: skip
    model.name_or_path = str(folder / "base")
    adapted = peft.get_peft_model(model, peft.LoraConfig(**(defaults | settings)))
    adapted.peft_config["default"].base_model_name_or_path = str(folder / "base")
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_" in name:
                parameter.copy_(torch.randn_like(parameter))
    adapted.save_pretrained(folder / "lora")
    return adapted


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"use_rslora": True},
        {"rank_pattern": {"layers.1.self_attn.q_proj": 2, "h.1.attn.c_attn": 2},
         "alpha_pattern": {"o_proj": 7, r"h\.\d+\.attn\.c_proj": 9}},
        {"layers_to_transform": [1]},
        {"bias": "all"},
        {"init_lora_weights": "gaussian"},
    ],
    ids=["plain", "rslora", "patterns", "one-layer", "bias", "gaussian"],
)  # fmt: skip
def test_as_peft_merges(tmp_path: Path, kind: str, settings: dict[str, Any]) -> None:
    adapted = trained(kind, tmp_path, **settings)
    adapted.merge_and_unload().save_pretrained(tmp_path / "merged")
    merged = ModelWeights(tmp_path / "merged")
    plain = ModelWeights(tmp_path / "base")
    found = ModelWeights(tmp_path / "base", adapter=tmp_path / "lora")
    same(found, merged)
    difference = [np.abs(found.raw_layer(1)[r] - plain.raw_layer(1)[r]).max() for r in "QKVO"]
    assert min(difference) > 0.1, "each role is changed"
    same(ModelWeights(tmp_path / "lora"), merged)


@pytest.mark.filterwarnings("ignore")
def test_a_table_names_the_adapter(tmp_path: Path) -> None:
    trained("llama", tmp_path)
    options = {"selection": Selection(), "metrics": "pk,cs"}
    plain = compute(tmp_path / "base", **options)  # type: ignore[arg-type]
    table = compute(tmp_path / "base", adapter=tmp_path / "lora", **options)  # type: ignore[arg-type]
    alone = compute(tmp_path / "lora", **options)  # type: ignore[arg-type]
    assert (table.meta.model, plain.meta.model) == ("base+lora", "base")
    assert table.meta.fingerprint != plain.meta.fingerprint
    assert alone.meta.origin.pop("base") == "base"  # without its path
    assert alone.meta == table.meta
    assert set(table.meta.origin) == {"adapter", "adapter_sha256"}
    assert sentences(table.meta.origin) == [
        "the adapter lora (LoRA, attention matrices changed: 8) was merged in"
    ]
    assert plan(tmp_path / "lora", calibrate=False).model == "base+lora"


@pytest.mark.filterwarnings("ignore")
def test_names_with_and_without_the_familys_prefix(tmp_path: Path) -> None:
    trained("gpt2", tmp_path)
    found = ModelWeights(tmp_path / "lora")
    tensors = load_file(tmp_path / "base" / "model.safetensors")
    bare = {name.removeprefix("transformer."): w for name, w in tensors.items()}
    config = json.loads((tmp_path / "base" / "config.json").read_text())
    same(ModelWeights(save(tmp_path / "bare", bare, config), adapter=tmp_path / "lora"), found)


@pytest.mark.filterwarnings("ignore")
def test_the_base_is_found_beside_the_adapter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained("llama", tmp_path)
    change(tmp_path / "lora", base_model_name_or_path="../base")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert ModelWeights(tmp_path / "lora").name == "base+lora"
    monkeypatch.chdir(tmp_path)
    change(tmp_path / "lora", base_model_name_or_path="base")
    assert ModelWeights("lora/").name == "base+lora"


@pytest.mark.filterwarnings("ignore")
def test_modules_that_are_saved_whole(tmp_path: Path) -> None:
    adapted = trained("llama", tmp_path, modules_to_save=["lm_head", "input_layernorm"],
                      target_modules=["q_proj"])  # fmt: skip
    found = ModelWeights(tmp_path / "lora")
    assert found.raw_layer(0)["Q"].shape == (4, 24, 8)
    norm = "model.layers.0.input_layernorm.weight"
    said = refused(lambda: ModelWeights(tmp_path / "lora", fold_ln=True))
    assert said == (
        f"the adapter 'lora' replaces '{norm}' (modules_to_save): merge it into its model first "
        "(merge_and_unload in peft)"
    )
    del adapted
    trained("llama", tmp_path / "b", modules_to_save=["v_proj"], target_modules=["q_proj"])
    assert "v_proj.weight' (modules_to_save)" in refused(lambda: ModelWeights(tmp_path / "b/lora"))


@pytest.mark.filterwarnings("ignore")
def test_dora_and_others_are_refused_by_name(tmp_path: Path) -> None:
    trained("llama", tmp_path / "dora", use_dora=True)
    assert "use_dora = True (DoRA), which is not supported" in refused(
        lambda: ModelWeights(tmp_path / "dora/lora")
    )
    change(tmp_path / "dora/lora", use_dora=False)
    assert "of the adapter is DoRA's: merge" in refused(
        lambda: ModelWeights(tmp_path / "dora/lora")
    )
    model = network("llama")
    ia3 = peft.IA3Config(target_modules=["k_proj"], feedforward_modules=[])
    peft.get_peft_model(model, ia3).save_pretrained(tmp_path / "ia3")
    change(tmp_path / "ia3", base_model_name_or_path=str(tmp_path / "dora/base"))
    assert "peft_type = 'IA3': expected 'LORA'" in refused(lambda: ModelWeights(tmp_path / "ia3"))


@pytest.mark.filterwarnings("ignore")
def test_a_base_that_training_changed_is_refused(tmp_path: Path) -> None:
    trained("llama", tmp_path, init_lora_weights="pissa", r=2)
    said = refused(lambda: ModelWeights(tmp_path / "lora"))
    assert "init_lora_weights = 'pissa' (which changes the base weights too)" in said
