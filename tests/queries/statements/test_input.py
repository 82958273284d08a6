"""Values of parameters on the command line."""

import pytest

from headgraph.base.errors import HeadgraphError
from headgraph.queries.statements.input import given_values


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("x=L4H7", "L4H7"),
        ("x=4", 4),
        ("x=-0.5", -0.5),
        ("x=[1, 2]", [1, 2]),
        ('x=["L4H7", "L5H1"]', ["L4H7", "L5H1"]),
        ('x="4"', "4"),
        ("x=true", True),
        ("x=null", None),
        ("x=", ""),
        ("x=a=b", "a=b"),
        ("x=NaN", "NaN"),
        ("x=Infinity", "Infinity"),
        ("x=[1", "[1"),
        ("x=" + "[" * 100_000, "[" * 100_000),
    ],
)
def test_json_is_read_and_all_else_is_text(text: str, value: object) -> None:
    (found,) = given_values([text], "RETURN $x AS x").values()
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["head=L4H7"], "-p head: the statement has no $head; it has $layer, $x"),
        (["x"], "-p x: expected NAME=VALUE, such as -p head=L4H7"),
        (["run=gpt2"], "run is not a -p parameter: give --run gpt2"),
        (["x=1", "x=2"], "-p x is given twice: separate items by commas, such as A,B"),
    ],
)
def test_a_value_that_cannot_be_used_is_said(texts: list[str], said: str) -> None:
    with pytest.raises(HeadgraphError) as caught:
        given_values(texts, "MATCH (h {layer: $layer}) RETURN $x")
    assert str(caught.value) == said


def test_a_statement_without_parameters() -> None:
    with pytest.raises(HeadgraphError, match="the statement has no \\$x; it has no parameter"):
        given_values(["x=1"], "RETURN '$x' AS x")
