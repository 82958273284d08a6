"""The target-decoy estimate against its definition, counted pair by pair."""

import numpy as np
import pytest

from headgraph.pk_engine.metrics.decoys import BINS_PER_PK, DecoyCounts, decoy_share


def _pairs(seed: int, forward: int, backward: int) -> tuple[np.ndarray, np.ndarray]:
    """PK of pairs at exact thresholds, so that bins lose nothing."""
    rng = np.random.default_rng(seed)
    steps = [rng.integers(0, 16 * BINS_PER_PK, n) for n in (forward, backward)]
    return steps[0] / BINS_PER_PK, steps[1] / BINS_PER_PK


def _counted(forward: np.ndarray, backward: np.ndarray) -> DecoyCounts:
    counts = DecoyCounts()
    for part in range(3):  # as blocks of a model come
        counts.add(forward[part::3], backward[part::3])
    return counts


@pytest.mark.parametrize(("forward", "backward"), [(500, 500), (500, 40), (40, 500), (60, 0)])
def test_counts_and_q_follow_the_definition(forward: int, backward: int) -> None:
    targets, decoys = _pairs(forward + backward, forward, backward)
    counts = _counted(targets, decoys)
    share = {t: (1 + (decoys >= t).sum()) / (targets >= t).sum() for t in targets}
    q = [min(share[t] for t in targets if t <= pk) for pk in targets]
    assert counts.scored == backward
    assert counts.stronger(targets).tolist() == [(decoys >= pk).sum() for pk in targets]
    assert counts.decoy_q(targets) == pytest.approx(q)


def test_pairs_that_mean_nothing_have_a_share_of_about_one() -> None:
    forward, backward = _pairs(7, 20_000, 20_000)
    counts = _counted(forward, backward)
    kept = np.sort(forward)[-600:]
    assert decoy_share(kept, counts.stronger(kept)) == pytest.approx(1, abs=0.15)


def test_planted_pairs_leave_their_share_of_decoys() -> None:
    forward, backward = _pairs(8, 20_000, 20_000)
    planted = np.full(300, 20.0)
    counts = _counted(np.concatenate([forward, planted]), backward)
    kept = np.concatenate([planted, np.sort(forward)[-100:]])
    expected = (1 + (backward >= kept.min()).sum()) / 400
    assert decoy_share(kept, counts.stronger(kept)) == pytest.approx(expected)
    assert counts.decoy_q(planted) == pytest.approx(1 / 300)


def test_nothing_kept_has_no_share() -> None:
    assert decoy_share(np.zeros(0), np.zeros(0, int)) is None


def test_a_score_rounded_below_zero_is_counted_as_zero() -> None:
    counts = _counted(np.array([-1e-7, 1.0]), np.array([-1e-7]))
    assert counts.stronger([-1e-7, 1.0]).tolist() == [1, 0]
