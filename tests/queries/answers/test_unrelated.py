"""When two compared runs look like unrelated models, from totals made by hand."""

import pytest

from headgraph.graphdb.results.result import Result
from headgraph.queries.answers.unrelated import unrelated_note

KINDS = ("changed", "gained", "lost", "same", "undecided")


@pytest.mark.parametrize(
    ("totals", "unrelated"),
    [
        ((10, 60, 60, 0, 60), True),  # 10 of 100
        ((20, 60, 60, 0, 40), False),  # 20 of 100
        ((0, 0, 0, 100, 0), False),
        ((1, 10, 10, 0, 0), False),  # 11 pairs say nothing
    ],
)
def test_runs_with_few_common_pairs(totals: tuple[int, ...], unrelated: bool) -> None:
    rows = tuple((kind, total, None) for kind, total in zip(KINDS, totals, strict=True))
    note = unrelated_note(Result(("change", "total", "kept_from"), rows))
    expected = (
        "the runs share 10 of the 100 pairs that each keeps on average: these look like unrelated "
        "models, whose heads do not correspond"
    )
    assert note == (expected if unrelated else "")


def test_other_answers_have_no_such_note() -> None:
    assert unrelated_note(Result(("change", "total"), (("lost", 100),))) == ""
