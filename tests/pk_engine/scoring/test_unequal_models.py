"""Scores of models whose layers or roles are not all alike, against their definitions."""

from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headgraph.base.names import PAIRINGS
from headgraph.pk_engine import AffinityTable, Selection, compute, plan
from headgraph.pk_engine.errors import EngineError
from headgraph.pk_engine.metrics.random_reference import reference_mean, reference_sd
from headgraph.pk_engine.models.weights import ModelWeights
from tests.pk_engine.unequal_checkpoints import CONFIGS, checkpoint

ALL = "pk,simple_cs,cka,procrustes,max_cosine"
LAYERS = {"hybrid": [1, 4, 7], "latent": [0, 1, 2, 3], "widths": [0, 1, 2, 3, 4],
          "parts": [0, 1, 2, 3, 4, 5], "stages": [0, 1, 2, 3]}  # fmt: skip
STREAMS = {"parts": {"Q": "eedddd", "K": "eedede", "V": "eedede", "O": "eedddd"},
           "stages": {"Q": "0011", "K": "ab11", "V": "ab11", "O": "0011"}}  # fmt: skip
"""Model -> role -> the stream of each layer, by a letter: E0, E1, D0, X0, D1, X1, and two stages,
of which the first reduces its tokens."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return cache(lambda name: checkpoint(tmp_path_factory.mktemp(name), name))


@pytest.fixture(params=CONFIGS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def matrices(folder: Path) -> dict[int, dict[str, np.ndarray]]:
    """Layer -> role -> heads x d x width, in float64."""
    weights = ModelWeights(folder)
    return {
        layer.index: {r: w.astype(np.float64) for r, w in weights.layer(layer.index).items()}
        for layer in weights.shape.layers
    }


def defined(x: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """The scores of two matrices, as plainly as possible."""
    u, v = (np.linalg.svd(w, full_matrices=False)[0] for w in (x, y))
    cosines = np.linalg.svd(u.T @ v, compute_uv=False)
    r, s, d = u.shape[1], v.shape[1], len(x)
    pk = float((cosines**2).sum())
    gram = [np.linalg.norm(w.T @ w) for w in (x, y)]
    return {
        "pk": pk,
        "pk_normalized": pk / np.sqrt(r * s),
        "z": (pk - reference_mean(r, s, d)) / reference_sd(r, s, d),
        "simple_cs": np.linalg.norm(x.T @ y) / (np.linalg.norm(x) * np.linalg.norm(y)),
        "cka": np.linalg.norm(x.T @ y) ** 2 / (gram[0] * gram[1]),
        "max_cosine": cosines.max(),
    }


def expected_pairs(
    heads: dict[int, dict[str, np.ndarray]], pairing: str, name: str
) -> set[tuple[int, ...]]:
    ends = [[(layer, head) for layer, of in heads.items() for head in range(len(of[role]))]
            for role in pairing]  # fmt: skip
    streams = STREAMS.get(name, dict.fromkeys("QKVO", "r" * 8))
    return {
        (*a, *b)
        for a, b in product(*ends)
        if a[0] < b[0] and streams[pairing[0]][a[0]] == streams[pairing[1]][b[0]]
    }


def test_every_pair_has_the_scores_of_the_definitions(folder: Any, name: str) -> None:
    table = compute(folder(name), selection=Selection(), metrics=ALL)
    heads = matrices(folder(name))
    assert list(heads) == LAYERS[name]
    for pairing, rows in table.frame.groupby("pairing"):
        found = rows[["source_layer", "source_head", "target_layer", "target_head"]].to_numpy()
        assert {tuple(row) for row in found.tolist()} == expected_pairs(heads, str(pairing), name)
        for row in rows.to_dict("records"):
            x = heads[row["source_layer"]][pairing[0]][row["source_head"]]
            y = heads[row["target_layer"]][pairing[1]][row["target_head"]]
            for metric, value in defined(x, y).items():
                assert row[metric] == pytest.approx(value, abs=1e-4), metric


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_composition_scores_are_those_of_the_full_products(
    folder: Any, name: str, backend: str
) -> None:
    if backend == "torch":
        pytest.importorskip("torch")
    table = compute(folder(name), selection=Selection(), metrics="pk,cs", backend=backend)
    heads = matrices(folder(name))

    def full(layer: int, head: int, role: str) -> np.ndarray:
        of, group = heads[layer], len(heads[layer]["Q"]) // len(heads[layer]["K"])
        q, o, k, v = of["Q"][head], of["O"][head], of["K"][head // group], of["V"][head // group]
        return {"O": v @ o.T, "Q": q @ k.T, "K": k @ q.T, "V": v @ o.T}[role]

    for row in table.frame.to_dict("records"):
        source = full(row["source_layer"], row["source_head"], "O")
        target = full(row["target_layer"], row["target_head"], row["pairing"][1])
        value = np.linalg.norm(source @ target)
        value /= np.linalg.norm(source) * np.linalg.norm(target)
        assert row["cs"] == pytest.approx(value, abs=1e-4)


@pytest.mark.parametrize("order", ["forward", "all", "within"])
@pytest.mark.parametrize("kv", ["native", "expand"])
def test_groups_of_layers_give_the_rows_of_one_group(
    folder: Any, name: str, order: str, kv: str
) -> None:
    how: dict[str, Any] = {"pairings": PAIRINGS, "layer_order": order, "kv": kv}
    whole = compute(folder(name), selection=Selection(), **how)
    parts = compute(folder(name), selection=Selection(), memory=3e-5, **how)
    assert whole.meta.fingerprint == parts.meta.fingerprint
    np.testing.assert_allclose(whole.columns["pk"], parts.columns["pk"], atol=1e-5)
    assert plan(folder(name), calibrate=False, **how).pairs == whole.meta.scored


def test_a_table_comes_back_from_its_file(folder: Any, name: str, tmp_path: Path) -> None:
    table = compute(folder(name), selection=Selection(), metrics="pk,cs")
    read = AffinityTable.read(table.write(tmp_path / "t.parquet"))
    assert read.meta == table.meta
    assert read.frame.equals(table.frame)
    assert [layer["index"] for layer in read.meta.layers] == LAYERS[name]
    assert len(list(read.meta.places())) == read.meta.head_count == 4 * len(LAYERS[name])
    assert set(read.frame["source"]) <= {
        read.meta.head_name(*place) for place in read.meta.places()
    }
    names = [layer.name for layer in read.meta.shape.layers]
    plain = [f"L{layer}" for layer in LAYERS[name]]
    assert names == (["E0", "E1", "D0", "X0", "D1", "X1"] if name == "parts" else plain)


def test_edges_of_shared_keys_reach_every_query_head(folder: Any, name: str) -> None:
    table = compute(folder(name), selection=Selection())
    edges, heads = table.edges(), matrices(folder(name))
    for pairing, rows in edges.groupby("pairing"):
        ends = rows[["source_layer", "source_head", "target_layer", "target_head"]].to_numpy()
        queries = {layer: dict.fromkeys("QKVO", of["Q"]) for layer, of in heads.items()}
        expected = expected_pairs(queries, str(pairing), name)
        assert {tuple(row) for row in ends.tolist()} == expected
        assert rows["share"].sum() == pytest.approx(table.meta.scored[str(pairing)])


def test_nulls_are_of_the_ranks_of_each_pair(folder: Any, name: str) -> None:
    if name in STREAMS:
        with pytest.raises(EngineError, match="several residual streams") as told:
            compute(folder(name), selection=Selection(fdr=1, null="covariance"))
        assert len(str(told.value)) < 300
        isotropic = Selection(fdr=1, null="isotropic")
        assert "q_isotropic" in compute(folder(name), selection=isotropic).columns
        return
    nulls = "isotropic,covariance,rotations,backward,within"
    table = compute(
        folder(name), selection=Selection(fdr=1, null=nulls), samples=3, seed=1, pairings="OQ,OK,OV"
    )
    assert np.isfinite(table.columns["q_rotations"]).all()
    np.testing.assert_allclose(table.columns["z_isotropic"], table.columns["z"], atol=1e-5)


def test_copying_is_of_the_heads_that_are_there(folder: Any, name: str) -> None:
    table, heads = compute(folder(name)), matrices(folder(name))
    scores = table.meta.heads["copying"]
    assert len(scores) == table.meta.n_layers
    for layer, of_layer in enumerate(scores):
        if layer not in heads:
            assert of_layer == [None] * 4
            continue
        v, o = heads[layer]["V"], heads[layer]["O"]
        for head, value in enumerate(of_layer):
            w = o[head].T @ v[head // (len(o) // len(v))]
            eigenvalues = np.linalg.eigvals(w)
            wanted = eigenvalues.real.sum() / np.abs(eigenvalues).sum()
            assert value == pytest.approx(wanted, abs=1e-4)
