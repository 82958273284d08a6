"""CKA, Procrustes, Simple CS and the largest cosine, against full matrices in float64."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.linalg import subspace_angles

from headgraph.pk_engine.linalg.bases import bases
from headgraph.pk_engine.linalg.kernel import Block, kernel
from headgraph.pk_engine.metrics.similarity import cka, cka_columns, simple_cs
from headgraph.pk_engine.metrics.singular_values import (
    max_cosine,
    principal_cosines,
    procrustes,
    procrustes_columns,
)

Floats = NDArray[np.float64]


def norm(a: Floats, kind: str = "fro") -> float:
    return float(np.linalg.norm(a, kind))


def naive_cka(x: Floats, y: Floats) -> float:
    return norm(x.T @ y) ** 2 / (norm(x.T @ x) * norm(y.T @ y))


def naive_cka_columns(x: Floats, y: Floats) -> float:
    a, b = x.T @ x, y.T @ y
    return float((a * b).sum()) / (norm(a) * norm(b))


def naive_simple_cs(x: Floats, y: Floats) -> float:
    # as composition: what W_O (m x d) writes, W_X^T reads; the norm is over the m x m' product
    return norm(y.T @ x) / (norm(x) * norm(y))


def naive_procrustes(x: Floats, y: Floats) -> float:
    return norm(x.T @ y, "nuc") / (norm(x) * norm(y))


def naive_procrustes_columns(x: Floats, y: Floats) -> float:
    return norm(x @ y.T, "nuc") / (norm(x) * norm(y))  # the full d x d product


def naive_max_cosine(x: Floats, y: Floats) -> float:
    return float(np.cos(subspace_angles(x, y)).max())


FORMS: dict[Callable[..., NDArray[np.float32]], Callable[[Floats, Floats], float]] = {
    cka: naive_cka,
    cka_columns: naive_cka_columns,
    simple_cs: naive_simple_cs,
    procrustes: naive_procrustes,
    procrustes_columns: naive_procrustes_columns,
}
BLOCKS = [(slice(0, 2), slice(0, 3)), (slice(2, 5), slice(1, 70))]


def stack(n: int, d: int, m: int, seed: int = 0) -> NDArray[np.float32]:
    """Matrices whose columns differ in length and share directions, as those of heads do."""
    rng = np.random.default_rng(seed)
    common = np.random.default_rng(99).standard_normal((d, m))
    w = (rng.standard_normal((n, d, m)) + common) * rng.uniform(0.1, 2, (n, 1, m))
    return w.astype(np.float32)


def compare(form: Callable[..., NDArray[np.float32]], naive: Callable[[Floats, Floats], float],
            x: NDArray[np.float32], y: NDArray[np.float32]) -> None:  # fmt: skip
    found = form(x, y, BLOCKS)
    wanted = np.zeros((len(x), len(y)))
    for sources, targets in BLOCKS:
        for i in range(sources.start, sources.stop):
            for j in range(targets.start, min(targets.stop, len(y))):
                wanted[i, j] = naive(x[i].astype(np.float64), y[j].astype(np.float64))
    assert found.dtype == np.float32
    assert np.abs(found - wanted).max() < 1e-5
    with ThreadPoolExecutor(3) as threads:
        assert (form(x, y, BLOCKS, executor=threads) == found).all()


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
@pytest.mark.parametrize(("d", "m"), [(40, 6), (9, 9), (5, 8)])
def test_formulas(form: Callable[..., NDArray[np.float32]], d: int, m: int) -> None:
    compare(form, FORMS[form], stack(5, d, m), stack(70, d, m, seed=1))


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_ranks_below_m(form: Callable[..., NDArray[np.float32]]) -> None:
    x, y = stack(5, 40, 6), stack(70, 40, 6, seed=1)
    x[1, :, 2] = x[1, :, 0] - x[1, :, 1]
    x[3, :, 1:] = x[3, :, :1]
    y[2, :, 3:] = 0
    compare(form, FORMS[form], x, y)


@pytest.mark.parametrize("form", [*FORMS, max_cosine], ids=lambda form: form.__name__)
def test_a_matrix_of_zeros_scores_zero(form: Callable[..., NDArray[np.float32]]) -> None:
    x = bases(stack(5, 20, 4)).basis
    y = x.copy()
    y[3] = 0
    found = form(x, y, [(slice(0, 5), slice(0, 5))])
    assert (found[:, 3] == 0).all()
    assert np.diag(found)[[0, 1, 2, 4]] == pytest.approx(
        [0.5 if form is simple_cs else 1] * 4, abs=1e-5
    )


def test_largest_cosine() -> None:
    x, y = stack(5, 40, 6), stack(70, 40, 6, seed=1)
    x[1, :, 2] = x[1, :, 0] - x[1, :, 1]  # the basis ends in a column of zeros
    x[3] = y[7] @ np.diag([1, 2, 3, 4, 5, 6]).astype(np.float32)  # the same span
    u, v = bases(x).basis, bases(y).basis
    found = max_cosine(u, v, BLOCKS)
    for i, j in [(0, 2), (1, 1), (2, 69), (3, 7), (4, 30)]:
        # an empty column would be a direction of its own to subspace_angles
        full = x[i, :, :2] if i == 1 else x[i]
        wider = np.concatenate([full, x[i, :, 3:]], axis=1) if i == 1 else full
        assert found[i, j] == pytest.approx(naive_max_cosine(wider, y[j]), abs=1e-5)
    assert found.max() <= 1


@pytest.mark.parametrize(("r", "s"), [(4, 4), (2, 5), (5, 2), (1, 1)])
def test_angles_of_subspaces_made_with_known_angles(r: int, s: int) -> None:
    rng = np.random.default_rng(0)
    axes = np.linalg.qr(rng.standard_normal((30, r + s)))[0]
    made = np.sort(rng.uniform(0, np.pi / 2, min(r, s)))
    made[0] = 1e-9  # the cosine is 1 to all its digits, so arccos would give 0 or 1.5e-8
    u, v = axes[:, :r], axes[:, r:].copy()
    for i, angle in enumerate(made):
        v[:, i] = np.cos(angle) * u[:, i] + np.sin(angle) * axes[:, r + i]
    turn = np.linalg.qr(rng.standard_normal((s, s)))[0]
    cosines, angles = principal_cosines(u, v @ turn)
    assert angles == pytest.approx(made, rel=1e-6, abs=1e-14)
    assert cosines == pytest.approx(np.cos(made), abs=1e-12)
    # scipy takes the small angle of a mixed set from its cosine, hence the wider margin
    assert angles == pytest.approx(np.sort(subspace_angles(u, v @ turn)), abs=1e-7)
    assert np.square(cosines).sum() == pytest.approx(norm(u.T @ v) ** 2)


@pytest.mark.parametrize("form", [cka, procrustes])
def test_rows_as_examples_ignore_the_inner_basis(form: Callable[..., NDArray[np.float32]]) -> None:
    x, y, everything = stack(2, 30, 5), stack(3, 30, 5, 1), [(slice(0, 2), slice(0, 3))]
    turn = np.linalg.qr(np.random.default_rng(3).standard_normal((5, 5)))[0].astype(np.float32)
    assert np.allclose(form(x @ turn, y, everything), form(x, y, everything), atol=1e-5)


@pytest.mark.parametrize("form", [cka_columns, procrustes_columns])
def test_columns_as_examples_ignore_a_rotation_of_one_residual_stream(
    form: Callable[..., NDArray[np.float32]],
) -> None:
    x, y, everything = stack(2, 30, 5), stack(3, 30, 5, 1), [(slice(0, 2), slice(0, 3))]
    turn = np.linalg.qr(np.random.default_rng(3).standard_normal((30, 30)))[0].astype(np.float32)
    assert np.allclose(form(turn @ x, y, everything), form(x, y, everything), atol=1e-5)


def _pk(x: NDArray[np.float32], y: NDArray[np.float32], blocks: list[Block]) -> Floats:
    return kernel(bases(x).basis, bases(y).basis, blocks)


def _largest_cosine(x: NDArray[np.float32], y: NDArray[np.float32], blocks: list[Block]) -> Floats:
    return max_cosine(bases(x).basis, bases(y).basis, blocks)


ROTATION, SCALE = "turned as by rotary embeddings", "scaled as by a norm of queries"
HOLD = {
    ROTATION: (_pk, _largest_cosine, simple_cs, cka, procrustes),
    SCALE: (_pk, _largest_cosine),
}


@pytest.mark.parametrize("change", HOLD)
@pytest.mark.parametrize("form", [_pk, _largest_cosine, *FORMS], ids=lambda form: form.__name__)
def test_what_rotary_embeddings_and_query_norms_leave(
    form: Callable[..., Floats], change: str
) -> None:
    m, whole = 6, [(slice(0, 5), slice(0, 7))]
    x, q = stack(5, 40, m), stack(7, 40, m, seed=1)
    turn, scale = np.eye(m), np.diag([0.3, 1.0, 2.0, 0.7, 1.4, 0.5])
    for pair, angle in enumerate((1.0, 0.3, 0.1)):  # as at position 1 of three frequencies
        at = slice(2 * pair, 2 * pair + 2)
        turn[at, at] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    inside = (turn if change == ROTATION else scale).astype(np.float32)
    moved = np.abs(form(x, q @ inside, whole) - form(x, q, whole)).max()
    assert moved < 1e-5 if form in HOLD[change] else moved > 1e-3
    if change == ROTATION:  # two of Q and K at one position turn alike
        assert np.abs(form(x @ inside, q @ inside, whole) - form(x, q, whole)).max() < 1e-5
