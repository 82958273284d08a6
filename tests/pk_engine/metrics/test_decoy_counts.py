"""The target-decoy estimate against its definition, counted pair by pair."""

import numpy as np
import pytest

from headgraph.pk_engine.metrics.decoys import (
    BINS_PER_PK,
    DecoyCounts,
    decoy_share,
    sentence,
    shares_apart,
    unmatched,
    warning,
)


def _pairs(seed: int, forward: int, backward: int) -> tuple[np.ndarray, np.ndarray]:
    """PK of pairs at exact thresholds, so that bins lose nothing."""
    rng = np.random.default_rng(seed)
    steps = [rng.integers(0, 16 * BINS_PER_PK, n) for n in (forward, backward)]
    return steps[0] / BINS_PER_PK, steps[1] / BINS_PER_PK


def _counted(forward: np.ndarray, backward: np.ndarray) -> DecoyCounts:
    counts = DecoyCounts()
    for part in range(3):  # as blocks of a model come
        counts.add(forward[part::3], backward[part::3], np.arange(len(backward))[part::3] % 4 == 0)
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


@pytest.mark.parametrize("backward", [0, 1, 2, 5, 40, 3000])
def test_steps_count_the_neighbours_among_the_strongest_backward_pairs(backward: int) -> None:
    forward, decoys = _pairs(backward, 500, backward)
    near = np.arange(backward) % 4 == 0
    steps = _counted(forward, decoys).steps()
    numbers = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024,
               1536, 2048]  # fmt: skip
    expected = [n for n in numbers if n < backward] + [backward] * (backward > 0)
    order = np.sort(decoys)[::-1]
    for (count, neighbours), number in zip(steps, expected, strict=True):
        strongest = decoys >= order[number - 1]
        assert (count, neighbours) == (strongest.sum(), near[strongest].sum())


def test_shares_apart_use_pairs_of_their_own_distance() -> None:
    steps = [[1, 1], [2, 2], [4, 3], [8, 5]]
    assert shares_apart(10, 20, 4, steps) == ((1 + 3) / 10, (1 + 1) / 20)
    assert shares_apart(10, 20, 6, steps) == ((1 + 4) / 10, (1 + 2) / 20), "between two steps"
    assert shares_apart(10, 20, 0, steps) == (1 / 10, 1 / 20)
    assert shares_apart(0, 20, 4, steps) == (None, 2 / 20)
    assert shares_apart(5, 0, 0, []) == (1 / 5, None)


def test_few_pairs_of_a_distance_without_a_decoy_have_no_share() -> None:
    """One over the few pairs kept is a bound, and would read as if all of them meant nothing."""
    assert shares_apart(1, 20, 1, [[1, 0]]) == (None, 2 / 20)
    assert shares_apart(20, 3, 1, [[1, 1]]) == (2 / 20, None)
    assert shares_apart(20, 4, 1, [[1, 1]]) == (2 / 20, 1 / 4)
    assert shares_apart(20, 3, 1, [[1, 0]]) == (1 / 20, 2 / 3), "of these one decoy is as strong"


def test_the_sentence_has_both_distances_where_they_are_known() -> None:
    apart = {"OQ": (0.57, 0.3), "OV": (None, 0.4)}
    first, second = sentence({"OQ": 0.5, "OV": 0.4}, apart=apart).splitlines()
    assert first.startswith("decoy share of the pairs kept: OQ 50 %, OV 40 % (")
    assert (
        second == "of those between neighbouring layers: OQ 57 %; further apart: OQ 30 %, OV 40 %"
    )
    assert "\n" not in sentence({"OQ": 0.5}, apart={})
    assert "\n" not in sentence({"OQ": 0.5}, apart={"OQ": (0.5, None)}), "a model of two layers"


def test_few_pairs_without_a_decoy_are_no_warning() -> None:
    pairings = np.repeat(["OQ", "OK", "OV"], [3, 3, 10])
    shares = {"OQ": 1 / 3, "OK": 2 / 3, "OV": 0.1}
    none = unmatched(shares, pairings)
    assert none == {"OQ"}, "OK has one decoy, and the share of OV is not high"
    assert "of OK at the weakest" in str(warning(shares, none))
    assert warning({"OQ": 1 / 3}, none) is None


def test_nothing_kept_has_no_share() -> None:
    assert decoy_share(np.zeros(0), np.zeros(0, int)) is None


def test_a_score_rounded_below_zero_is_counted_as_zero() -> None:
    counts = _counted(np.array([-1e-7, 1.0]), np.array([-1e-7]))
    assert counts.stronger([-1e-7, 1.0]).tolist() == [1, 0]
