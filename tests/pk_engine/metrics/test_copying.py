"""Copying and self-overlap of single heads: planted weights, and GPT-2's known erasers."""

import numpy as np
import pytest

from headgraph.pk_engine.linalg.bases import bases
from headgraph.pk_engine.metrics.copying import copying, derived_role, self_overlap
from headgraph.pk_engine.models.sources import open_weights
from tests.shared import SHARED, needs_shared

HEADS, D, M = 3, 40, 6


def _random(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((HEADS, D, M)).astype(np.float32)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_head_that_writes_what_it_reads_has_the_sign_of_what_it_writes(sign: float) -> None:
    values = _random(0)
    assert copying(values, sign * values) == pytest.approx(sign, abs=1e-6)
    both = bases(values).basis, bases(sign * values).basis
    assert self_overlap(*both, np.full(HEADS, M)) == pytest.approx(1, abs=1e-6)


def test_copying_equals_the_eigenvalues_of_the_whole_ov_matrix() -> None:
    values, outputs = _random(1).astype(float), _random(2).astype(float)
    whole = np.linalg.eigvals(values @ outputs.mT)  # d x d, row vectors
    expected = whole.sum(-1).real / np.abs(whole).sum(-1)
    assert copying(values, outputs) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("size", [1e-40, 1e-30, 1e18, 1e37])
def test_the_size_of_the_weights_does_not_matter(size: float) -> None:
    values, outputs = _random(5), _random(6)
    whole = np.linalg.eigvals(outputs.astype(float).mT @ values.astype(float))
    expected = whole.sum(-1).real / np.abs(whole).sum(-1)
    scaled = copying(np.float32(size) * values, np.float32(size) * outputs)
    # float32 has 17 bits for numbers of size 1e-40
    assert scaled == pytest.approx(expected, abs=1e-3 if size < 1e-38 else 1e-6)


def test_a_rotation_by_a_right_angle_neither_copies_nor_erases() -> None:
    turn = np.kron(np.eye(M // 2), [[0, -1], [1, 0]])
    values = np.linalg.qr(_random(3).astype(float))[0]
    assert copying(values, values @ turn) == pytest.approx(0, abs=1e-9)


def test_a_head_of_zeros_has_neither_score() -> None:
    values = _random(4)
    assert np.isnan(copying(values, 0 * values)).all()
    basis = bases(values).basis
    assert np.isnan(self_overlap(basis, 0 * basis, np.zeros(HEADS, int))).all()


@needs_shared
def test_gpt2_has_exactly_five_erasers() -> None:
    weights = open_weights(SHARED / "models/gpt2-attention")
    found = {}
    for layer in range(weights.shape.n_layers):
        raw = weights.layer(layer)
        value, output = bases(raw["V"]), bases(raw["O"])
        overlap = self_overlap(value.basis, output.basis, np.minimum(value.rank, output.rank))
        for head, score in enumerate(copying(raw["V"], raw["O"])):
            if derived_role(float(score), float(overlap[head])) == "eraser":
                found[f"L{layer}H{head}"] = (round(score, 4), round(64 * overlap[head], 2))
    assert found == {
        "L1H11": (-0.9996, 48.53),
        "L3H10": (-0.9936, 38.63),
        "L4H7": (-0.9985, 53.83),
        "L5H11": (-0.9972, 42.73),
        "L6H6": (-0.9950, 36.04),
    }


@pytest.mark.parametrize(
    ("copies", "overlap", "role"),
    [(-0.95, 0.6, "eraser"), (0.95, 0.6, "copier"), (-0.95, 0.5, None), (-0.9, 0.9, None),
     (0.3, 0.9, None), (None, None, None), (float("nan"), 0.9, None)],
)  # fmt: skip
def test_a_derived_role_needs_both_sign_and_overlap(
    copies: float | None, overlap: float | None, role: str | None
) -> None:
    assert derived_role(copies, overlap) == role
