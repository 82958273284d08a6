"""Every model type that a family file names, against a small running network of it.

`test_families.py` compares matrices exactly where a family is old enough for it. Here each model
type is built from its configuration class, saved, read, and held against what its heads do.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tests.pk_engine import TRANSFORMERS

pytest.importorskip("torch", reason="the small models are run with torch")
pytest.importorskip("transformers", minversion=TRANSFORMERS, reason="and built by transformers")

import torch
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
from transformers.utils import logging

from headgraph.pk_engine.errors import ModelError
from headgraph.pk_engine.models.families.catalogue import families
from headgraph.pk_engine.models.weights import ModelWeights
from tests.pk_engine import reading, zoo_wide
from tests.pk_engine.unequal_zoo import IN_PARTS

logging.disable_progress_bar()

UNEQUAL = {
    name
    for name, family in families().items()
    if family.layers is not None or any(spec.latent for spec in family.tensors)
}
"""Layers or roles are not all alike: test_unequal_families.py, test_encoder_decoder.py."""
INSIDE = {name for name, family in families().items() if family.name in IN_PARTS}
"""A stack inside another network is tried without that: test_encoder_decoder.py."""
ELSEWHERE = (
    (UNEQUAL - {"sapiens2"})
    | INSIDE
    | {
        "transformer_lens",  # not of transformers; test_families_lens.py
        "gguf",  # test_gguf.py
        "gemma3",  # a model of two parts; test_families.py
        "diffllama",  # and these: test_other_attention.py
        "jetmoe",
        "layoutlmv2",
        "longformer",
        "mra",
        "squeezebert",
        "xlnet",  # test_other_attention.py
        "wavlm",  # below: torch's own attention has no matrices to watch
        "gpt_neo",  # its configuration lists its layers; test_families.py
    }
)


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    """Tiny products are slower on several threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


VARIANTS: list[tuple[str, dict[str, Any]]] = [
    ("gpt_bigcode", {"multi_query": False}),
    ("cohere", {"use_qk_norm": True}),
    ("stablelm", {"qk_layernorm": True, "use_parallel_residual": True}),
    ("phi", {"qk_layernorm": True}),
    ("persimmon", {"qk_layernorm": True}),
    ("glm4_moe", {"use_qk_norm": True}),
    ("olmo", {"clip_qkv": 1e6}),
    ("molmo2_text", {"norm_after": True}),
    ("hrm_text", {"num_layers_per_stack": 1, "H_cycles": 1, "L_cycles": 1}),
    ("patchtst", {"pre_norm": False}),
    ("wav2vec2-bert", {"position_embeddings_type": "relative"}),
    ("internvl_vision", {"norm_type": "rms_norm"}),
    ("wav2vec2", {"do_stable_layer_norm": True, "feat_extract_norm": "layer"}),
    ("starcoder2", {"num_key_value_heads": 1}),
    ("granite", {"attention_bias": True, "residual_multiplier": 0.2, "attention_multiplier": 0.1}),
]
"""Settings that change what a model type does."""
CASES = [(name, {}) for name in sorted(families().keys() - ELSEWHERE)] + VARIANTS


@pytest.mark.filterwarnings("ignore")  # of transformers, about configurations this small
@pytest.mark.parametrize(
    ("model_type", "changes"), CASES, ids=[f"{name}{'+' * bool(more)}" for name, more in CASES]
)
def test_a_model_type_reads_and_writes_what_is_read_here(
    model_type: str, changes: dict[str, Any], tmp_path: Path
) -> None:
    model = zoo_wide.build(model_type, **changes)
    model.save_pretrained(tmp_path)
    weights = ModelWeights(tmp_path)
    assert weights.shape.n_layers == 2
    assert weights.shape.d_model == 32
    part, inputs = zoo_wide.running(model)
    if weights.family.embedding and "input_ids" in inputs:
        entering = part.get_input_embeddings().weight.detach().numpy()
        read = weights.embedding_files().embedding()
        if read.shape == entering.shape:  # ELECTRA's passes a matrix
            np.testing.assert_array_equal(read, entering)
    check_folding(weights, tmp_path)
    reading.check(part, weights, inputs, beside=zoo_wide.BESIDE.get(model_type, 0))


@pytest.mark.filterwarnings("ignore")
def test_the_published_names_of_esm(tmp_path: Path) -> None:
    """Files on the hub say `weight` where transformers 5 writes `gamma`."""
    zoo_wide.build("esm").save_pretrained(tmp_path)
    before = ModelWeights(tmp_path, fold_ln=True).layer(1)
    tensors = load_file(tmp_path / "model.safetensors")
    assert any(name.endswith(".gamma") for name in tensors)
    named = {name.replace(".gamma", ".weight"): tensor for name, tensor in tensors.items()}
    save_file(named, tmp_path / "model.safetensors")
    after = ModelWeights(tmp_path, fold_ln=True).layer(1)
    assert (after["Q"] == before["Q"]).all()


def check_folding(weights: ModelWeights, folder: Path) -> None:
    """fold_ln scales and centres what layers read that have the norm, and no other layer."""
    norm = weights.family.of_kind(weights.shape.layers[0].kind).norm
    if norm.follows:
        with pytest.raises(ModelError, match="no norm precedes attention"):
            ModelWeights(folder, fold_ln=True)
        return
    folded = ModelWeights(folder, fold_ln=True)
    for layer in range(2):
        raw, new = weights.layer(layer), folded.layer(layer)
        changes = layer >= norm.first and (norm.name or norm.kind == "LayerNorm")
        assert (raw["Q"] != new["Q"]).any() == bool(changes)
        if changes and norm.kind == "LayerNorm":
            assert np.abs(new["K"].mean(axis=1)).max() < 1e-5


def test_each_model_type_is_one_of_transformers() -> None:
    assert families().keys() - ELSEWHERE <= set(CONFIG_MAPPING.keys())


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("stable", [False, True])
def test_the_matrices_of_wavlm_give_what_its_attention_writes(
    stable: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = {"do_stable_layer_norm": True, "feat_extract_norm": "layer"} if stable else {}
    model = zoo_wide.build("wavlm", **changes)
    model.save_pretrained(tmp_path)
    weights, calls = ModelWeights(tmp_path), []
    attend = torch.nn.functional.multi_head_attention_forward

    def watched(query: Any, *args: Any, **kwargs: Any) -> Any:
        result = attend(query, *args, **kwargs)
        calls.append((query, kwargs["attn_mask"], result[0]))
        return result

    monkeypatch.setattr(torch.nn.functional, "multi_head_attention_forward", watched)
    layers, entering = model.encoder.layers, []
    for layer in layers:
        layer.register_forward_pre_hook(lambda _, args: entering.append(args[0]))
    with torch.no_grad():
        model(**zoo_wide.inputs_of(model))
    assert len(calls) == 2
    for layer, (query, bias, written) in enumerate(calls):
        stream = entering[layer]
        with torch.no_grad():
            taken = layers[layer].layer_norm(stream) if stable else stream
        assert torch.equal(query[:, 0], taken[0])
        own, x = layers[layer].attention, query[:, 0].detach().double().numpy()
        total = own.out_proj.bias.detach().numpy().astype(np.float64)
        matrices = weights.raw_layer(layer)
        for head, (q, k, v, o) in enumerate(zip(*(matrices[role] for role in "QKVO"), strict=True)):
            rows = slice(8 * head, 8 * head + 8)
            given = {
                role: x @ matrix + getattr(own, f"{role}_proj").bias.detach().numpy()[rows]
                for role, matrix in (("q", q), ("k", k), ("v", v))
            }
            scores = given["q"] @ given["k"].T / 8**0.5 + bias[head].detach().numpy()
            weight = np.exp(scores - scores.max(1, keepdims=True))
            total = total + weight / weight.sum(1, keepdims=True) @ given["v"] @ o.T
        np.testing.assert_allclose(written[:, 0].detach().numpy(), total, atol=1e-4)
