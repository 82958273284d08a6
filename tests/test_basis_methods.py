"""Whatever makes the bases, PK is the same: the bound of reference/scores.md for each method."""

import numpy as np
import pytest

from benchmarks.basis_methods import (
    METHODS,
    householder,
    largest_difference,
    overlap,
    projection_kernels,
    to_bfloat16,
)
from headgraph.pk_engine import Selection, compute
from headgraph.pk_engine.models.interface import Weights
from headgraph.pk_engine.models.sources import open_weights
from tests.shared import MODELS, needs_shared

pytestmark = needs_shared


@pytest.fixture(scope="module")
def weights() -> Weights:
    return open_weights(MODELS / "stories260K")


@pytest.fixture(scope="module")
def exact(weights: Weights) -> dict[str, np.ndarray]:
    return projection_kernels(weights, lambda matrix: householder(matrix.astype(np.float64)))


@pytest.mark.parametrize("method", METHODS)
def test_every_method_keeps_the_bound(
    weights: Weights, exact: dict[str, np.ndarray], method: str
) -> None:
    found = projection_kernels(weights, METHODS[method])
    assert largest_difference(found, exact) < 1e-4
    bfloat16 = [
        projection_kernels(weights, of, lambda matrix: to_bfloat16(matrix))
        for of in (METHODS[method], lambda matrix: householder(matrix.astype(np.float64)))
    ]
    assert largest_difference(*bfloat16) < 1e-4
    assert largest_difference(bfloat16[0], exact) > 1e-4, "the rounding of weights is seen"


def test_the_pairs_are_those_that_compute_scores(exact: dict[str, np.ndarray]) -> None:
    table = compute(MODELS / "stories260K", selection=Selection())
    for pairing, rows in table.frame.groupby("pairing"):
        np.testing.assert_allclose(
            np.sort(rows["pk"]), np.sort(exact[str(pairing)]), atol=1e-4, rtol=0
        )


def test_bfloat16_rounds_to_even() -> None:
    # 8 bits of mantissa: between 1 and 2 the step is 2^-7
    given = np.array([1, 1 + 2**-9, 1 + 2**-8, 1 + 3 * 2**-8, -1 - 3 * 2**-9, 0], np.float32)
    wanted = [1, 1, 1, 1 + 2**-6, -1 - 2**-7, 0]
    assert to_bfloat16(given).tolist() == wanted


def test_overlap_counts_the_strongest_in_common() -> None:
    assert overlap(np.array([5.0, 4, 3, 2]), np.array([5.0, 1, 4, 2]), count=2) == 1
