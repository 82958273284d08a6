"""Selection rules, against plain loops."""

import json
from typing import Any

import pytest

from headgraph.pk_engine import AffinityTable, Selection, compute
from headgraph.pk_engine.errors import EngineError, SelectionError
from tests.tables import random_table

TABLE = random_table(5, 4)


def kept(table: AffinityTable) -> set[tuple[object, ...]]:
    return {(r.pairing, r.pk_rank) for r in table.frame.itertuples()}


def test_top_percent_rounds_up_per_pairing() -> None:
    assert Selection(top_percent=3).limit(9504) == 286
    assert Selection(top_percent=3).limit(100) == 3
    assert Selection(top_percent=0.1).limit(5) == 1
    assert Selection(top_percent=100).limit(7) == 7


@pytest.mark.parametrize("per_cent", [0.7, 7, 14, 28, 29, 55, 56, 57, 58])
def test_whole_numbers_are_not_pushed_up_by_binary_fractions(per_cent: float) -> None:
    assert Selection(top_percent=per_cent).limit(1000) == round(per_cent * 10)


def test_top() -> None:
    assert kept(TABLE.select(Selection(top=2))) == {
        (pairing, rank) for pairing in ("OQ", "OK", "OV") for rank in (1, 2)
    }


def test_thresholds_include_their_value() -> None:
    at = float(TABLE.frame.pk.iloc[10])
    assert TABLE.select(Selection(min_pk=at)).frame.pk.min() == TABLE.frame.pk.iloc[10]
    z = float(TABLE.frame.z.iloc[10])
    assert TABLE.select(Selection(min_z=z)).frame.z.min() == TABLE.frame.z.iloc[10]


def test_top_per_target_against_a_loop() -> None:
    wanted, seen = set(), {}
    for row in TABLE.frame.itertuples():  # sorted by rank within a pairing
        target = (row.pairing, row.target_layer, row.target_head)
        seen[target] = seen.get(target, 0) + 1
        if seen[target] <= 2:
            wanted.add((row.pairing, row.pk_rank))
    assert kept(TABLE.select(Selection(top_per_target=2))) == wanted


def test_rules_intersect_and_do_not_depend_on_order() -> None:
    both = TABLE.select(Selection(top=20, top_per_target=1))
    assert kept(both) == kept(TABLE.select(Selection(top=20))) & kept(
        TABLE.select(Selection(top_per_target=1))
    )


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"top": 0}, "--top 0: expected a whole number of at least 1"),
        ({"top": 2.5}, "--top 2.5: expected a whole number of at least 1"),
        ({"top": "3"}, "--top '3': expected a whole number of at least 1"),
        ({"top_per_target": -1}, "--top-per-target -1: expected a whole number"),
        ({"top_percent": 0}, "--top-percent 0: expected more than 0 and at most 100"),
        ({"top_percent": 101}, "--top-percent 101: expected"),
        ({"min_pk": float("nan")}, "--min-pk nan: expected a finite number"),
    ],
)
def test_nonsense_is_refused(rules: dict[str, Any], message: str) -> None:
    with pytest.raises(SelectionError, match=message):
        Selection(**rules)


def test_words() -> None:
    assert Selection().describe() == "all pairs"
    assert Selection(top_percent=3, min_z=4).describe() == "top 3 % per pairing, z >= 4"
    assert not Selection()


def test_a_whole_number_is_the_same_rule() -> None:
    assert json.dumps(Selection(top_percent=3).to_json()) == '{"top_percent": 3.0}'
    assert json.dumps(Selection(top=3).to_json()) == '{"top": 3}'


def test_no_selection_is_the_default_one_and_anything_else_is_refused() -> None:
    kept = compute("induction-2l", selection=None)
    # 3 % of 64 pairs, rounded up
    assert kept.frame["pairing"].value_counts().to_dict() == {"OQ": 2, "OK": 2, "OV": 2}
    assert kept.meta.selection == [{"top_percent": 3.0}]
    with pytest.raises(EngineError) as caught:
        compute("induction-2l", selection=5)  # type: ignore[arg-type]
    assert str(caught.value) == (
        "selection is 5: expected rules such as Selection(top=100), Selection() for all pairs, or "
        "None for the strongest 3 % of each pairing"
    )


def test_metrics_may_be_one_text_as_pairings_may() -> None:
    table = compute("induction-2l", metrics="pk,cs", selection=Selection(top=1))
    assert table.meta.metrics == ["pk", "cs"]
    assert "cs" in table.columns
