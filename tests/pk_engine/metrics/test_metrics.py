"""Every metric and layer order through `compute`, against the definitions in float64."""

from pathlib import Path

import numpy as np
import pytest

from headgraph.base.names import PAIRINGS
from headgraph.pk_engine import Selection, compute
from headgraph.pk_engine.errors import EngineError
from headgraph.pk_engine.metrics.registry import METRICS
from tests.pk_engine import oracle
from tests.pk_engine.checkpoints import LLAMA_CONFIG, llama_tensors, save
from tests.shared import MODELS, needs_shared

NATIVE = [name for name, metric in METRICS.items() if not metric.per_query_head]


def defined(name: str, x: np.ndarray, y: np.ndarray) -> float:
    """A metric of two raw d x m matrices, written out."""
    u, v = np.linalg.qr(x)[0], np.linalg.qr(y)[0]
    norms = np.linalg.norm(x) * np.linalg.norm(y)
    grams = np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y)
    return float(
        {
            "pk": lambda: np.linalg.norm(u.T @ v) ** 2,
            "simple_cs": lambda: np.linalg.norm(x.T @ y) / norms,
            "cka": lambda: np.linalg.norm(x.T @ y) ** 2 / grams,
            "cka_columns": lambda: np.sum((x.T @ x) * (y.T @ y)) / grams,
            "procrustes": lambda: np.linalg.norm(x.T @ y, "nuc") / norms,
            "procrustes_columns": lambda: np.linalg.norm(x @ y.T, "nuc") / norms,
            "max_cosine": lambda: np.linalg.norm(u.T @ v, 2),
        }[name]()
    )


@pytest.fixture(scope="module")
def grouped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("llama"), llama_tensors(), LLAMA_CONFIG)


@needs_shared
@pytest.mark.parametrize("order", ["forward", "all", "within"])
def test_metrics_of_a_trained_model(order: str) -> None:
    table = compute(MODELS / "slm-4096", metrics=NATIVE, layer_order=order, selection=Selection())
    assert table.meta.layer_order == order
    heads = oracle.gpt2_heads(MODELS / "slm-4096")
    for row in table.frame.sample(60, random_state=0).itertuples():
        x = heads[row.pairing[0]][row.source_layer, row.source_head]
        y = heads[row.pairing[1]][row.target_layer, row.target_head]
        for name in NATIVE:
            assert getattr(row, name) == pytest.approx(defined(name, x, y), abs=1e-4), name


def test_all_pairings_of_a_grouped_model(grouped: Path) -> None:
    names = [name for name in NATIVE if name != "simple_cs"]
    table = compute(grouped, pairings="all", metrics=names, selection=Selection())
    heads = oracle.llama_heads(grouped)
    counts = {"Q": 4, "K": 2, "V": 2, "O": 4}
    assert table.meta.scored == {p: counts[p[0]] * counts[p[1]] for p in PAIRINGS}
    for row in table.frame.itertuples():
        x = heads[row.pairing[0]][row.source_layer, row.source_head]
        y = heads[row.pairing[1]][row.target_layer, row.target_head]
        for name in names:
            assert getattr(row, name) == pytest.approx(defined(name, x, y), abs=1e-4), name


def test_pairs_of_each_layer_order(grouped: Path) -> None:
    def count(order: str, pairing: str) -> int:
        table = compute(grouped, pairings=pairing, layer_order=order, selection=Selection())
        return table.meta.scored[pairing]

    # 2 layers of 4 query and 2 key/value heads
    assert [count(order, "OK") for order in ("forward", "within", "all")] == [8, 16, 32]
    # in the same role a pair of heads counts once: 8 heads make 28 pairs, 4 a layer make 6
    assert [count(order, "QQ") for order in ("forward", "within", "all")] == [16, 12, 28]
    assert [count(order, "KK") for order in ("forward", "within", "all")] == [4, 2, 6]


def test_same_role_pairs_are_unordered_and_never_a_head_with_itself(grouped: Path) -> None:
    frame = compute(grouped, pairings="QQ", layer_order="all", selection=Selection()).frame
    source = frame.source_layer * 4 + frame.source_head
    target = frame.target_layer * 4 + frame.target_head
    assert (source < target).all()


def test_expanded_rows_repeat_the_shared_heads_scores(grouped: Path) -> None:
    native = compute(grouped, metrics=["cka"], selection=Selection()).frame
    wide = compute(grouped, metrics=["cka"], kv="expand", selection=Selection()).frame
    wide = wide[wide.pairing == "OK"].assign(target_head=wide.target_kv_head)
    keys = ["source_head", "target_head"]
    a = wide.groupby(keys).cka.agg(["min", "max", "size"])
    b = native[native.pairing == "OK"].set_index(keys).cka.sort_index()
    assert (a["size"] == 2).all()
    assert np.allclose(a["min"], a["max"])
    assert np.allclose(a["min"], b)


def test_folding_is_recorded_and_does_what_it_says(tmp_path: Path) -> None:
    tensors = llama_tensors()
    rng = np.random.default_rng(3)
    for layer in range(2):
        name = f"model.layers.{layer}.input_layernorm.weight"
        tensors[name] = rng.uniform(0.5, 2, 24).astype(np.float32)
    folder = save(tmp_path, tensors, LLAMA_CONFIG)
    raw = compute(folder, pairings="OQ", selection=Selection())
    folded = compute(folder, pairings="OQ", fold_ln=True, selection=Selection())
    assert folded.meta.fold_ln
    assert raw.meta.fingerprint == folded.meta.fingerprint
    heads = oracle.llama_heads(folder)
    scale = tensors["model.layers.1.input_layernorm.weight"][:, None].astype(np.float64)
    for row in folded.frame.itertuples():
        wanted = oracle.pk(heads["O"][0, row.source_head], scale * heads["Q"][1, row.target_head])
        assert row.pk == pytest.approx(wanted, abs=1e-4)


@needs_shared
def test_centring_is_recorded_and_does_what_it_says() -> None:
    folder = MODELS / "slm-4096"
    centred = compute(folder, center_writing=True, selection=Selection())
    assert centred.meta.center_writing
    assert centred.meta.fingerprint == compute(folder).meta.fingerprint
    heads = oracle.gpt2_heads(folder)
    for row in centred.frame.sample(40, random_state=0).itertuples():
        written = heads["O"][row.source_layer, row.source_head]
        read = heads[row.pairing[1]][row.target_layer, row.target_head]
        assert row.pk == pytest.approx(oracle.pk(written - written.mean(axis=0), read), abs=1e-4)


def test_what_does_not_exist_is_refused(grouped: Path) -> None:
    for options, message in (
        ({"metrics": ["simple_cs"], "pairings": "OO"}, "simple_cs is defined for OQ, OK, OV"),
        ({"metrics": ["cs"], "pairings": "QK"}, "cs is defined for OQ, OK, OV, not for QK"),
        (
            {"layer_order": "backward"},
            "unknown layer order 'backward': expected forward, all, within",
        ),
    ):
        with pytest.raises(EngineError, match=message):
            compute(grouped, **options)  # type: ignore[arg-type]


def test_composition_of_heads_that_are_wider_than_the_stream(tmp_path: Path) -> None:
    config = LLAMA_CONFIG | {"hidden_size": 3}
    tensors = {
        name: values[:, :3] if values.shape[1] == 24 else values[:3]
        for name, values in llama_tensors().items()
    }
    folder = save(tmp_path / "wide", tensors, config)
    table = compute(folder, metrics=["pk", "cs", "cka"], layer_order="all", selection=Selection())
    heads = {
        role: per_head if role in "QO" else per_head.repeat(2, axis=1)
        for role, per_head in oracle.llama_heads(folder).items()
    }
    for row in table.frame.itertuples():
        source_end = row.source_layer, row.source_head
        target_end = row.target_layer, row.target_head
        write = heads["V"][source_end] @ heads["O"][source_end].T  # d x d, row vectors
        role = row.pairing[1]
        other = {"Q": "K", "K": "Q", "V": "O"}[role]
        read = heads[role][target_end] @ heads[other][target_end].T
        expected = np.linalg.norm(write @ read) / (np.linalg.norm(write) * np.linalg.norm(read))
        assert row.cs == pytest.approx(expected, abs=1e-5)
        assert row.pk == pytest.approx(3, abs=1e-5)
