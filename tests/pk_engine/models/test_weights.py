"""Which matrix of the file is which head's, and what is refused instead of misread."""

import json
import sys
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from headgraph.base.errors import BadName
from headgraph.pk_engine import Selection, compute
from headgraph.pk_engine.errors import EngineError, ModelError, UnknownFamily, WeightsError
from headgraph.pk_engine.models.families.catalogue import families
from headgraph.pk_engine.models.families.layout import GATE
from headgraph.pk_engine.models.weights import ModelWeights
from tests.pk_engine import oracle
from tests.pk_engine.checkpoints import (
    GPT2_CONFIG,
    LLAMA_CONFIG,
    gpt2_tensors,
    llama_tensors,
    save,
)
from tests.shared import MODELS, needs_shared


@needs_shared
@pytest.mark.parametrize("model", ["gpt2-attention", "slm-4096", "capp-gpt2"])
def test_gpt2_layout(model: str) -> None:
    wanted = oracle.gpt2_heads(MODELS / model)
    for layer, matrices in enumerate(ModelWeights(MODELS / model).layers()):
        for role, matrix in matrices.items():
            assert (matrix == wanted[role][layer]).all()


@needs_shared
@pytest.mark.parametrize("model", ["stories260K", "babyllama-361"])
def test_llama_layout(model: str) -> None:
    wanted = oracle.llama_heads(MODELS / model)
    for layer, matrices in enumerate(ModelWeights(MODELS / model).layers()):
        for role, matrix in matrices.items():
            assert (matrix == wanted[role][layer]).all()


@pytest.mark.parametrize("kind", [np.float16, ml_dtypes.bfloat16])
def test_half_precision_is_widened(tmp_path: Path, kind: type) -> None:
    half = {name: w.astype(kind) for name, w in gpt2_tensors().items()}
    narrow = save(tmp_path / "half", half)
    wide = save(tmp_path / "wide", {name: w.astype(np.float32) for name, w in half.items()})
    a, b = (compute(folder, selection=Selection()) for folder in (narrow, wide))
    assert a.meta.fingerprint == b.meta.fingerprint
    assert (a.frame.pk == b.frame.pk).all()


def test_shards_and_prefixes_change_nothing(tmp_path: Path) -> None:
    plain = compute(save(tmp_path / "plain"), selection=Selection())
    sharded = compute(save(tmp_path / "shards", shards=3), selection=Selection())
    named = {f"transformer.{name}": w for name, w in gpt2_tensors().items()}
    prefixed = compute(save(tmp_path / "prefix", named), selection=Selection())
    for other in (sharded, prefixed):
        assert other.meta.fingerprint == plain.meta.fingerprint
        assert (other.frame.pk == plain.frame.pk).all()
    changed = compute(save(tmp_path / "other", gpt2_tensors(seed=1)), selection=Selection())
    assert changed.meta.fingerprint != plain.meta.fingerprint


def test_head_dim_need_not_be_a_share_of_d_model(tmp_path: Path) -> None:
    table = compute(save(tmp_path, llama_tensors(), LLAMA_CONFIG), selection=Selection())
    assert (table.meta.d_model, table.meta.d_head, table.meta.n_kv_heads) == (24, 4, 2)


def test_every_family_names_all_roles_once() -> None:
    for family in families().values():
        roles = [role for spec in family.tensors for role in spec.roles if role != GATE]
        assert sorted(roles) == sorted("QKVO"), family.name


def _without(name: str) -> dict[str, np.ndarray]:
    return {key: w for key, w in gpt2_tensors().items() if key != name}


def _with(name: str, w: np.ndarray) -> dict[str, np.ndarray]:
    return gpt2_tensors() | {name: w}


def _poisoned(value: float) -> dict[str, np.ndarray]:
    tensors = gpt2_tensors()
    tensors["h.1.attn.c_attn.weight"][3, 16 + 8 + 1] = value  # K of layer 1, head 1
    return tensors


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        (_without("h.1.attn.c_proj.weight"), r"lack 1 attention tensors: h\.1\.attn\.c_proj"),
        (_without("h.0.attn.c_attn.weight"), r"no tensor h\.0\.attn\.c_attn\.weight"),
        (
            _with("h.1.attn.c_attn.weight", np.zeros((48, 16), np.float32)),
            r"h\.1\.attn\.c_attn\.weight has the shape \(48, 16\): expected \(16, 48\)",
        ),
        (
            _with("h.1.attn.c_attn.weight", np.zeros((16, 48), np.int8)),
            "stored as I8: expected float32",
        ),
        (_poisoned(np.nan), "the K matrix of L1H1 holds NaN or Inf"),
        (_poisoned(-np.inf), "the K matrix of L1H1 holds NaN or Inf"),
    ],
)
def test_tensors_that_cannot_be_used(
    tmp_path: Path, tensors: dict[str, np.ndarray], message: str
) -> None:
    with pytest.raises(WeightsError, match=message):
        compute(save(tmp_path, tensors))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"model_type": "mamba"}, r"model_type 'mamba', .* docs/reference/families.md lists"),
        ({"model_type": None}, "model_type None"),
        ({"n_layer": None}, "lacks n_layer or num_hidden_layers, which gives n_layers"),
        ({"n_head": 3}, "d_model 16, which 3 heads cannot share"),
        ({"n_head": "two"}, "n_head = 'two': expected a whole number from 1 to 4,096"),
        ({"add_cross_attention": True}, "add_cross_attention = True, .* does not handle"),
    ],
)
def test_configurations_that_cannot_be_used(
    tmp_path: Path, config: dict[str, object], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        compute(save(tmp_path, config=GPT2_CONFIG | config))


def test_an_unknown_model_type_has_its_own_error(tmp_path: Path) -> None:
    with pytest.raises(UnknownFamily):
        compute(save(tmp_path, config={"model_type": "mamba"}))


def test_folders_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"holds no model: expected a config\.json"):
        compute(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(GPT2_CONFIG))
    with pytest.raises(ModelError, match=r"holds no \*\.safetensors"):
        compute(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"short")
    with pytest.raises(WeightsError, match="cannot be read as safetensors"):
        compute(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ModelError, match="cannot be read as JSON"):
        compute(tmp_path)
    with pytest.raises(ModelError, match="no folder"):
        compute(tmp_path / "nowhere")
    with pytest.raises(ModelError, match="is a file: expected the folder"):
        compute(tmp_path / "config.json")


def test_an_index_that_names_a_file_that_is_not_there(tmp_path: Path) -> None:
    save(tmp_path, shards=2)
    (tmp_path / "model-1.safetensors").unlink()
    with pytest.raises(WeightsError, match="the index names"):
        compute(tmp_path)


def test_an_index_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    outside = save(tmp_path / "outside")
    inside = save(tmp_path / "inside", shards=2)
    index = inside / "model.safetensors.index.json"
    where = dict.fromkeys(gpt2_tensors(), f"../{outside.name}/model.safetensors")
    index.write_text(json.dumps({"weight_map": where}))
    with pytest.raises(WeightsError, match="which is no name of a file"):
        compute(inside)


def test_deficient_and_empty_heads_are_reported_and_used(tmp_path: Path) -> None:
    tensors = gpt2_tensors()
    tensors["h.1.attn.c_attn.weight"][:, 16] = 0  # a column of K of L1H0
    tensors["h.0.attn.c_proj.weight"][:8] = 0  # all of O of L0H0
    table = compute(save(tmp_path, tensors), selection=Selection())
    assert table.meta.deficient == [
        {"layer": 1, "head": 0, "role": "K", "rank": 7},
        {"layer": 0, "head": 0, "role": "O", "rank": 0},
    ]
    assert table.meta.scored == {"OQ": 2, "OK": 2, "OV": 2}, "the empty head has no pairs"
    row = table.frame[(table.frame.pairing == "OK") & (table.frame.target_head == 0)].iloc[0]
    assert row.pk_normalized == pytest.approx(row.pk / np.sqrt(8 * 7), rel=1e-6)
    variance = 2 * 8 * 7 * (16 - 8) * (16 - 7) / (16**2 * 15 * 18)
    assert row.z == pytest.approx((row.pk - 8 * 7 / 16) / variance**0.5, rel=1e-5)


def test_z_is_zero_where_nothing_can_stand_out(tmp_path: Path) -> None:
    config = GPT2_CONFIG | {"n_head": 1}  # one head fills the whole space
    table = compute(save(tmp_path, config=config), selection=Selection())
    assert (table.frame.z == 0).all()
    assert np.allclose(table.frame.pk, 16, atol=1e-3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pairings": "OX"}, "unknown pairing OX: expected source role then target role"),
        ({"metrics": ["pk", "rv"]}, "unknown metric rv"),
        ({"metrics": ["cs"], "pairings": "QQ"}, "cs is defined for OQ, OK, OV"),
        ({"kv": "both"}, "unknown kv 'both'"),
    ],
)
def test_invalid_options(tmp_path: Path, options: dict[str, object], message: str) -> None:
    kind = BadName if "pairing OX" in message else EngineError
    with pytest.raises(kind, match=message):
        compute(save(tmp_path), **options)  # type: ignore[arg-type]


def test_same_input_same_bytes(tmp_path: Path) -> None:
    folder = save(tmp_path / "model")
    paths = [compute(folder, selection=Selection()).write(tmp_path / name) for name in ("a", "b")]
    assert paths[0].read_bytes() == paths[1].read_bytes()


# ----- PyTorch's own files


def save_torch(folder: Path, name: str = "pytorch_model.bin", **how: object) -> Path:
    torch = pytest.importorskip("torch", reason="it writes and reads its own format")
    save(folder)
    (folder / "model.safetensors").unlink()
    tensors = {key: torch.from_numpy(w) for key, w in gpt2_tensors().items()}
    torch.save(tensors | {"step": 3}, folder / name, **how)
    return folder


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model_100.pt", "final.pth"])
@pytest.mark.parametrize("zipped", [True, False])
def test_torch_files_give_the_same_matrices(tmp_path: Path, name: str, zipped: bool) -> None:
    wanted = ModelWeights(save(tmp_path / "safe"))
    folder = save_torch(tmp_path / "torch", name, _use_new_zipfile_serialization=zipped)
    for ours, theirs in zip(ModelWeights(folder).layers(), wanted.layers(), strict=True):
        assert all((ours[role] == theirs[role]).all() for role in "QKVO")


def test_torch_shards_in_bfloat16(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="it writes and reads its own format")
    save(tmp_path, {name: w.astype(ml_dtypes.bfloat16) for name, w in gpt2_tensors().items()})
    wanted = list(ModelWeights(tmp_path).layers())
    (tmp_path / "model.safetensors").unlink()
    names = sorted(gpt2_tensors())
    where = {name: f"pytorch_model-{i % 2}.bin" for i, name in enumerate(names)}
    for file in set(where.values()):
        held = {
            n: torch.from_numpy(gpt2_tensors()[n]).bfloat16() for n in names if where[n] == file
        }
        torch.save(held, tmp_path / file)
    (tmp_path / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": where}))
    for ours, theirs in zip(ModelWeights(tmp_path).layers(), wanted, strict=True):
        assert all((ours[role] == theirs[role]).all() for role in "QKVO")


def test_safetensors_come_first(tmp_path: Path) -> None:
    save(tmp_path)
    (tmp_path / "pytorch_model.bin").write_bytes(b"never opened")
    assert ModelWeights(tmp_path).shape.n_layers == 2


class Code:
    """What a pickle can do that a safetensors file cannot."""

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (Path("it-ran"),))


def test_code_in_a_pickle_never_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch", reason="it writes and reads its own format")
    monkeypatch.chdir(tmp_path)
    for zipped in (True, False):
        folder = save_torch(tmp_path / str(zipped))
        file = folder / "pytorch_model.bin"
        torch.save({"h": Code()}, file, _use_new_zipfile_serialization=zipped)
        with pytest.raises(WeightsError, match="holds more than plain tensors, and nothing else"):
            ModelWeights(folder)
    assert not (tmp_path / "it-ran").exists()


def test_torch_files_without_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ModelError, match=r"only torch reads: pip install 'headgraph\[torch\]'"):
        ModelWeights(tmp_path)


@pytest.mark.parametrize("content", [b"", b"short", [1, 2]])
def test_torch_files_that_hold_no_state_dict(tmp_path: Path, content: object) -> None:
    torch = pytest.importorskip("torch", reason="it writes and reads its own format")
    file = save_torch(tmp_path) / "pytorch_model.bin"
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        torch.save(content, file)
    with pytest.raises(
        WeightsError, match=r"pytorch_model\.bin (cannot be read|holds (no|more than))"
    ):
        ModelWeights(tmp_path)


def test_one_checkpoint_in_a_folder(tmp_path: Path) -> None:
    folder = save_torch(tmp_path, "model_100.pt")
    (folder / "model_200.pt").write_bytes((folder / "model_100.pt").read_bytes())
    with pytest.raises(ModelError, match=r"model_100\.pt and model_200\.pt in .* both hold h\.0"):
        ModelWeights(folder)
    (folder / "model_200.pt").rename(folder / "optimizer.pt")
    assert ModelWeights(folder).shape.n_layers == 2


# ----- folding


def with_norms(value: float = 2.0) -> dict[str, np.ndarray]:
    scale = np.random.default_rng(5).standard_normal(16).astype(np.float32)
    scale[3] = value
    return gpt2_tensors() | {f"h.{layer}.ln_1.weight": scale + layer for layer in range(2)}


def test_folding_by_the_formula(tmp_path: Path) -> None:
    folder = save(tmp_path, with_norms())
    raw = list(ModelWeights(folder).layers())
    folded = list(ModelWeights(folder, fold_ln=True, center_writing=True).layers())
    away = np.eye(16) - np.full((16, 16), 1 / 16)  # takes the mean away
    for layer in range(2):
        reading = away @ np.diag(with_norms()[f"h.{layer}.ln_1.weight"].astype(np.float64))
        for head in range(2):
            for role, transform in {"Q": reading, "K": reading, "V": reading, "O": away}.items():
                wanted = transform @ raw[layer][role][head].astype(np.float64)
                assert np.abs(folded[layer][role][head] - wanted).max() < 1e-5


def test_the_fingerprint_is_of_the_matrices_as_read(tmp_path: Path) -> None:
    folder = save(tmp_path, with_norms())
    plain, folded = ModelWeights(folder), ModelWeights(folder, fold_ln=True, center_writing=True)
    for layer in range(2):
        raw = folded.raw_layer(layer)
        before = {role: matrix.copy() for role, matrix in raw.items()}
        processed = folded.processed(layer, raw)
        for role, matrix in plain.layer(layer).items():
            assert (raw[role] == matrix).all()
            assert (raw[role] == before[role]).all(), "processing changes nothing in place"
            assert (processed[role] == folded.layer(layer)[role]).all()
            assert processed[role].flags.c_contiguous


def test_folding_needs_the_norms(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"lack 2 attention tensors: h\.0\.ln_1\.weight"):
        ModelWeights(save(tmp_path / "none"), fold_ln=True)
    damaged = ModelWeights(save(tmp_path / "nan", with_norms(np.nan)), fold_ln=True)
    with pytest.raises(WeightsError, match="the norm before attention of layer 0 holds NaN"):
        damaged.layer(0)


@pytest.mark.parametrize(("option", "role"), [("fold_ln", "Q"), ("center_writing", "O")])
@pytest.mark.filterwarnings("error")
def test_numbers_that_folding_takes_out_of_float32(tmp_path: Path, option: str, role: str) -> None:
    huge = {name: np.sign(it) * np.float32(3e38) for name, it in gpt2_tensors().items()}
    scales = {f"h.{layer}.ln_1.weight": np.full(16, 3e38, np.float32) for layer in range(2)}
    weights = ModelWeights(save(tmp_path, huge | scales), **{option: True})
    said = f"the {role} matrix of L0H0, .* is too large for float32 .*: leave {option}=True out$"
    with pytest.raises(WeightsError, match=said):
        weights.layer(0)
