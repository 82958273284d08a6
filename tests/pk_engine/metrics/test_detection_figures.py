"""The detection figures of every score on the real GPT-2 weights, by the protocol of our reading.

A head's score is the largest over all directed pairs that it touches; the 36 labelled heads are the
positives; area under the precision-recall curve by trapezoids. Yamagiwa, Takase, Shimodaira,
arXiv:2601.10266, Table 1 has the same scores by a protocol that is not available.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from headgraph.pk_engine.linalg.bases import bases, one_thread
from headgraph.pk_engine.linalg.kernel import kernel
from headgraph.pk_engine.metrics.layer_order import layer_blocks, pairs_of
from headgraph.pk_engine.metrics.similarity import cka, cka_columns, simple_cs
from headgraph.pk_engine.metrics.singular_values import max_cosine, procrustes, procrustes_columns
from tests.pk_engine import oracle
from tests.shared import GPT2, SHARED, needs_shared

pytestmark = needs_shared
FORWARD = layer_blocks(range(12), range(12), 12, 12, "forward")
SHAPE = (range(12), range(12), 12, 12)

Scores = Callable[..., NDArray[np.float32]]


@pytest.fixture(scope="module")
def weights() -> dict[str, NDArray[np.float32]]:
    heads = oracle.gpt2_heads(GPT2)
    return {role: w.reshape(144, 768, 64).astype(np.float32) for role, w in heads.items()}


@pytest.fixture(scope="module")
def labelled() -> NDArray[np.bool_]:
    rows = pd.read_csv(SHARED / "labels/gpt2-small-detection36.csv")
    found = np.zeros(144, bool)
    found[rows["layer"] * 12 + rows["head"]] = True
    return found


def area(scores: NDArray[np.float32], positive: NDArray[np.bool_]) -> float:
    """Under the precision-recall curve, from recall 0 and precision 1 on."""
    order = np.argsort(-scores, kind="stable")
    found = np.cumsum(positive[order])
    # both ends of the strongest pair have one score: a curve has one point for them
    last = np.append(np.diff(scores[order]) != 0, True)
    precision = (found / np.arange(1, len(found) + 1))[last]
    return float(np.trapezoid([1, *precision], [0, *(found / positive.sum())[last]]))


def detection(score: Scores, weights: dict[str, NDArray[np.float32]],
              labelled: NDArray[np.bool_]) -> list[float]:  # fmt: skip
    areas = []
    with one_thread(), ThreadPoolExecutor(2) as threads:
        for role in "QKV":
            found = score(weights["O"], weights[role], FORWARD, executor=threads)
            found = np.where(pairs_of(*SHAPE, "forward"), found, -1)
            areas.append(area(np.maximum(found.max(0), found.max(1)), labelled))
    return [round(a, 3) for a in areas]


def pk(x: NDArray[np.float32], y: NDArray[np.float32], *args: object, **kwargs: object) -> object:
    return kernel(bases(x).basis, bases(y).basis, *args, **kwargs)


@pytest.mark.parametrize(
    ("score", "figures"),
    [
        (pk, [0.475, 0.513, 0.300]),
        (simple_cs, [0.259, 0.368, 0.312]),
        (cka, [0.382, 0.501, 0.324]),
        (cka_columns, [0.391, 0.391, 0.468]),
        (procrustes_columns, [0.354, 0.353, 0.422]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_detection(score: Scores, figures: list[float], weights: dict[str, NDArray[np.float32]],
                   labelled: NDArray[np.bool_]) -> None:  # fmt: skip
    assert detection(score, weights, labelled) == figures


@pytest.mark.parametrize("score", [cka, cka_columns, procrustes, procrustes_columns, max_cosine])
@pytest.mark.parametrize("pairing", ["OQ", "KV"])
def test_real_pairs_agree_with_the_definition(
    score: Scores, pairing: str, weights: dict[str, NDArray[np.float32]]
) -> None:
    from tests.pk_engine.metrics.test_similarity import FORMS, naive_max_cosine

    x, y = weights[pairing[0]][[7, 59]], weights[pairing[1]][[61, 143]]
    pair = (bases(x).basis, bases(y).basis) if score is max_cosine else (x, y)
    found = score(*pair, [(slice(0, 2), slice(0, 2))])
    naive = FORMS.get(score, naive_max_cosine)
    wanted = [[naive(a.astype(float), b.astype(float)) for b in y] for a in x]
    assert found == pytest.approx(np.array(wanted), abs=1e-5)
