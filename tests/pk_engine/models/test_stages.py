"""Models whose stages have residual streams of unequal width, against the running networks."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.pk_engine import TRANSFORMERS

pytest.importorskip("torch", reason="the small models are run with torch")
pytest.importorskip("transformers", minversion=TRANSFORMERS, reason="and built by transformers")

import torch
from safetensors.numpy import load_file, save_file
from transformers.models.dinat import modeling_dinat
from transformers.utils import logging

from headgraph.analysis.difference.pairs import _z_of
from headgraph.analysis.figures.chance import chance_lines
from headgraph.pk_engine import Selection, compute, read_table
from headgraph.pk_engine.errors import ModelError, TableError
from headgraph.pk_engine.linalg.bases import bases
from headgraph.pk_engine.models.families.catalogue import families
from headgraph.pk_engine.models.weights import ModelWeights
from headgraph.pk_engine.nulls import add_nulls
from headgraph.pk_engine.table.layers import read_layers
from tests.pk_engine import reading, zoo_wide
from tests.pk_engine.unequal_zoo import IN_STAGES

logging.disable_progress_bar()

SIZES = {"depths": [2, 2], "num_channels": 3, "image_size": 20}
SWIN = SIZES | {"patch_size": 2, "embed_dim": 16, "num_heads": [2, 4], "window_size": 5,
                "mlp_ratio": 1.0}  # fmt: skip
REDUCED = SIZES | {"hidden_sizes": [16, 32], "num_attention_heads": [2, 4], "mlp_ratios": [1, 1],
                   "num_encoder_blocks": 2, "patch_sizes": [3, 3], "strides": [2, 2]}  # fmt: skip
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "swin": ("swin", SWIN),
    "dinat": ("dinat", SWIN | {"image_size": 40, "patch_size": 4, "kernel_size": 3,
                               "dilations": [[1, 1], [1, 1]]}),
    "donut-swin": ("donut-swin", SWIN),
    "maskformer-swin": ("maskformer-swin", SWIN | {"depths": [2, 1]}),
    "swinv2": ("swinv2", SWIN),
    "swin2sr": ("swin2sr", SWIN | {"image_size": 10, "patch_size": 1, "num_heads": [2, 2],
                                   "upscale": 1}),
    "segformer": ("segformer", REDUCED | {"sr_ratios": [2, 1]}),
    "glpn": ("glpn", REDUCED | {"sr_ratios": [1, 2]}),
    "pvt": ("pvt", REDUCED | {"sequence_reduction_ratios": [2, 1], "image_size": 40,
                             "patch_sizes": [4, 2], "strides": [4, 2]}),
    "pvt_v2": ("pvt_v2", REDUCED | {"sr_ratios": [2, 1]}),
    "pvt_v2-linear": ("pvt_v2", REDUCED | {"sr_ratios": [2, 1], "linear_attention": True,
                                           "image_size": 40}),
    "hiera": ("hiera", SWIN | {"image_size": [40, 40], "patch_stride": [4, 4], "num_query_pool": 1,
                               "patch_size": [7, 7], "masked_unit_size": [10, 10],
                               "masked_unit_attention": [False, False]}),
    "levit": ("levit", {"depths": [2, 2, 1], "hidden_sizes": [16, 32, 32], "key_dim": [8, 4, 4],
                        "num_attention_heads": [2, 4, 4], "attention_ratio": [1, 2, 2],
                        "mlp_ratio": [1, 1, 1], "image_size": 272, "patch_size": 16}),
    "mobilevit": ("mobilevit", {"hidden_sizes": [16, 24, 24], "num_attention_heads": 2,
                                "neck_hidden_sizes": [4] * 7, "image_size": 128, "patch_size": 1,
                                "mlp_ratio": 1.0, "expand_ratio": 1.0}),
}  # fmt: skip
"""Name -> the model type and its sizes. Each window of a stage has enough tokens for `reading`."""


@pytest.fixture(scope="module", autouse=True)
def neighbourhoods() -> Iterator[None]:
    """Attention to the whole image in the place of Natten's, which few people can install.

    Its functions take batch x heads x height x width x m. Transformers 5.24 gives them heads last.
    """

    def flat(tensor: Any) -> Any:
        return tensor.permute(0, 3, 2, 1, 4).flatten(2, 3)

    def attend(probabilities: Any, value: Any, *_: Any) -> Any:
        batch, width, height, heads, m = value.shape
        return (probabilities @ flat(value)).reshape(batch, heads, height, width, m)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(modeling_dinat, "requires_backends", lambda *_: None)
        patch.setattr(
            modeling_dinat, "natten2dqkrpb", lambda q, k, *_: flat(q) @ flat(k).transpose(-2, -1)
        )
        patch.setattr(modeling_dinat, "natten2dav", attend)
        yield


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Any:
    @cache
    def built(name: str) -> tuple[Any, Path]:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        model_type, sizes = MODELS[name]
        model = zoo_wide.build(model_type, **sizes)
        folder = tmp_path_factory.mktemp(name)
        model.save_pretrained(folder)
        torch.set_num_threads(threads)
        return model, folder

    return built


@pytest.mark.filterwarnings("ignore")  # of transformers, about configurations this small
@pytest.mark.parametrize("name", MODELS)
def test_each_stage_is_read_as_it_runs(build: Any, name: str) -> None:
    model, folder = build(name)
    reading.check(model, ModelWeights(folder), zoo_wide.inputs_of(model))


def test_each_model_type_is_tried() -> None:
    tried = {model_type for model_type, _ in MODELS.values()}
    assert tried == {name for name, family in families().items() if family.name in IN_STAGES}


def test_pairs_are_inside_a_stage(build: Any) -> None:
    frame = compute(build("swin")[1], selection=Selection()).frame
    for _, rows in frame.groupby("pairing"):
        assert set(zip(rows["source"].str[:2], rows["target"].str[:2], strict=True)) == {
            ("L0", "L1"),
            ("L2", "L3"),
        }


def test_a_picture_says_which_stage_has_the_chance(build: Any) -> None:
    meta = compute(build("swin")[1], selection=Selection()).meta
    assert chance_lines(meta, ["OQ"])[0] == (
        "PK of random subspaces in the widest stream, more in narrower ones: 2 (sd 0.26); maximum 8"
    )
    assert np.isnan(_z_of(4.0, meta, "OQ"))


def test_an_adapter_of_a_stage_is_merged(build: Any, tmp_path: Path) -> None:
    folder = build("swin")[1]
    tensors, rng = load_file(folder / "model.safetensors"), np.random.default_rng(1)
    module = "encoder.layers.1.blocks.0.attention.self.query"
    stored = next(tensors[name] for name in tensors if name.endswith(f"{module}.weight"))
    b, a = (rng.standard_normal(size, np.float32) for size in ((32, 2), (2, 32)))
    start = f"base_model.model.{module}.lora_"
    save_file(
        {f"{start}A.weight": a, f"{start}B.weight": b}, tmp_path / "adapter_model.safetensors"
    )
    (tmp_path / "adapter_config.json").write_text('{"peft_type":"LORA","r":2,"lora_alpha":4}')
    found = ModelWeights(folder, adapter=tmp_path)
    assert "changed: 1)" in found.origin["adapter"]
    queries = found.raw_layer(2)["Q"].transpose(0, 2, 1).reshape(32, 32)
    assert np.allclose(queries, stored + 2 * b @ a, atol=1e-5)


def test_queries_alone_are_scored_where_tokens_are_reduced(build: Any) -> None:
    frame = compute(build("segformer")[1], selection=Selection()).frame
    found = {pairing: set(rows["target_layer"]) for pairing, rows in frame.groupby("pairing")}
    assert found == {"OQ": {1, 3}, "OK": {3}, "OV": {3}}


def test_scores_are_those_of_subspaces_of_the_stage(build: Any, tmp_path: Path) -> None:
    """PK from the bases alone, and z by the paper's formula with the width of the stage."""
    folder = build("swin")[1]
    table, weights = (
        compute(folder, selection=Selection(), metrics=["pk", "cs"]),
        ModelWeights(folder),
    )
    assert table.meta.d_model == 32
    for row in table.frame.to_dict("records"):
        ends = [
            weights.raw_layer(row[f"{end}_layer"])[role][row[f"{end}_head"]].astype(np.float64)
            for end, role in zip(("source", "target"), row["pairing"], strict=True)
        ]
        d = ends[0].shape[0]
        assert d == {1: 16, 3: 32}[row["target_layer"]]
        u, v = (np.linalg.qr(matrix)[0] for matrix in ends)
        pk = np.square(u.T @ v).sum()
        variance = 2 * 64 * (d - 8) ** 2 / (d**2 * (d - 1) * (d + 2))
        assert row["pk"] == pytest.approx(pk, abs=1e-5)
        assert row["z"] == pytest.approx((pk - 64 / d) / variance**0.5, abs=1e-3)
    path = table.write(tmp_path / "t.parquet")
    again = read_table(path)
    assert again.meta.shape == table.meta.shape
    assert again.meta.format == 4
    assert [layer.d_model for layer in again.meta.shape.layers] == [16, 16, 32, 32]


def test_the_null_of_random_subspaces_has_the_width_of_the_stage(build: Any) -> None:
    folder = build("swin")[1]
    table = compute(folder, selection=Selection())
    frame = add_nulls(table, ModelWeights(folder), ["isotropic"]).frame
    for d, rows in (
        (16, frame[frame["target_layer"] == 1]),
        (32, frame[frame["target_layer"] == 3]),
    ):
        rng = np.random.default_rng(0)
        u = bases(rng.standard_normal((2000, d, 8))).basis
        drawn = np.square(u[0].T @ u[1:]).sum(axis=(1, 2))
        expected = [(drawn >= pk).mean() for pk in rows["pk"]]
        np.testing.assert_allclose(rows["p_isotropic"], expected, atol=0.05)


def test_a_layer_wider_than_its_model_is_refused() -> None:
    entry = {
        "index": 0,
        "name": "L0",
        "heads": dict.fromkeys("QKVO", 2),
        "widths": dict.fromkeys("QKVO", 8),
        "streams": dict.fromkeys("QKVO", "stage 0"),
        "d_model": 64,
    }
    with pytest.raises(TableError, match="expected at most that of the model, 32"):
        read_layers([entry], 32, 1)


@pytest.mark.parametrize("depths", [None, 2, [], [2, "x"], [0], [True], [2] * 17, [2**40]])
def test_depths_that_are_none_are_refused(depths: Any) -> None:
    config = {"model_type": "swin", "depths": depths, "num_heads": [2], "embed_dim": 16}
    with pytest.raises(ModelError, match="depths") as told:
        families()["swin"].shape(config)
    assert len(str(told.value)) < 300
