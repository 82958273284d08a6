"""How abrupt a change is: a line, a step, and a curve worked out by hand."""

import numpy as np
import pytest

from headgraph.analysis.errors import TrainingError
from headgraph.analysis.training import abruptness


@pytest.mark.parametrize("slope", [2.0, -0.5])
def test_a_line_changes_by_a_tenth_in_a_tenth_of_the_steps(slope: float) -> None:
    steps = np.arange(0, 1001, 50)
    found = abruptness(steps, 3 + slope * steps)
    assert found.change == pytest.approx(1000 * slope)
    assert found.share == pytest.approx(0.1)
    assert found.width == pytest.approx(0.8)
    assert (found.start, found.middle, found.end) == pytest.approx((100, 500, 900))


@pytest.mark.parametrize("looks", [np.arange(0, 1001), np.arange(0, 1001, 20)])
def test_a_step_function_changes_all_at_once(looks: np.ndarray) -> None:
    found = abruptness(looks, np.where(looks > 400, -1.0, 4.0))
    apart = looks[1] - looks[0]
    assert found.share == pytest.approx(1.0)
    assert found.width == pytest.approx(0.8 * apart / 1000)
    assert found.middle == pytest.approx(400 + apart / 2)


def test_a_bent_line_worked_out_by_hand() -> None:
    # 0 to 400: nothing; 400 to 600: nine tenths; 600 to 1000: the rest
    found = abruptness([0, 400, 600, 1000], [0, 0, 0.9, 1.0])
    assert found.share == pytest.approx(0.45)
    assert found.start == pytest.approx(400 + 200 / 9)
    assert found.middle == pytest.approx(400 + 200 * 5 / 9)
    assert found.end == pytest.approx(600)
    assert found.width == pytest.approx((200 - 200 / 9) / 1000)


def test_the_steepest_stretch_may_begin_between_looks() -> None:
    # the window of 100 that ends at 500 is steeper than any that begins at a look
    found = abruptness([0, 450, 500, 1000], [0, 0.45, 0.95, 1.0])
    assert found.share == pytest.approx(0.05 + 0.5)


def test_a_curve_that_overshoots_has_more_than_all_of_its_change() -> None:
    assert abruptness([0, 50, 100, 1000], [0, 2, 2, 1]).share == pytest.approx(2)


@pytest.mark.parametrize(
    ("steps", "values", "text"),
    [
        ([0], [1], "1 steps and 1 values: expected as many of both, two or more"),
        ([0, 1], [1], "2 steps and 1 values"),
        ([0, 2, 2], [1, 2, 3], "the steps do not rise"),
        ([0, 2, 4], [1, float("nan"), 3], "the value at step 2 is nan: expected finite values"),
        ([0, 1, 2], [5, 7, 5], "the curve ends at 5, where it began"),
    ],
)
def test_what_has_no_abruptness(steps: list[float], values: list[float], text: str) -> None:
    with pytest.raises(TrainingError, match=text):
        abruptness(steps, values)


def test_a_share_outside_its_range() -> None:
    with pytest.raises(TrainingError, match="steepest=1: expected more than 0"):
        abruptness([0, 1], [0, 1], steepest=1)
