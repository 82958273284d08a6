"""Forms of checkpoints, each with models whose layers or roles are not all alike."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from headgraph.pk_engine.errors import WeightsError
from headgraph.pk_engine.models.weights import ModelWeights
from tests.pk_engine.checkpoints import save
from tests.pk_engine.unequal_checkpoints import CONFIGS, checkpoint

Tensors = dict[str, Any]


@pytest.fixture(params=CONFIGS)
def model(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Tensors, dict[str, Any]]:
    """The tensors and the configuration of a model."""
    folder = checkpoint(tmp_path / "plain", request.param)
    config = json.loads((folder / "config.json").read_text())
    return load_file(folder / "model.safetensors"), config


def same(found: ModelWeights, plain: ModelWeights) -> None:
    assert found.shape == plain.shape
    for layer in plain.shape.layers:
        for role, matrix in plain.raw_layer(layer.index).items():
            assert np.allclose(found.raw_layer(layer.index)[role], matrix, rtol=1e-5, atol=1e-5)


def test_a_prefix_of_a_training_tool(model: tuple[Tensors, dict[str, Any]], tmp_path: Path) -> None:
    tensors, config = model
    before = {f"module.{name}": tensor for name, tensor in tensors.items()}
    found = ModelWeights(save(tmp_path / "renamed", before, config))
    same(found, ModelWeights(tmp_path / "plain"))
    assert found.origin == {"prefix": "module."}


def test_an_adapter_of_every_matrix(model: tuple[Tensors, dict[str, Any]], tmp_path: Path) -> None:
    """Those that heads read through, such as kv_a_proj_with_mqa, are changed before products."""
    tensors, config = model
    rng, pairs, merged = np.random.default_rng(1), {}, dict(tensors)
    changed = [name for name, tensor in tensors.items() if tensor.ndim == 2]
    for name in changed:
        out, width = tensors[name].shape
        b, a = (rng.standard_normal(size, np.float32) for size in ((out, 2), (2, width)))
        start = f"base_model.model.{name.removesuffix('.weight')}.lora_"
        pairs |= {f"{start}A.weight": a, f"{start}B.weight": b}
        merged[name] = tensors[name] + 2 * b @ a
    lora = tmp_path / "lora"
    lora.mkdir()
    save_file(pairs, lora / "adapter_model.safetensors")
    settings = {"peft_type": "LORA", "r": 2, "lora_alpha": 4}
    (lora / "adapter_config.json").write_text(json.dumps(settings))
    found = ModelWeights(tmp_path / "plain", adapter=lora)
    same(found, ModelWeights(save(tmp_path / "merged", merged, config)))
    assert f"changed: {len(changed)})" in found.origin["adapter"]


def test_packed_matrices(model: tuple[Tensors, dict[str, Any]], tmp_path: Path) -> None:
    """Each matrix that is read, alone, is refused by the name of the scheme."""
    tensors, config = model
    for name in [name for name, tensor in tensors.items() if tensor.ndim == 2][-6:]:
        others = {other: tensor for other, tensor in tensors.items() if other != name}
        others[name.removesuffix("weight") + "qweight"] = np.zeros((2, 2), np.int32)
        with pytest.raises(WeightsError, match="quantised \\(GPTQ or AWQ"):
            ModelWeights(save(tmp_path / "packed", others, config))


def test_fp8_with_scales_of_blocks(model: tuple[Tensors, dict[str, Any]], tmp_path: Path) -> None:
    """As DeepSeek V3 stores its matrices, with blocks that the last row and column cut."""
    torch = pytest.importorskip("torch", reason="it converts FP8 independently")
    from safetensors.torch import save_file as save_tensors

    tensors, config = model
    rng, stored, expected = np.random.default_rng(2), {}, dict(tensors)
    for name, tensor in tensors.items():
        stored[name] = torch.from_numpy(tensor)
        if tensor.ndim == 2:
            blocks = [-(-size // 7) for size in tensor.shape]
            scale = rng.uniform(0.5, 2, blocks).astype(np.float32)
            wide = np.kron(scale, np.ones((7, 7), np.float32))[: len(tensor), : tensor.shape[1]]
            small = torch.from_numpy(tensor / wide).to(torch.float8_e4m3fn)
            stored |= {name: small, f"{name}_scale_inv": torch.from_numpy(scale)}
            expected[name] = small.to(torch.float32).numpy() * wide
    config |= {"quantization_config": {"quant_method": "fp8", "weight_block_size": [7, 7]}}
    folder = save(tmp_path / "fp8", {}, config)
    save_tensors(stored, folder / "model.safetensors")
    found = ModelWeights(folder)
    same(found, ModelWeights(save(tmp_path / "multiplied", expected, config)))
    assert found.origin == {"quantisation": "F8_E4M3"}
