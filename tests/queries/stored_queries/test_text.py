"""Stored queries as text: with a :params line, filled in, and in a link."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest

from headgraph import queries
from headgraph.queries.errors import MissingParameter, ParameterError
from headgraph.queries.statements.input import split_params
from headgraph.queries.stored_queries.text import literal


def test_show_gives_every_parameter_its_value_and_then_the_file() -> None:
    text = queries.show("neighbours", run="gpt2", head="l4h7")
    first, rest = text.split("\n", 1)
    assert first == ':params {"run": "gpt2", "head": "L4H7", "limit": 20};'
    assert rest == queries.get("neighbours").source


def test_filled_is_one_statement_without_parameters() -> None:
    text = queries.filled("neighbours", run='it\'s "x"', head="L4H7", limit=5)
    assert text.startswith('// Neighbours of a head\nMATCH (h:Head {run: "it\'s \\"x\\"", name:')
    assert "$" not in text
    assert text.count("toInteger(5)") == 2


def test_text_is_checked_like_a_question() -> None:
    with pytest.raises(MissingParameter):
        queries.filled("through", run="gpt2")
    with pytest.raises(ParameterError):
        queries.filled("hubs", run="gpt2", limit=0)


def test_literals() -> None:
    values = [None, True, 3, 0.5, "é\n", ["a", 1]]
    assert [literal(value) for value in values] == [
        "null", "true", "3", "0.5", '"é\\n"', '["a", 1]',
    ]  # fmt: skip


def test_link() -> None:
    link = queries.browser_link(
        "http://127.0.0.1:7474/browser/", uri="bolt://127.0.0.1:7687", cypher="RETURN 1 + 1 // &"
    )
    parts = urlsplit(link)
    assert parts[:3] == ("http", "127.0.0.1:7474", "/browser/")
    assert parse_qs(parts.query) == {
        "dbms": ["bolt://neo4j@127.0.0.1:7687"],
        "db": ["neo4j"],
        "preselectAuthMethod": ["NATIVE"],
        "cmd": ["edit"],
        "arg": ["RETURN 1 + 1 // &"],
    }
    assert "+" not in link, "Browser does not read + as a space"


def test_docs_have_every_query_parameter_and_column() -> None:
    page = queries.docs()
    for query in queries.catalogue().values():
        assert f"## `{query.name}`" in page
        assert query.description in page
        for entry in (*query.params.values(), *query.columns):
            assert f"| `{entry.name}` | {entry.type} |" in page
        assert query.cypher.rstrip() in page


def test_what_show_prints_can_be_taken_apart_again() -> None:
    params, text = split_params(queries.show("hubs", run="gpt2", limit=3))
    assert (params["run"], params["limit"]) == ("gpt2", 3)
    assert text == queries.get("hubs").source
    assert split_params("RETURN 1") == ({}, "RETURN 1")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (":params {run: 1}", r"the line ':params \{run: 1\}' cannot be read as JSON: Expecting"),
        (":params [1]", r"the line ':params \[1\]' holds a list: expected a JSON object"),
    ],
)
def test_a_params_line_that_cannot_be_read(line: str, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        split_params(f"{line}\nRETURN 1")


CLAUSE = re.compile(
    r"( *)(OPTIONAL MATCH|MATCH|WITH|WHERE|RETURN|ORDER BY|SKIP|LIMIT|UNWIND|CALL|UNION)\b"
)


@pytest.mark.parametrize("name", queries.catalogue())
def test_no_order_or_limit_stands_alone(name: str) -> None:
    """`WITH ... WHERE ... ORDER BY` is read from Neo4j 5.24 on; `OLDEST` is 5.23."""
    last: dict[int, str] = {}
    for line in queries.get(name).cypher.splitlines():
        if found := CLAUSE.match(line):
            depth, clause = len(found[1]), found[2]
            last = {place: before for place, before in last.items() if place <= depth}
            if clause in ("ORDER BY", "SKIP", "LIMIT"):
                assert last.get(depth) in ("WITH", "RETURN", "ORDER BY", "SKIP"), line
            last[depth] = clause
