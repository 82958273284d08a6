"""The rotations null: uniform rotations that keep the span and what lies outside it."""

from pathlib import Path

import numpy as np
import pytest

from headgraph.pk_engine import Selection, compute
from headgraph.pk_engine.models.weights import ModelWeights
from headgraph.pk_engine.nulls.rotations import haar, rotated, span
from headgraph.pk_engine.scoring.layers import collect
from tests.pk_engine import oracle
from tests.pk_engine.checkpoints import save
from tests.pk_engine.nulls.models import CONFIG, LAYERS, D, M


def test_a_uniform_rotation_has_uniform_columns() -> None:
    """An entry of a uniform orthogonal matrix has the moments 0, 1/k and (fourth) 3/k(k+2)."""
    k = 12
    q = np.stack([haar(k, [0, i]) for i in range(4000)]).astype(np.float64)
    assert np.allclose(q @ q.mT, np.eye(k), atol=1e-5)
    diagonal = q[:, 0, 0]
    assert abs(diagonal.mean()) < 4 / np.sqrt(k * len(q))
    assert abs((diagonal**2).mean() * k - 1) < 0.1
    assert abs((diagonal**4).mean() * k * (k + 2) / 3 - 1) < 0.2


def test_rotations_keep_the_span_and_what_is_outside(random: Path) -> None:
    weights = ModelWeights(random)
    stacks = collect(weights, "QO")
    spans = {(role, n): span(weights.layer(n)[role], 0.6) for role in "QO" for n in range(LAYERS)}
    turned = rotated(stacks, spans, 0, 0)
    for (role, layer), e in spans.items():
        assert 1 < e.shape[1] < D
        before, after = stacks.basis[role][layer], turned.basis[role][layer]
        assert np.allclose(after.mT @ after, np.eye(M), atol=1e-5)
        outside = np.eye(D) - e @ e.T
        assert np.allclose(outside @ after, outside @ before, atol=1e-5)
        # how much of each head lies inside stays too, and so does what heads of a layer share
        assert np.allclose(*(np.square(e.T @ u).sum((1, 2)) for u in (before, after)), atol=1e-4)
        assert np.allclose(before[0].T @ before[1], after[0].T @ after[1], atol=1e-5)
        assert np.abs(after - before).max() > 0.1


def test_the_span_holds_the_energy_and_no_more() -> None:
    heads = np.random.default_rng(0).standard_normal((3, 30, 4)).astype(np.float32)
    e = span(heads, 0.8)
    wide = np.concatenate(list(heads), axis=1)
    energy = np.cumsum(np.linalg.svd(wide)[1] ** 2) / np.square(wide).sum()
    assert energy[e.shape[1] - 1] >= 0.8 > energy[e.shape[1] - 2]
    assert np.square(e.T @ wide).sum() / np.square(wide).sum() == pytest.approx(
        energy[e.shape[1] - 1], rel=1e-5
    )
    assert span(heads, 1 - 1e-9).shape == (30, 12)


def test_rotated_heads_share_what_their_spans_do(tmp_path: Path) -> None:
    """The mean over Q is known: E P = ||E^T U||^2 / k E E^T + C C^T, C what lies outside."""
    rng = np.random.default_rng(5)
    config = CONFIG | {"n_layer": 2, "n_head": 2, "n_embd": 12}
    tensors = {}
    for layer in range(2):
        # some directions are used more than others
        scale = np.geomspace(0.05, 1, 12)[:, None]
        for name, width in (("c_attn", 36), ("c_proj", 12)):
            weights = rng.standard_normal((12, width)) * scale
            weights = weights.T if name == "c_proj" else weights
            tensors[f"h.{layer}.attn.{name}.weight"] = weights.astype(np.float32)
    folder = save(tmp_path / "m", tensors, config)
    heads = oracle.gpt2_heads(folder)

    def mean_projector(role: str, layer: int) -> np.ndarray:
        e = span(heads[role][layer].astype(np.float32)).astype(np.float64)
        assert 3 < e.shape[1] < 12
        u = np.linalg.qr(heads[role][layer])[0]  # heads x d x m
        inside, outside = e.T @ u, u - e @ (e.T @ u)
        share = np.square(inside).sum((1, 2)).mean() / e.shape[1]
        return np.asarray(share * e @ e.T + (outside @ outside.mT).mean(0))

    found = compute(
        folder, pairings="OQ", selection=Selection(fdr=1, null="rotations"), samples=2000
    )
    entry = found.meta.nulls["rotations"]
    assert entry["values"]["OQ"] == 2000 * 4
    expected = np.trace(mean_projector("O", 0) @ mean_projector("Q", 1))
    assert entry["moments"]["OQ"]["mean"] == pytest.approx(expected, rel=0.01)
