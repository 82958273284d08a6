"""Rules at load that ask for more than the file was made with."""

from dataclasses import replace

import pytest

from headgraph.loader.loading.coverage import shortfalls
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.pk_engine.table.selection import Selection
from tests.tables import random_table

WHOLE = random_table(6, 4)  # 240 pairs a pairing
TOP = WHOLE.select(Selection(top_percent=10))  # 24 of them
LAST = min(float(rows["pk"].min()) for _, rows in TOP.frame.groupby("pairing"))
LAST_Z = min(float(rows["z"].min()) for _, rows in TOP.frame.groupby("pairing"))
HIGHEST_LAST = max(float(rows["pk"].min()) for _, rows in TOP.frame.groupby("pairing"))
HIGHEST_LAST_Z = max(float(rows["z"].min()) for _, rows in TOP.frame.groupby("pairing"))


@pytest.mark.parametrize(
    "selection",
    [
        Selection(),
        Selection(top=240),
        Selection(top_percent=100),
        Selection(min_pk=0),
        Selection(min_z=-9),
        Selection(top_per_target=99),
    ],
)
def test_a_whole_file_has_all(selection: Selection) -> None:
    assert shortfalls(WHOLE, selection) == ()


@pytest.mark.parametrize(
    "selection",
    [
        Selection(top=24),
        Selection(top_percent=10),
        Selection(top_percent=1, min_pk=HIGHEST_LAST + 0.01),
        Selection(min_pk=HIGHEST_LAST + 0.01),
        Selection(min_z=HIGHEST_LAST_Z + 0.01),
    ],
)
def test_stricter_rules_need_no_note(selection: Selection) -> None:
    assert shortfalls(TOP, selection) == ()


def test_a_wider_limit_is_noted() -> None:
    (note,) = shortfalls(TOP, Selection(top=25))
    rest = (
        "is wider than the selection that made the file (top 10 % per pairing): the file lacks "
        "pairs of OQ, OK, OV, and the graph has what there is; "
    )
    assert note == (
        f"selection=Selection(top=25) {rest}compute() with selection=Selection() makes a file that "
        "has every pair"
    )
    assert note.options == (
        f"--top 25 {rest}headgraph compute with --all makes a file that has every pair"
    )
    first, second = shortfalls(TOP, Selection(top_percent=11, top=30))
    assert first.options.startswith("--top 30 is wider than ")
    assert second.options.startswith("--top-percent 11 is wider than ")


def test_a_lower_threshold_is_noted() -> None:
    (note,) = shortfalls(TOP, Selection(min_pk=LAST - 0.01))
    assert note.options.startswith(f"--min-pk {LAST - 0.01:g} is wider than ")
    assert note.startswith(f"selection=Selection(min_pk={LAST - 0.01:g}) is wider than ")
    assert "may lack pairs of OQ, OK, OV" in note
    (note,) = shortfalls(TOP, Selection(min_z=LAST_Z - 0.1))
    assert note.options.startswith("--min-z ")
    assert len(shortfalls(TOP, Selection(top_per_target=1))) == 1


def test_the_same_rule_is_compared_with_itself() -> None:
    strong = WHOLE.select(Selection(min_z=1))
    assert shortfalls(strong, Selection(min_z=1)) == ()
    assert shortfalls(strong, Selection(min_z=1.5)) == ()
    assert len(shortfalls(strong, Selection(min_z=0.5))) == 1
    ends = WHOLE.select(Selection(top_per_target=2))
    assert shortfalls(ends, Selection(top_per_target=2)) == ()
    assert len(shortfalls(ends, Selection(top_per_target=3))) == 1


def test_z_proves_nothing_where_ranks_differ() -> None:
    deficient = [{"layer": 0, "head": 0, "role": "O", "rank": 3}]
    uneven = AffinityTable(TOP.columns, replace(TOP.meta, deficient=deficient))
    assert len(shortfalls(uneven, Selection(min_z=HIGHEST_LAST_Z + 0.01))) == 1
