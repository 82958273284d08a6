"""Bases and numerical ranks, of easy and of nasty matrices."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from headgraph.pk_engine.linalg.bases import bases


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def test_full_rank() -> None:
    w = random(3, 50, 8)
    found = bases(w)
    u = found.basis.astype(np.float64)
    assert found.rank.tolist() == [8, 8, 8]
    assert np.abs(u.transpose(0, 2, 1) @ u - np.eye(8)).max() < 1e-6
    assert np.abs(u @ found.factor - w).max() < 1e-5  # W = U R
    assert np.abs(u @ (u.transpose(0, 2, 1) @ w) - w).max() < 1e-5  # and spans W's columns


def test_a_deficient_head_does_not_disturb_its_neighbours() -> None:
    w = random(3, 50, 8)
    w[1, :, 5] = w[1, :, 0] + w[1, :, 1]
    found = bases(w)
    assert found.rank.tolist() == [8, 7, 8]
    projector = found.basis[1] @ found.basis[1].T
    assert np.abs(projector @ w[1] - w[1]).max() < 1e-5
    assert np.trace(projector) == pytest.approx(7, abs=1e-5)
    assert np.abs(found.factor[1].T @ found.factor[1] - w[1].T @ w[1]).max() < 1e-4


def test_not_the_first_columns_when_the_first_column_is_zero() -> None:
    w = random(1, 50, 4)
    w[0, :, 0] = 0
    found = bases(w)
    assert found.rank.tolist() == [3]
    projector = found.basis[0] @ found.basis[0].T
    assert np.abs(projector @ w[0] - w[0]).max() < 1e-5


def test_zeros_have_rank_zero_and_an_empty_basis() -> None:
    found = bases(np.zeros((2, 20, 4), np.float32))
    assert found.rank.tolist() == [0, 0]
    assert not found.basis.any()


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
def test_the_rank_does_not_depend_on_the_scale(scale: float) -> None:
    assert bases(random(2, 64, 8) * np.float32(scale)).rank.tolist() == [8, 8]


@pytest.mark.parametrize(("smallest", "rank"), [(1e-3, 4), (1e-4, 4), (1e-7, 3), (0.0, 3)])
def test_the_tolerance_is_that_of_float32(smallest: float, rank: int) -> None:
    # singular values 1, 1, 1, smallest; tolerance max(d, m) eps = 100 * 1.2e-7
    rng = np.random.default_rng(0)
    u = np.linalg.qr(rng.standard_normal((100, 4)))[0]
    v = np.linalg.qr(rng.standard_normal((4, 4)))[0]
    w = (u * [1, 1, 1, smallest]) @ v
    found = bases(w[None].astype(np.float32))
    assert found.rank.tolist() == [rank]
    gram = found.basis[0].T.astype(np.float64) @ found.basis[0]
    assert np.linalg.norm(gram) == pytest.approx(np.sqrt(rank), abs=1e-5)


def test_double_precision_keeps_its_own_tolerance() -> None:
    w = random(1, 40, 4).astype(np.float64)
    w[0, :, 3] = w[0, :, 0] + 1e-9 * w[0, :, 3]
    assert bases(w).rank.tolist() == [4]
    assert bases(w.astype(np.float32)).rank.tolist() == [3]


def test_wider_than_tall() -> None:
    found = bases(random(2, 6, 9))
    assert found.rank.tolist() == [6, 6]
    assert np.abs(found.basis[0] @ found.basis[0].T - np.eye(6)).max() < 1e-5


@pytest.mark.parametrize("scale", [1e-42, 1.0, 1e38])
@pytest.mark.parametrize("of", [np.asarray, torch.from_numpy])
def test_wider_than_tall_at_any_scale(of: Callable[[Any], Any], scale: float) -> None:
    w = np.clip(random(2, 33, 64), -3, 3) * np.float32(scale)
    found = bases(of(w))
    assert found.rank.tolist() == [33, 33]
    whole = np.asarray(found.basis, np.float64) @ (np.asarray(found.factor) / scale)
    assert np.abs(whole - w.astype(np.float64) / scale).max() < 1e-5


@pytest.mark.parametrize("condition", [3.0, 30.0, 100.0, 1e3, 1e4])
def test_however_the_columns_lean_pk_is_that_of_float64(condition: float) -> None:
    # singular values from 1 down to 1 / condition: the product W R^-1 is taken in float32 for some
    # of these and in float64 for others
    rng = np.random.default_rng(0)
    left, right = (np.linalg.qr(rng.standard_normal((4, 200, 16)))[0] for _ in range(2))
    turn = np.linalg.qr(rng.standard_normal((4, 16, 16)))[0]
    w = ((left * np.geomspace(1, 1 / condition, 16)) @ turn).astype(np.float32)
    found = bases(w)
    assert found.rank.tolist() == [16] * 4
    exact = np.linalg.svd(w.astype(np.float64), full_matrices=False)[0]
    wanted = np.square(exact.mT @ right).sum((1, 2))
    ours = np.square(found.basis.astype(np.float64).mT @ right).sum((1, 2))
    assert np.abs(ours - wanted).max() < 1e-5


def test_a_basis_can_be_laid_into_memory_that_is_there() -> None:
    w = random(3, 50, 8)
    rows = np.full((3, 8, 50), np.nan, np.float32)
    found = bases(w, rows)
    assert np.shares_memory(found.basis, rows)
    assert np.array_equal(found.basis, bases(w).basis)


def test_tiny_weights_do_not_overflow_on_the_way() -> None:
    found = bases(random(2, 64, 8) * np.float32(1e-38))
    assert np.isfinite(found.basis).all()
