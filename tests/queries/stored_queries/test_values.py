"""Values from a command line and from Python become what Cypher takes, or a sentence."""

from typing import Any

import numpy as np
import pytest

from headgraph.queries.errors import ParameterError
from headgraph.queries.stored_queries.query import Param
from headgraph.queries.stored_queries.values import EXAMPLES, TYPES, convert, example, is_type


@pytest.mark.parametrize(
    ("type_", "value", "expected"),
    [
        ("string", "a b", "a b"),
        ("integer", "-3", -3),
        ("integer", np.int64(3), 3),
        ("count", "20", 20),
        ("float", "12.5", 12.5),
        ("float", 3, 3.0),
        ("boolean", "Yes", True),
        ("boolean", "false", False),
        ("boolean", True, True),
        ("head", " l4h7 ", "L4H7"),
        ("head", "4.7", "L4H7"),
        ("head", " 04.10", "L4H10"),
        ("pairing", "oq", "OQ"),
        ("list of head", "l4h7, 4.11, L4H7", ["L4H7", "L4H11"]),
        ("list of integer", [1, "2"], [1, 2]),
        ("list of pairing", ("OQ",), ["OQ"]),
        ("product or weakest", " Weakest", "weakest"),
        ("pk or pk_normalized or z", "pk_normalized", "pk_normalized"),
        ("2 to 4", "4", 4),
        ("list of 2 to 4", "2,3", [2, 3]),
    ],
)
def test_good_values(type_: str, value: Any, expected: Any) -> None:
    converted = convert(Param(name="x", type=type_, required=True), value)
    assert converted == expected
    assert type(converted) is type(expected)


@pytest.mark.parametrize(
    ("type_", "value", "message"),
    [
        ("string", "", "x is '': expected some text"),
        ("integer", "2.5", "x is '2.5': expected a whole number, such as 20"),
        ("integer", 2.5, "x is 2.5: expected a whole number, such as 20"),
        ("integer", True, "x is True: expected a whole number, such as 20"),
        ("count", 0, "x is 0: expected a whole number of at least 1, such as 20"),
        ("count", "many", "x is 'many': expected a whole number of at least 1, such as 20"),
        ("count", 2**63, f"x is {2**63}: expected a whole number from 1 to {2**63 - 1}"),
        (
            "integer",
            -(2**63),
            f"x is {-(2**63)}: expected a whole number from {1 - 2**63} to {2**63 - 1}",
        ),
        ("float", "nan", "x is 'nan': expected a number, such as 12.5"),
        ("float", None, "x is None: expected a number, such as 12.5"),
        ("boolean", "1", "x is '1': expected true or false"),
        ("head", "4-7", "x is '4-7': expected a head, such as L4H7 or 4.7 (layer 4, head 7)"),
        ("head", 4.7, "x is 4.7: expected a head, such as L4H7 or 4.7 (layer 4, head 7)"),
        ("head", 4, "x is 4: expected a head, such as L4H7 or 4.7 (layer 4, head 7)"),
        (
            "pairing",
            "XX",
            "x is 'XX': expected a pairing (source role, then target role), such as OQ",
        ),
        ("pk or z", "pks", "x is 'pks': expected pk or z (did you mean pk?)"),
        ("pk or z", 3, "x is 3: expected pk or z"),
        ("2 to 4", "5", "x is '5': expected a whole number from 2 to 4"),
        ("2 to 4", 1, "x is 1: expected a whole number from 2 to 4"),
        ("2 to 4", "two", "x is 'two': expected a whole number from 2 to 4"),
        (
            "list of head",
            "L4H7,4",
            "x is 'L4H7,4': expected a head, such as L4H7 or 4.7 (layer 4, head 7) in place of '4'",
        ),
        (
            "list of count",
            [],
            "x is []: expected a list of count, separated by commas, at least one",
        ),
    ],
)
def test_bad_values(type_: str, value: Any, message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        convert(Param(name="x", type=type_, required=True), value)
    assert str(caught.value) == message
    assert caught.value.exit_code == 1


def test_none_stands_for_a_default_of_none_alone() -> None:
    assert convert(Param(name="x", type="count", default=None), None) is None
    with pytest.raises(ParameterError):
        convert(Param(name="x", type="count", default=3), None)


def test_every_type_has_an_example_that_it_takes() -> None:
    assert set(EXAMPLES) == {*TYPES, *(f"list of {name}" for name in TYPES)}
    for type_, value in EXAMPLES.items():
        convert(Param(name="x", type=type_, required=True), value)


def test_types_without_a_name_are_a_choice_or_a_range() -> None:
    assert is_type("list of pk or z")
    assert [example(type_) for type_ in ("2 to 4", "pk or z", "head")] == ["2", "pk", "L4H7"]
    assert not is_type("heads")
    assert not is_type("2 to four")
