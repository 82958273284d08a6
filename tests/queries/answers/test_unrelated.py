"""When two compared runs look like unrelated models, from totals made by hand."""

import pytest

from headgraph.graphdb import RecordingGraph
from headgraph.graphdb.results.result import Result
from headgraph.queries.answers.unrelated import compared_note, unrelated_note

KINDS = ("changed", "gained", "lost", "same", "undecided")


@pytest.mark.parametrize(
    ("totals", "unrelated"),
    [
        ((10, 60, 60, 0, 60), True),
        ((20, 60, 60, 0, 40), False),
        ((0, 0, 0, 100, 0), False),
        ((1, 10, 10, 0, 0), False),  # 11 pairs say nothing
        ((0, 0, 0, 45, 813), False),  # the same model, of which one run keeps fewer pairs
    ],
)
def test_runs_with_few_common_pairs(totals: tuple[int, ...], unrelated: bool) -> None:
    rows = tuple((kind, total, None) for kind, total in zip(KINDS, totals, strict=True))
    note = unrelated_note(Result(("change", "total", "kept_from"), rows))
    expected = (
        "the runs share 10 pairs, and 120 are gained or lost: these look like unrelated models, "
        "whose heads do not correspond"
    )
    assert note == (expected if unrelated else "")


def test_other_answers_have_no_such_note() -> None:
    other = Result(("change", "total"), (("lost", 100),))
    assert compared_note(other, {"a", "b"}, RecordingGraph()) == ""


def test_runs_scored_with_other_options() -> None:
    columns = ("name", "kv", "layer_order", "fold_ln", "center_writing")
    runs = Result(columns, (("a", "native", "forward", False, True),
                            ("b", "native", "forward", True, True)))  # fmt: skip
    graph = RecordingGraph(answers={"r.fold_ln": runs})
    answer = Result(("change", "total", "kept_from"), (("changed", 58, None),))
    assert compared_note(answer, {"a", "b"}, graph) == (
        "the runs differ in fold_ln (a false, b true), which alone can change these pairs"
    )


@pytest.mark.parametrize(("both", "unrelated"), [(2, True), (3, False)])
def test_of_a_run_that_keeps_all_pairs_the_strongest_count(both: int, unrelated: bool) -> None:
    scored = '{"OK": 700}'
    kept = Result(("name", "whole", "scored"), (("a", False, scored), ("b", True, scored)))
    common = Result(("strong", "both"), ((20, both),))
    graph = RecordingGraph(answers={"AS whole": kept, "AS both": common})
    answer = Result(("change", "total", "kept_from"), (("changed", 700, None),))
    expected = (
        f"only {both} of the 20 strongest pairs of a are among the strongest of b: these look "
        "like unrelated models, whose heads do not correspond"
    )
    assert compared_note(answer, {"a", "b"}, graph) == (expected if unrelated else "")
    (asked,) = [params for _, cypher, params in graph.calls if "AS both" in cypher]
    assert asked == {"run": "a", "other": "b", "most": {"OK": 21}}
