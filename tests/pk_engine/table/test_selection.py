"""Selection rules, against plain loops."""

import json
import math
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
    ("rules", "python", "options"),
    [
        ({"top": 0}, "top=0: expected a whole number of at least 1", "--top 0: expected a whole"),
        ({"top": 2.5}, "top=2.5: expected a whole number of at least 1", "--top 2.5: expected"),
        ({"top": "3"}, "top='3': expected a whole number of at least 1", "--top '3': expected"),
        ({"top": True}, "top=True: expected a whole number of at least 1", "--top True: expected"),
        (
            {"top_per_target": -1},
            "top_per_target=-1: expected a whole number of at least 1",
            "--top-per-target -1: expected a whole number of at least 1",
        ),
        (
            {"top_percent": 0},
            "top_percent=0: expected more than 0 and at most 100",
            "--top-percent 0: expected more than 0 and at most 100",
        ),
        ({"top_percent": 101.0}, "top_percent=101: expected", "--top-percent 101: expected"),
        ({"top_percent": "3"}, "top_percent='3': expected more", "--top-percent '3': expected"),
        ({"min_pk": math.nan}, "min_pk=nan: expected a finite number", "--min-pk nan: expected"),
        ({"min_z": "4"}, "min_z='4': expected a finite number", "--min-z '4': expected a finite"),
        (
            {"fdr": 1.5, "null": "isotropic"},
            "fdr=1.5: expected more than 0 and at most 1",
            "--fdr 1.5: expected more than 0 and at most 1",
        ),
        (
            {"fdr": 0.05},
            "fdr without null: expected both, such as fdr=0.05, null='covariance'",
            "--fdr without --null: expected both, such as --fdr 0.05 --null covariance",
        ),
        (
            {"fdr": 0.05, "null": "chance"},
            "null='chance': expected some of isotropic",
            "--null 'chance': expected some of isotropic",
        ),
        ({"fdr": 0.05, "null": 5}, "null=5: expected some of isotropic", "--null 5: expected"),
    ],
)
def test_a_bad_rule_is_refused(rules: dict[str, Any], python: str, options: str) -> None:
    with pytest.raises(SelectionError) as caught:
        Selection(**rules)
    assert str(caught.value).startswith(python)
    assert caught.value.for_command_line().startswith(options)


@pytest.mark.parametrize("memory", [0, -1.5, math.nan, "2", True])
def test_memory_is_a_number_of_gigabytes(memory: Any) -> None:
    with pytest.raises(EngineError) as caught:
        compute("induction-2l", memory=memory)
    shown = f"{memory:g}" if isinstance(memory, float) else repr(memory)
    said = "expected gigabytes above 0, such as 2"
    assert str(caught.value) == f"memory={shown}: {said}"
    assert caught.value.for_command_line() == f"--memory {shown}: {said}"


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


@pytest.mark.parametrize("name", ["top_percent", "fdr", "min_pk", "min_z", "max_decoy"])
def test_a_number_that_no_float_holds_is_refused(name: str) -> None:
    with pytest.raises(SelectionError, match=rf"^{name}=10+ \.\.\. 0+: expected ") as caught:
        Selection(**{name: 10**400})
    assert len(str(caught.value)) < 150
