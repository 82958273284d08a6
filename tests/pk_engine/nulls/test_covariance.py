"""The covariance null: its draws have the mean projector of the heads."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from benchmarks.null_simulations import common_covariance, save
from headgraph.pk_engine import AffinityTable, Selection, compute
from headgraph.pk_engine.errors import EngineError
from headgraph.pk_engine.metrics.random_reference import reference_mean, reference_sd
from headgraph.pk_engine.models.weights import ModelWeights
from headgraph.pk_engine.nulls.comparison import NullInputs
from headgraph.pk_engine.nulls.covariance import RoleUse, draw, parameter_root, role_uses
from tests.pk_engine import oracle
from tests.pk_engine.nulls.models import D, M


def mean_of_draws(mean: np.ndarray, rank: int, samples: int = 2000) -> np.ndarray:
    root = parameter_root(RoleUse(mean, np.full(40, rank)), [0, 0, 2])
    x = draw(root, rank, samples, [1, 0]).astype(np.float64)
    return np.asarray(np.einsum("ndm,nem->de", x, x, optimize=True) / samples)


def test_draws_without_preference_have_the_moments_of_the_reference() -> None:
    x = draw(np.eye(D, dtype=np.float32), M, 300, [0, 0])
    y = draw(np.eye(D, dtype=np.float32), M, 300, [0, 1])
    assert np.allclose(x.mT @ x, np.eye(M), atol=1e-5)
    pk = np.square(np.einsum("adm,bdn->abmn", x, y)).sum((2, 3))
    mean, sd = reference_mean(M, M, D), reference_sd(M, M, D)
    assert abs(pk.mean() - mean) < 0.01 * mean
    assert abs(pk.std() - sd) < 0.02 * sd


def test_draws_lie_where_the_heads_do() -> None:
    """And a draw of a lower rank is one of its own."""
    root = np.linalg.qr(np.random.default_rng(0).standard_normal((D, 20)))[0].astype(np.float32)
    x = draw(root, 5, 40, [3, 0])
    assert x.shape == (40, D, 5)
    assert np.allclose(root @ (root.T @ x), x, atol=1e-5)


def test_draws_use_each_direction_as_much_as_the_heads() -> None:
    """The mean projector of the draws is the one that they were made for, spikes included."""
    rng = np.random.default_rng(2)
    vectors = np.linalg.qr(rng.standard_normal((D, D)))[0]
    shares = np.r_[0.95, 0.8, 0.6, 0.5, 0.3, np.full(D - 5, 0)]
    shares[5:] = (16 - shares.sum()) / (D - 5)
    mean = (vectors * shares) @ vectors.T
    found = mean_of_draws(mean, 16)
    # an entry of a projector has an sd of at most 1/2: 4 standard errors of 2,000 draws, and of the
    # 1,024 calibration draws
    assert (
        np.abs(np.diag(vectors.T @ found @ vectors) - shares).max()
        < 2 * np.sqrt(1 / 2000 + 1 / 1024) * np.sqrt(shares * (1 - shares)).max() * 2
    )


def test_the_mean_projector_is_that_of_the_definition(table: AffinityTable, random: Path) -> None:
    found = role_uses(NullInputs(table, ModelWeights(random)))
    assert list(found) == ["Q", "K", "V", "O"]
    for role, heads in oracle.gpt2_heads(random).items():
        u = np.linalg.qr(heads.reshape(-1, D, M))[0]
        assert np.allclose(found[role].mean, (u @ u.mT).mean(0), atol=1e-5)


@pytest.mark.parametrize("spread", [0.4, 0.8, 1.2])
def test_the_mean_projector_matches_where_heads_share_a_covariance(spread: float) -> None:
    """What two roles of one covariance share on average is tr(C C)."""
    rng = np.random.default_rng(3)
    scales = np.exp(spread * rng.standard_normal((96, 1)))
    u = np.linalg.qr(scales * rng.standard_normal((400, 96, 16)))[0]
    mean = np.einsum("ndm,nem->de", u, u, optimize=True) / len(u)
    shared = np.einsum("ndm,de,nem->n", u, mean, u, optimize=True)
    found = float(np.trace(mean_of_draws(mean, 16) @ mean))
    # 4 standard errors of 2,000 draws and of 682 calibration draws
    assert abs(found - np.trace(mean @ mean)) < 4 * shared.std() * np.sqrt(1 / 2000 + 1 / 682)


def test_heads_of_several_ranks_have_their_mean_projector() -> None:
    """A third of the heads has rank 2, the others 8: so has every third draw."""
    rng = np.random.default_rng(4)
    ranks = np.tile([2, 8, 8], 200)
    scales = np.exp(0.8 * rng.standard_normal((40, 1)))
    u = np.linalg.qr(scales * rng.standard_normal((len(ranks), 40, 8)))[0]
    u[ranks == 2, :, 2:] = 0
    mean = np.einsum("ndm,nem->de", u, u, optimize=True) / len(u)
    root = parameter_root(RoleUse(mean, ranks), [0, 0, 2])
    found = np.zeros((40, 40))
    for rank, share in ((2, 1 / 3), (8, 2 / 3)):
        x = draw(root, rank, 4000, [1, 0]).astype(np.float64)
        found += share * np.einsum("ndm,nem->de", x, x, optimize=True) / len(x)
    shared = np.einsum("ndm,de,nem->n", u, mean, u, optimize=True)
    error = abs(np.trace(found @ mean) - np.trace(mean @ mean))
    assert error < 4 * shared.std() * np.sqrt(1 / 4000 + 1 / 1638)
    assert np.trace(found) == pytest.approx(6, rel=1e-4)


@pytest.mark.parametrize("spread", [0.4, 1.2])
def test_p_is_right_where_the_assumption_holds(tmp_path: Path, spread: float) -> None:
    """One covariance for all heads, none joined: 5 % of the pairs have p of at most 0.05."""
    shares = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        weights = common_covariance(rng, spread)
        folder = tmp_path / str(seed)
        folder.mkdir()
        rule = Selection(fdr=1, null="covariance")
        # 40,000 values of PK for each pairing: what differs is the models, not how many are drawn
        found = compute(
            save(weights, folder), selection=rule, seed=seed, samples=200, decoys=False
        ).frame
        shares.append(float((found["p_covariance"] <= 0.05).mean()))
    error = np.std(shares, ddof=1) / np.sqrt(len(shares))
    assert error < 0.006
    assert abs(np.mean(shares) - 0.05) < 0.01 + 2 * error


def test_a_direction_that_every_head_has_is_in_every_draw() -> None:
    rng = np.random.default_rng(5)
    u = np.zeros((60, 20, 4))
    u[:, 0, 0] = 1
    u[:, 1:, 1:] = np.linalg.qr(rng.standard_normal((60, 19, 3)))[0]
    found = mean_of_draws(np.einsum("ndm,nem->de", u, u) / len(u), 4, 500)
    assert found[0, 0] == pytest.approx(1, abs=1e-3)


def test_no_convergence_is_an_error() -> None:
    mean = np.diag([0.99] * 3 + [0.01] * 103)
    with pytest.raises(EngineError) as error:
        parameter_root(RoleUse(mean, np.full(40, 4)), [0, 0, 2], steps=1)
    assert "covariance did not converge: after 1 steps the mean" in str(error.value)
    assert "null='backward'" in str(error.value)
    assert "--null backward" in error.value.message.options


def test_the_calibration_is_seeded_and_threads_do_not_change_it() -> None:
    use = RoleUse(np.diag(np.linspace(0.1, 0.7, 20)), np.full(9, 8))
    once = parameter_root(use, [7, 0, 2])
    with ThreadPoolExecutor(3) as threads:
        assert np.array_equal(once, parameter_root(use, [7, 0, 2], threads=threads))
    assert not np.array_equal(once, parameter_root(use, [8, 0, 2]))
