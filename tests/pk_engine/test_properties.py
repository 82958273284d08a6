"""What PK is, whatever the numbers: properties over random subspaces."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from headgraph.pk_engine.linalg.bases import bases
from headgraph.pk_engine.linalg.kernel import cheaper_by_projectors, kernel
from headgraph.pk_engine.metrics.random_reference import reference_mean, reference_sd

Stack = NDArray[np.float32]


@st.composite
def stacks(draw: st.DrawFn) -> tuple[Stack, Stack, np.random.Generator]:
    """Two stacks of random d x m matrices with unequal m."""
    d = draw(st.integers(2, 90))
    m, m2 = draw(st.integers(1, min(d, 12))), draw(st.integers(1, min(d, 12)))
    n, k = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    x = rng.standard_normal((n, d, m)).astype(np.float32)
    y = rng.standard_normal((k, d, m2)).astype(np.float32)
    return x, y, rng


def pk(x: Stack, y: Stack) -> NDArray[np.float32]:
    everything = [(slice(0, len(x)), slice(0, len(y)))]
    return kernel(bases(x).basis, bases(y).basis, everything)


@given(stacks())
def test_symmetric_and_in_range(case: tuple[Stack, Stack, np.random.Generator]) -> None:
    x, y, _ = case
    scores = pk(x, y)
    assert np.abs(scores - pk(y, x).T).max() < 1e-4
    assert scores.min() > -1e-4
    assert scores.max() < min(x.shape[2], y.shape[2]) + 1e-4


@given(stacks())
def test_a_subspace_with_itself_gives_its_rank(
    case: tuple[Stack, Stack, np.random.Generator],
) -> None:
    x, _, rng = case
    rank = int(rng.integers(1, x.shape[2] + 1))
    # products of square random matrices have no clear rank in float32: 87 of 100,000 of 11 x 11
    own, mixing = np.linalg.qr(x[:, :, :rank])[0], rng.standard_normal((len(x), x.shape[2], rank))
    low = own @ np.linalg.qr(mixing)[0].mT.astype(np.float32)
    low *= rng.uniform(0.5, 2, x.shape[2]).astype(np.float32)
    found = bases(low)
    assert found.rank.tolist() == [rank] * len(x)
    assert np.abs(np.diag(pk(low, low)) - rank).max() < 1e-3


@given(stacks())
def test_only_the_subspace_counts_and_not_its_place(
    case: tuple[Stack, Stack, np.random.Generator],
) -> None:
    x, y, rng = case
    d, m = x.shape[1:]
    # a well-conditioned change of basis, then a rotation of the whole space
    change = np.linalg.qr(rng.standard_normal((m, m)))[0] * rng.uniform(0.5, 2, m)
    rotation = np.linalg.qr(rng.standard_normal((d, d)))[0].astype(np.float32)
    scores = pk(x, y)
    assert np.abs(pk(x @ change.astype(np.float32), y) - scores).max() < 1e-3
    assert np.abs(pk(rotation @ x, rotation @ y) - scores).max() < 1e-3


@given(stacks())
def test_orthogonal_subspaces_share_nothing(
    case: tuple[Stack, Stack, np.random.Generator],
) -> None:
    x, y, rng = case
    d = x.shape[1]
    rotation = np.linalg.qr(rng.standard_normal((2 * d, 2 * d)))[0].astype(np.float32)
    above = np.concatenate([x, np.zeros_like(x)], axis=1)
    below = np.concatenate([np.zeros_like(y), y], axis=1)
    assert np.abs(pk(rotation @ above, rotation @ below)).max() < 1e-4


@given(stacks(), st.integers(1, 4))
def test_zero_padding_is_harmless(
    case: tuple[Stack, Stack, np.random.Generator], more: int
) -> None:
    x, y, _ = case
    u, v = bases(x).basis, bases(y).basis
    padded = np.concatenate([u, np.zeros((*u.shape[:2], more), u.dtype)], axis=2)
    everything = [(slice(0, len(x)), slice(0, len(y)))]
    assert np.allclose(kernel(padded, v, everything), kernel(u, v, everything), atol=1e-5)


@pytest.mark.parametrize(("d", "m", "n"), [(768, 64, 24), (130, 8, 3), (64, 8, 40), (65, 64, 2)])
def test_both_ways_of_computing_agree_with_float64(
    d: int, m: int, n: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(1)
    x = np.linalg.qr(rng.standard_normal((n, d, m)))[0]
    y = np.linalg.qr(rng.standard_normal((n + 1, d, m)))[0]
    blocks = [(slice(0, n // 2), slice(0, 2)), (slice(n // 2, n), slice(1, n + 1))]
    wanted = np.zeros((n, n + 1))
    for sources, targets in blocks:
        cosines = np.einsum("idm,jdk->ijmk", x[sources], y[targets])
        wanted[sources, targets] = np.square(cosines).sum((2, 3))
    narrow = x.astype(np.float32), y.astype(np.float32)
    for projectors in (True, False):
        monkeypatch.setattr(
            "headgraph.pk_engine.linalg.kernel.cheaper_by_projectors", lambda *a, p=projectors: p
        )
        out = kernel(*narrow, blocks)
        assert np.abs(out - wanted).max() < 1e-4
        with ThreadPoolExecutor(3) as threads:
            assert (kernel(*narrow, blocks, executor=threads) == out).all()


def test_the_cost_model_takes_projectors_for_gpt2_and_blocks_for_few_pairs() -> None:
    everything = [(slice(0, 144), slice(0, 432))]
    assert cheaper_by_projectors((144, 768, 64), (432, 768, 64), everything)
    assert not cheaper_by_projectors((2, 768, 64), (2, 768, 64), [(slice(0, 2), slice(0, 2))])


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 2**32 - 1))
def test_the_reference_has_the_stated_moments(seed: int) -> None:
    d, r, s, n = 24, 3, 5, 60
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, d, r)).astype(np.float32)
    y = rng.standard_normal((n, d, s)).astype(np.float32)
    scores = pk(x, y)
    mean, sd = reference_mean(r, s, d), reference_sd(r, s, d)
    # 3,600 pairs of 120 independent subspaces: the mean is known to about sd / sqrt(60 * 60)
    assert abs(scores.mean() - mean) < 6 * sd / n
    assert abs(scores.std() / sd - 1) < 0.15


def test_no_variance_where_a_subspace_is_the_whole_space() -> None:
    assert reference_sd(8, 8, 8) == 0
    assert reference_sd(0, 4, 8) == 0
