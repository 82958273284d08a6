"""Words, names, strings and comments are told apart as Neo4j tells them."""

import pytest

from headgraph.queries.statements.tokens import parameters, tokens


def texts(cypher: str) -> list[str]:
    return [token.text for token in tokens(cypher)]


@pytest.mark.parametrize(
    ("cypher", "expected"),
    [
        ("MATCH (n)", ["MATCH", "(", "n", ")"]),
        ("RETURN 'a; // b' AS x", ["RETURN", "'a; // b'", "AS", "x"]),
        (r"RETURN 'it\'s' + \"b\"".replace(r"\"", '"'), ["RETURN", r"'it\'s'", "+", '"b"']),
        ("a // b\nc", ["a", "c"]),
        ("a // b\rc", ["a", "c"]),
        ("a /* b\n; */ c", ["a", "c"]),
        ("`a``b` c", ["a`b", "c"]),
        ("0LOAD", ["0", "LOAD"]),
        ("LOAD\u200bCSV", ["LOAD", "CSV"]),
        ("'never ends", ["'", "never", "ends"]),
    ],
)
def test_pieces(cypher: str, expected: list[str]) -> None:
    assert texts(cypher) == expected


def test_a_quoted_name_is_no_keyword() -> None:
    assert [token.keyword for token in tokens("`load` Load")] == ["", "LOAD"]


def test_parameters_leave_out_strings_comments_and_dynamic_types() -> None:
    cypher = "MATCH ()-[e:$any($types)]->() /* $no */ WHERE e.x = '$no' AND $`a b` RETURN $any"
    assert [token.text for token in parameters(cypher)] == ["types", "a b", "any"]


def test_positions() -> None:
    (token,) = parameters("RETURN $run AS x")
    assert "RETURN $run AS x"[token.start : token.end] == "$run"
