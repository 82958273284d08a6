"""Answers that are known: a planted edge, checkpoints, a table against itself, float32 and 64."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

import headgraph
from headgraph.pk_engine.bundled import checkpoints_path
from tests.shared import MODELS, needs_shared

ALL = headgraph.Selection()
BABYLLAMA = MODELS / "babyllama-361"
WRITER, READER = (0, 2), (2, 0)  # L0H2, and the key/value head 0 of layer 2
Floats = NDArray[np.floating]


def pk(x: Floats, y: Floats) -> float:
    """PK by its definition in float64, with the QR of LAPACK: no code of headgraph."""
    u, v = (np.linalg.qr(matrix.astype(np.float64))[0] for matrix in (x, y))
    return float(np.square(u.T @ v).sum())


def written(tensors: dict[str, Floats], layer: int, head: int, m: int = 16) -> Floats:
    return tensors[f"model.layers.{layer}.self_attn.o_proj.weight"][:, m * head : m * (head + 1)]


def read_as_key(tensors: dict[str, Floats], layer: int, head: int, m: int = 16) -> Floats:
    return tensors[f"model.layers.{layer}.self_attn.k_proj.weight"][m * head : m * (head + 1)].T


@pytest.fixture(scope="module")
def tensors() -> dict[str, Floats]:
    return load_file(BABYLLAMA / "model.safetensors")


@pytest.fixture(scope="module")
def planted(tensors: dict[str, Floats], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Babyllama with one key/value head whose key reads what L0H2 writes."""
    folder = tmp_path_factory.mktemp("planted") / "babyllama-planted"
    folder.mkdir()
    (layer, head), name = READER, "model.layers.{}.self_attn.k_proj.weight"
    changed = dict(tensors)
    keys = changed[name.format(layer)].copy()
    keys[16 * head : 16 * (head + 1)] = written(tensors, *WRITER).T
    changed[name.format(layer)] = keys
    save_file(changed, folder / "model.safetensors")
    (folder / "config.json").write_text((BABYLLAMA / "config.json").read_text())
    return folder


@needs_shared
@pytest.mark.parametrize("kv", ["native", "expand"])
def test_the_planted_edge_comes_first_and_its_neighbours_do_not_appear(
    tensors: dict[str, Floats], planted: Path, kv: str
) -> None:
    before, after = (
        headgraph.compute(model, selection=ALL, kv=kv) for model in (BABYLLAMA, planted)
    )
    found = headgraph.diff(before, after)
    first = found.pairs.iloc[0]
    assert (first["change"], first["pairing"]) == ("stronger", "OK")
    assert (first["source"], first["target"]) == ("L0H2", "L2KV0")
    old = pk(written(tensors, *WRITER), read_as_key(tensors, *READER))
    assert first["pk_before"] == pytest.approx(old, abs=1e-4)
    assert old == pytest.approx(2.387, abs=1e-3)
    assert first["pk_after"] == pytest.approx(16, abs=1e-4), "the most that PK can be"
    # only what enters this key head changed: a row for each head of the layers before it
    assert set(found.pairs["pairing"]) == {"OK"}
    assert set(found.pairs["target"]) == {"L2KV0"}
    assert len(found.pairs) == 2 * 8
    assert found.counts["equal"].sum() == 1280 - 16
    for row in found.pairs.to_dict("records"):
        source = written(tensors, row["source_layer"], row["source_head"])
        new = pk(source, written(tensors, *WRITER)) - pk(source, read_as_key(tensors, *READER))
        assert row["difference"] == pytest.approx(new, abs=1e-4)
    assert found.pairs["difference"].abs().is_monotonic_decreasing


@needs_shared
def test_every_order_puts_the_planted_edge_first(planted: Path) -> None:
    tables = [headgraph.compute(model, selection=ALL) for model in (BABYLLAMA, planted)]
    for by, column in (("pk", "difference"), ("z", "z_difference"), ("rank", "rank_difference")):
        pairs = headgraph.diff(*tables, by=by).pairs
        assert pairs[column].abs().is_monotonic_decreasing
        assert len(pairs) == 16, "shifts of rank alone are no changes, in any order"
    for by in ("pk", "z"):
        assert headgraph.diff(*tables, by=by).pairs.iloc[0]["source"] == "L0H2"


def test_two_checkpoints_of_the_bundled_model(tmp_path: Path) -> None:
    folders = [checkpoints_path("induction-2l") / f"step-00{step}" for step in (300, 500)]
    paths = []
    for folder in folders:
        table = headgraph.compute(folder, selection=ALL)
        paths.append(table.write(tmp_path / f"{folder.name}.parquet"))
    found = headgraph.diff(*paths)
    assert found.names == ("step-00300", "step-00500")
    assert found.counts["compared"].sum() == 192
    tensors = [load_file(folder / "model.safetensors") for folder in folders]
    width = json.loads((folders[0] / "config.json").read_text())["n_embd"]
    m = width // 8
    change = {}
    for source in range(8):
        for target in range(8):
            old, new = (
                pk(
                    # rows of c_proj are what heads write; columns of c_attn are Q, K and V
                    next(t for n, t in one.items() if n.endswith("h.0.attn.c_proj.weight"))[
                        m * source : m * (source + 1)
                    ].T,
                    next(t for n, t in one.items() if n.endswith("h.1.attn.c_attn.weight"))[
                        :, width + m * target : width + m * (target + 1)
                    ],
                )
                for one in tensors
            )
            change[f"L0H{source}", f"L1H{target}"] = new - old
    rows = found.pairs[found.pairs["pairing"] == "OK"]
    assert len(rows) == 64
    for row in rows.to_dict("records"):
        assert row["difference"] == pytest.approx(change[row["source"], row["target"]], abs=1e-4)
    largest = max(change, key=lambda pair: abs(change[pair]))
    assert (rows.iloc[0]["source"], rows.iloc[0]["target"]) == largest
    assert found.pairs.iloc[0]["change"] == "stronger"


def test_a_table_against_itself_does_not_differ() -> None:
    found = headgraph.diff("gpt2-small", "gpt2-small")
    assert found.pairs.empty
    assert found.heads.empty
    assert list(found.counts["equal"]) == [9504, 9504, 9504]
    assert "28,512 equal within rounding" in str(found)
    assert "no pair differs: the 28,512 pairs that both tables have are equal" in found.nothing()


@needs_shared
@pytest.mark.parametrize("model", ["induction-2l", "babyllama-361", "stories260K", "capp-gpt2",
                                   "slm-4096", "gpt2-attention"])  # fmt: skip
def test_float32_against_float64_is_no_change(model: str) -> None:
    name = model if model == "induction-2l" else MODELS / model
    # the largest model costs as much as all others together: one of its pairings
    pairings = "OK" if model == "gpt2-attention" else "OQ,OK,OV"
    tables = [
        headgraph.compute(name, pairings=pairings, selection=ALL, dtype=dtype, decoys=False)
        for dtype in ("float32", "float64")
    ]
    found = headgraph.diff(*tables)
    assert found.pairs.empty
    keys = ["pairing", "source", "target"]
    scores = [table.frame.set_index(keys)["pk"].sort_index() for table in tables]
    measured = (scores[0] - scores[1]).abs()
    assert 0 < measured.max() < found.noise / 5, "the bound holds with room"
    eps = {"float32": 2**-23, "float64": 2**-52}
    meta = tables[0].meta
    arithmetic = (eps["float32"] + eps["float64"]) * meta.d_model**0.5
    assert found.noise == pytest.approx((arithmetic + eps["float32"]) * meta.d_head)
