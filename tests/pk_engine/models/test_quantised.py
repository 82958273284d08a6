"""What is read is decided by the tensors: floats, FP8 with its scales, or packed and refused."""

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import save_file

from headgraph.pk_engine.models.origin import sentences
from tests.pk_engine.checkpoints import (
    GPT2_CONFIG,
    LLAMA_CONFIG,
    gpt2_tensors,
    llama_tensors,
    read,
    save,
)
from tests.sentences import refused

Tensors = dict[str, Any]
FIRST = "model.layers.0.self_attn.q_proj"


# ----- floats


@pytest.mark.parametrize("method", ["gptq", "mxfp4", "fp8", "bitsandbytes"])
def test_a_leftover_setting_over_floats(tmp_path: Path, method: str) -> None:
    plain = read(save(tmp_path / "plain", llama_tensors(), LLAMA_CONFIG))
    config = LLAMA_CONFIG | {"quantization_config": {"quant_method": method, "bits": 4}}
    left = read(save(tmp_path / "left", llama_tensors(), config))
    assert all((left.raw_layer(0)[r] == plain.raw_layer(0)[r]).all() for r in "QKVO")
    assert plain.origin == {}
    assert sentences(left.origin) == [
        f"config.json has quantization_config ({method}), and the attention matrices are plain "
        "floats: read as they are"
    ]


def test_experts_may_be_packed(tmp_path: Path) -> None:
    config = LLAMA_CONFIG | {"quantization_config": {"quant_method": "mxfp4"}}
    packed = {
        "model.layers.0.mlp.experts.gate_up_proj_blocks": np.zeros((2, 4, 3, 16), np.uint8),
        "model.layers.0.mlp.experts.gate_up_proj_scales": np.zeros((2, 4, 3), np.uint8),
        "model.layers.0.mlp.down_proj.qweight": np.zeros((2, 4), np.int32),
    }
    half = {name: w.astype(ml_dtypes.bfloat16) for name, w in llama_tensors().items()}
    assert read(save(tmp_path, half | packed, config)).origin == {
        "settings": "quantization_config (mxfp4)"
    }


# ----- FP8

torch = pytest.importorskip("torch", reason="it converts FP8 independently")


def save_torch(folder: Path, tensors: Tensors, config: dict[str, Any]) -> Path:
    from safetensors.torch import save_file as save_tensors

    save(folder, {}, config)
    save_tensors(tensors, folder / "model.safetensors")
    return folder


def quantised(scale_of: Callable[[str, Any], tuple[str, Any, Any]]) -> tuple[Tensors, Tensors]:
    """(the checkpoint, its matrices as torch multiplies them out)."""
    stored, expected = {}, {}
    for name, matrix in llama_tensors().items():
        ending, scale, wide = scale_of(name, torch.from_numpy(matrix))
        small = (torch.from_numpy(matrix) / wide).to(KIND)
        stored |= {name: small, f"{name}{ending}": scale}
        expected[name] = (small.to(torch.float32) * wide).numpy()
    return stored, expected


KIND = torch.float8_e4m3fn


def blocks(rows: int, columns: int) -> Callable[[str, Any], tuple[str, Any, Any]]:
    def scale_of(name: str, matrix: Any) -> tuple[str, Any, Any]:
        height, width = matrix.shape
        scale = torch.rand(-(-height // rows), -(-width // columns)) + 0.01
        wide = torch.stack(
            [torch.stack([scale[i // rows, j // columns] for j in range(width)])
             for i in range(height)]
        )  # fmt: skip
        return "_scale_inv", scale, wide

    return scale_of


def by_row(name: str, matrix: Any) -> tuple[str, Any, Any]:
    scale = torch.rand(len(matrix), 1) + 0.01
    return (
        "_scale",
        (scale if "q_proj" in name else scale[:, 0]).to(torch.bfloat16),
        scale.to(torch.bfloat16).float(),
    )


def by_matrix(name: str, matrix: Any) -> tuple[str, Any, Any]:
    return "_scale", torch.tensor(0.03), torch.tensor(0.03)


@pytest.mark.parametrize("kind", [torch.float8_e4m3fn, torch.float8_e5m2])
@pytest.mark.parametrize(
    ("scale_of", "size"),
    [
        (blocks(128, 128), None),
        (blocks(5, 7), [5, 7]),  # cut at both edges
        (blocks(8, 8), [8, 8]),
        (by_row, None),
        (by_matrix, None),
    ],
    ids=["128x128", "5x7", "8x8", "row", "matrix"],
)
def test_fp8_as_torch_multiplies_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: Any,
    scale_of: Callable[[str, Any], tuple[str, Any, Any]],
    size: list[int] | None,
) -> None:
    monkeypatch.setitem(globals(), "KIND", kind)
    torch.manual_seed(0)
    stored, expected = quantised(scale_of)
    settings = {"quant_method": "fp8"} | ({"weight_block_size": size} if size else {})
    found = read(
        save_torch(tmp_path / "fp8", stored, LLAMA_CONFIG | {"quantization_config": settings})
    )
    wanted = read(save(tmp_path / "float", expected, LLAMA_CONFIG))
    for layer in range(2):
        for role in "QKVO":
            assert (found.raw_layer(layer)[role] == wanted.raw_layer(layer)[role]).all()
    name = "F8_E4M3" if kind == torch.float8_e4m3fn else "F8_E5M2"
    assert found.origin == {"quantisation": name}
    assert name in sentences(found.origin)[0]


def test_every_fp8_number_is_the_one_of_torch(tmp_path: Path) -> None:
    from headgraph.pk_engine.models.checkpoint.tensor_files import TensorFiles

    every = torch.arange(256, dtype=torch.uint8).reshape(16, 16)
    kinds = [torch.float8_e4m3fn, torch.float8_e5m2, torch.float8_e8m0fnu]
    folder = save_torch(
        tmp_path, {str(kind): every.clone().view(kind) for kind in kinds}, GPT2_CONFIG
    )
    for kind in kinds:
        found = TensorFiles(folder).read(str(kind))
        assert np.array_equal(found, every.view(kind).float().numpy(), equal_nan=True)


def test_scales_that_are_powers_of_two(tmp_path: Path) -> None:
    stored, expected = quantised(lambda *_: ("_scale_inv", torch.tensor(0.25), torch.tensor(0.25)))
    for name in [name for name in stored if name.endswith("_inv")]:
        stored[name] = stored[name].reshape(1, 1).to(torch.float8_e8m0fnu)
    found = read(save_torch(tmp_path / "fp8", stored, LLAMA_CONFIG)).raw_layer(0)
    wanted = read(save(tmp_path / "float", expected, LLAMA_CONFIG)).raw_layer(0)
    assert all((found[role] == wanted[role]).all() for role in "QKVO")


def test_scales_that_do_not_fit(tmp_path: Path) -> None:
    stored, _ = quantised(by_matrix)
    said = refused(
        lambda: read(
            save_torch(
                tmp_path / "a", stored | {f"{FIRST}.weight_scale": torch.ones(3, 5)}, LLAMA_CONFIG
            )
        )
    )
    assert f"the scale {FIRST}.weight_scale has the shape (3, 5): expected (1, 1) for" in said
    for size in ([128], [0, 5], "128", [True, 128], [1.5, 2]):
        config = LLAMA_CONFIG | {"quantization_config": {"weight_block_size": size}}
        folder = save_torch(tmp_path / "b", stored, config)
        assert "expected two numbers such as" in refused(lambda folder=folder: read(folder))  # type: ignore[misc]
    stored.pop(f"{FIRST}.weight_scale")
    assert f"the tensor {FIRST}.weight is stored as F8_E4M3: expected" in refused(
        lambda: read(save_torch(tmp_path / "c", stored, LLAMA_CONFIG))
    )
    said = refused(
        lambda: read(
            save_torch(
                tmp_path / "d",
                stored | {f"{FIRST}.weight_scale": torch.tensor([1])},
                LLAMA_CONFIG,
            )
        )
    )
    assert said == f"the scale {FIRST}.weight_scale is I64: expected floats"


def one_in_eighths(kind: Any = torch.float8_e4m3fn) -> Tensors:
    """A Llama whose first matrix of queries is FP8."""
    stored: Tensors = {name: torch.tensor(matrix) for name, matrix in llama_tensors().items()}
    return stored | {f"{FIRST}.weight": stored[f"{FIRST}.weight"].to(kind)}


@pytest.mark.parametrize("number", [-1.0, float("nan"), float("inf")])
def test_scales_that_are_no_scales(tmp_path: Path, number: float) -> None:
    scale = {f"{FIRST}.weight_scale_inv": torch.tensor([[number]])}
    folder = save_torch(tmp_path, one_in_eighths() | scale, LLAMA_CONFIG)
    said = refused(lambda: read(folder))
    assert said.startswith(f"the scale {FIRST}.weight_scale_inv holds negative numbers, NaN or Inf")


def test_a_scale_of_0_is_that_of_a_row_of_zeros(tmp_path: Path) -> None:
    scale = {f"{FIRST}.weight_scale": torch.zeros(16, 1)}
    folder = save_torch(tmp_path, one_in_eighths() | scale, LLAMA_CONFIG)
    assert not read(folder).raw_layer(0)["Q"].any()


def test_blocks_far_wider_than_the_matrix_take_no_memory(tmp_path: Path) -> None:
    scale = {f"{FIRST}.weight_scale_inv": torch.full((16, 1), 2.0)}
    config = {"quantization_config": {"weight_block_size": [1, 2**20]}}
    weights = read(save_torch(tmp_path, one_in_eighths() | scale, LLAMA_CONFIG | config))
    tracemalloc.start()
    weights.raw_layer(0)
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


def test_a_bad_block_size_over_floats_is_a_leftover(tmp_path: Path) -> None:
    config = {"quantization_config": {"quant_method": "fp8", "weight_block_size": "x"}}
    weights = read(save(tmp_path, llama_tensors(), LLAMA_CONFIG | config))
    assert weights.origin == {"settings": "quantization_config (fp8)"}


def test_another_kind_of_fp8_is_not_called_integers(tmp_path: Path) -> None:
    pytest.importorskip("safetensors", minversion="0.8", reason="it writes this kind")
    stored = one_in_eighths(torch.float8_e4m3fnuz) | {f"{FIRST}.weight_scale": torch.ones(1)}
    said = refused(lambda: read(save_torch(tmp_path, stored, LLAMA_CONFIG)))
    assert f"the tensor {FIRST}.weight is stored as F8_E4M3FNUZ: expected float32" in said


# ----- packed matrices

PACKED: dict[str, tuple[Tensors, dict[str, Any], str]] = {
    "gptq": (
        {"qweight": np.int32, "qzeros": np.int32, "scales": np.float16, "g_idx": np.int32},
        {"quantization_config": {"quant_method": "gptq", "bits": 4}},
        "(GPTQ; ",
    ),
    "gptq-old": (
        {"qweight": np.int32, "qzeros": np.int32, "scales": np.float16},
        {"quantization_config": {"quant_method": "gptq", "bits": 4}},
        "(GPTQ; ",
    ),
    "awq": (
        {"qweight": np.int32, "qzeros": np.int32, "scales": np.float16},
        {},
        "(AWQ; ",
    ),
    "bnb4": (
        {"weight": np.uint8, "weight.absmax": np.uint8, "weight.quant_map": np.float32,
         "weight.quant_state.bitsandbytes__nf4": np.uint8},
        {"quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": True}},
        "(bitsandbytes, 4 bits; ",
    ),
    "bnb8": (
        {"weight": np.int8, "SCB": np.float32, "weight_format": np.uint8},
        {"quantization_config": {"quant_method": "bitsandbytes"}},
        "(bitsandbytes, 8 bits; ",
    ),
    "mlx": (
        {"weight": np.uint32, "scales": np.float16, "biases": np.float16},
        {"quantization": {"group_size": 64, "bits": 4}},
        "(MLX; ",
    ),
    "nvfp4": (
        {"weight": np.uint8, "weight_scale": np.float32, "weight_scale_2": np.float32},
        {"quantization_config": {"quant_algo": "NVFP4", "quant_method": "modelopt"}},
        "(NVFP4 (modelopt); ",
    ),
    "nvfp4-packed": (
        {"weight_packed": np.uint8, "weight_scale": np.float32,
         "weight_global_scale": np.float32},
        {"quantization_config": {"quant_method": "compressed-tensors"}},
        "(NVFP4 (compressed-tensors); ",
    ),
    "packed": (
        {"weight_packed": np.int32, "weight_scale": np.float32, "weight_shape": np.int64},
        {"quantization_config": {"quant_method": "compressed-tensors"}},
        "(compressed-tensors; ",
    ),
    "int8": (
        {"weight": np.int8, "weight_scale": np.float32},
        {"quantization_config": {"quant_method": "compressed-tensors"}},
        "(integers with a scale (compressed-tensors); ",
    ),
    "higgs": ({"weight": np.uint8, "scales": np.float16, "tables": np.float16}, {}, "(HIGGS; "),
    "metal": ({"weight": np.uint32, "scales": np.float16, "qbiases": np.float16}, {},
              "(Metal kernels of transformers; "),
    "fp-quant": ({"qweight": np.uint8, "scales": np.uint8, "forward_hadamard_matrix": np.float16},
                 {"quantization_config": {"quant_method": "fp_quant"}}, "(FP-Quant (fp_quant); "),
    "hqq": ({"W_q": np.uint8, "scale": np.float16}, {}, "(HQQ or SINQ; "),
    "quanto": ({"weight._data": np.int8, "weight._scale": np.float16, "input_scale": np.float16},
               {}, "(quanto; "),
    "torchao": ({"_weight_qdata": np.int8, "_weight_scale": np.float16}, {}, "(torchao; "),
    "exl2": ({"q_weight": np.int32, "q_scale": np.int32}, {}, "(ExLlamaV2; "),
    "exl3": ({"trellis": np.int16, "suh": np.float16, "svh": np.float16}, {}, "(ExLlamaV3; "),
    "quip": ({"Qidxs": np.int16, "SU": np.float16}, {}, "(QuIP#; "),
    "vptq": ({"indices": np.int16, "centroids.weight": np.float16}, {}, "(VPTQ; "),
    "spqr": ({"dense_weights": np.int64, "in_perm": np.int16}, {}, "(SpQR; "),
    "bitnet": ({"weight": np.uint8, "weight_scale": np.float16},
               {"quantization_config": {"quant_method": "bitnet"}},
               "(integers with a scale (bitnet); "),
    "unknown": (
        {"weight": np.uint8},
        {"quantization_config": {"quant_method": "quip" * 100}},
        "(quipquip",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", PACKED)
@pytest.mark.parametrize("prefix", ["", "_orig_mod."])
def test_packed_matrices_are_refused_by_their_scheme(
    tmp_path: Path, kind: str, prefix: str
) -> None:
    parts, config, text = PACKED[kind]
    tensors: Tensors = {}
    for name in llama_tensors():
        module = prefix + name.removesuffix(".weight")
        tensors |= {f"{module}.{part}": np.zeros((2, 3), dt) for part, dt in parts.items()}
    said = refused(lambda: read(save(tmp_path, tensors, LLAMA_CONFIG | config)))
    assert said.startswith(f"the attention matrices are quantised {text}")
    assert "expected floats, or FP8 with scales; " in said
    assert said.endswith(
        ("take the model that it was made from", "call model.dequantize() and save it",
         "mlx_lm.convert can dequantize it")
    )  # fmt: skip


def test_one_packed_layer_is_enough(tmp_path: Path) -> None:
    tensors: Tensors = dict(llama_tensors())
    del tensors["model.layers.1.self_attn.o_proj.weight"]
    tensors["model.layers.1.self_attn.o_proj.qweight"] = np.zeros((2, 2), np.int32)
    said = refused(lambda: read(save(tmp_path, tensors, LLAMA_CONFIG)))
    assert "(GPTQ or AWQ; 'model.layers.1.self_attn.o_proj.qweight')" in said


def test_gpt2_files_keep_their_message(tmp_path: Path) -> None:
    folder = save(tmp_path)
    name = "h.0.attn.c_attn.weight"
    save_file(gpt2_tensors() | {name: np.zeros((16, 48), np.int8)}, folder / "model.safetensors")
    assert f"the tensor {name} is stored as I8: expected float32" in refused(lambda: read(folder))
