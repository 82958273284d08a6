"""The isotropic null: exact moments and tails, against simulated subspaces and known laws."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from benchmarks import null_tails
from headgraph.pk_engine import Selection, compute
from headgraph.pk_engine.metrics.random_reference import reference_mean, reference_sd
from headgraph.pk_engine.nulls.isotropic import beta_of, upper_tail
from tests.pk_engine.checkpoints import save
from tests.pk_engine.nulls.models import CONFIG, D, M

# three tests share the largest sample
simulated = cache(null_tails.simulated)


def tail(pk: np.ndarray, r: int, s: int, d: int) -> np.ndarray:
    return upper_tail(pk, np.full(len(pk), r), np.full(len(pk), s), d)


@pytest.mark.parametrize(
    ("r", "s", "d", "samples"), [(8, 8, 64, 400_000), (16, 16, 96, 100_000), (8, 3, 64, 200_000)]
)
def test_p_of_simulated_subspaces_is_uniform_far_into_the_tail(
    r: int, s: int, d: int, samples: int
) -> None:
    pk = simulated(r, s, d, samples, seed=1)
    p = tail(pk, r, s, d)
    for level in (0.05, 0.01, 1e-3, 1e-4):
        expected = level * samples
        assert abs((p <= level).sum() - expected) < 4 * np.sqrt(expected)


def test_a_normal_has_too_small_a_tail() -> None:
    """Simulated subspaces go beyond p = 1e-4 of the normal more than twice as often."""
    pk = simulated(8, 8, 64, 400_000, seed=1)
    normal = stats.norm.sf(pk, reference_mean(8, 8, 64), reference_sd(8, 8, 64))
    assert (normal <= 1e-4).sum() > 2 * 1e-4 * len(pk)


def test_subspaces_that_must_meet() -> None:
    """20 + 20 > 30: PK is at least 10, and p is that of complements of dimension 10."""
    pk = 10 + simulated(10, 10, 30, 100_000, seed=2)
    p = tail(pk, 20, 20, 30)
    for level in (0.05, 0.01, 1e-3):
        assert abs((p <= level).sum() - 1e5 * level) < 4 * np.sqrt(1e5 * level)
    assert np.array_equal(p, tail(pk - 10, 10, 10, 30))
    assert tail(np.array([9.5, 10.0, 20.0]), 20, 20, 30).tolist() == [1, 1, 0]


@pytest.mark.parametrize(("s", "d"), [(1, 2), (1, 7), (3, 10), (64, 768), (9, 10)])
def test_a_line_has_the_exact_law(s: int, d: int) -> None:
    """The squared length of the projection of a random unit vector is Beta(s / 2, (d - s) / 2)."""
    pk = np.linspace(0, 1, 41)
    exact = stats.beta.sf(pk, s / 2, (d - s) / 2)
    assert np.allclose(tail(pk, 1, s, d), exact, rtol=1e-9, atol=0)
    assert np.allclose(tail(pk, s, 1, d), exact, rtol=1e-9, atol=0)
    # its complement meets a subspace of dimension s in s - 1 dimensions, and in 1 - PK beyond
    over = np.asarray(stats.beta.cdf(1 - pk, s / 2, (d - s) / 2))
    assert np.allclose(tail(s - 1 + pk, d - 1, s, d), over, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize(
    ("r", "s", "d"), [(8, 8, 64), (64, 64, 768), (128, 128, 4096), (64, 32, 512), (50, 40, 64)]
)
def test_the_distribution_has_the_moments_of_the_reference(r: int, s: int, d: int) -> None:
    least, width, a, b = beta_of(r, s, d)
    law = stats.beta(a, b, loc=least, scale=width)
    assert law.mean() == pytest.approx(reference_mean(r, s, d), rel=1e-9)
    assert law.std() == pytest.approx(reference_sd(r, s, d), rel=1e-6)
    assert least == max(0, r + s - d)


def test_the_third_moment_is_that_of_simulated_subspaces() -> None:
    pk = simulated(8, 8, 64, 400_000, seed=1)
    *_, a, b = beta_of(8, 8, 64)
    # the standard error of a skewness is sqrt(6 / n)
    assert abs(stats.skew(pk) - stats.beta.stats(a, b, moments="s")) < 4 * np.sqrt(6 / len(pk))


def test_subspaces_that_fill_the_space_never_stand_out() -> None:
    assert tail(np.array([0.0, 3.0]), 8, 3, 8).tolist() == [1, 1]
    assert tail(np.array([0.0]), 0, 3, 8).tolist() == [1]
    assert tail(np.array([2.0]), 2, 2, 2).tolist() == [1]


def test_full_rank_in_a_table(tmp_path: Path) -> None:
    """A model of one head a layer: d_head = d_model, and every pair shares all dimensions."""
    rng = np.random.default_rng(0)
    tensors = {}
    for layer in range(2):
        for name, width in (("c_attn", 24), ("c_proj", 8)):
            weights = rng.standard_normal((8, width)).astype(np.float32)
            tensors[f"h.{layer}.attn.{name}.weight"] = weights
    config = CONFIG | {"n_layer": 2, "n_head": 1, "n_embd": 8}
    found = compute(save(tmp_path, tensors, config), selection=Selection(fdr=1, null="isotropic"))
    assert found.frame["p_isotropic"].tolist() == [1, 1, 1]
    assert found.frame["q_isotropic"].tolist() == [1, 1, 1]


def test_the_column_has_the_tail_of_its_scores(table: object) -> None:
    frame = table.frame  # type: ignore[attr-defined]
    expected = tail(frame["pk"].to_numpy(np.float64), M, M, D)
    assert np.allclose(frame["p_isotropic"], expected, rtol=1e-5)


def test_the_simulation_is_that_of_whole_subspaces() -> None:
    """The shortcut by Wishart factors, against bases of normal matrices."""
    u = np.linalg.qr(np.random.default_rng(0).standard_normal((20_000, 10, 3)))[0]
    whole = np.square(u[:, :4]).sum((1, 2))
    assert stats.ks_2samp(whole, simulated(4, 3, 10, 20_000, seed=1)).pvalue > 0.001
