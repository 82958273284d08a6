"""The guard on the real server: everything hostile is refused, everything harmless runs."""

from collections.abc import Callable
from functools import cache

import pandas as pd
import pytest

import headgraph
from headgraph import queries
from headgraph.graphdb import Graph
from headgraph.graphdb.connection.limits import ENDED
from headgraph.graphdb.errors import TookTooLong
from headgraph.queries.errors import Refused
from tests.queries.statements.examples import HARMLESS, HOSTILE


@pytest.fixture(scope="module")
def before(gpt2: Graph) -> list[tuple[object, ...]]:
    return contents(gpt2)


def contents(graph: Graph) -> list[tuple[object, ...]]:
    """What a write would change: nodes, relationships, indexes, users."""
    counts = graph.read("MATCH (n) RETURN count(n), sum(COUNT { (n)-->() }), sum(size(keys(n)))")
    indexes = graph.read("SHOW INDEXES YIELD name RETURN name ORDER BY name")
    return [*counts.rows, *indexes.rows, *graph.read("SHOW USERS YIELD user RETURN user").rows]


@pytest.mark.parametrize("statement", HOSTILE, ids=repr)
def test_hostile(gpt2: Graph, before: list[tuple[object, ...]], statement: str) -> None:
    with pytest.raises(Refused) as caught:
        queries.cypher(statement, gpt2)
    assert HOSTILE[statement] in str(caught.value)
    assert "EXPLAIN " not in str(caught.value) or "EXPLAIN" in statement
    assert contents(gpt2) == before


@pytest.fixture(scope="module")
def answer(gpt2: Graph) -> Callable[[str], pd.DataFrame]:
    """What a harmless statement answers, asked once."""
    return cache(lambda text: queries.cypher(text, gpt2, limit=50))


@pytest.mark.parametrize("statement", HARMLESS, ids=repr)
def test_harmless(answer: Callable[[str], pd.DataFrame], statement: str) -> None:
    assert len(answer(statement)) <= 50


def test_most_harmless_statements_have_an_answer(answer: Callable[[str], pd.DataFrame]) -> None:
    empty = [text for text in HARMLESS if answer(text).empty]
    assert len(empty) <= 6, empty


def test_words_hide_from_explain_inside_expressions(gpt2: Graph) -> None:
    """Why the guard reads words: if this fails, Neo4j's plans have learned to tell."""
    plan = gpt2.plan("RETURN [x IN [1] | COUNT { LOAD CSV FROM 'file:///x' AS l RETURN l }] AS x")
    assert plan.kind == "r"
    assert "LoadCSV" not in plan.operators


def test_an_escaped_backslash_and_empty_statements_change_no_answer(gpt2: Graph) -> None:
    frame = queries.cypher(r"RETURN 'C:\\users' AS path; ;", gpt2)
    assert frame["path"].tolist() == [r"C:\users"]


def test_the_public_function_is_the_guarded_one(gpt2: Graph) -> None:
    with pytest.raises(Refused):
        headgraph.cypher("CREATE (:Head)", gpt2)
    rows = headgraph.cypher("MATCH (h:Head) RETURN h.name AS name ORDER BY name", gpt2, limit=2)
    assert (rows["name"].tolist(), rows.attrs["truncated"]) == (["L0H0", "L0H1"], True)


def test_rows_are_limited(gpt2: Graph) -> None:
    frame = queries.cypher("UNWIND range(1, 1000000) AS x RETURN x", gpt2, limit=3)
    assert frame["x"].tolist() == [1, 2, 3]
    assert frame.attrs["truncated"]
    assert not queries.cypher("RETURN 1 AS x", gpt2, limit=1).attrs["truncated"]


def test_size_is_limited_however_few_the_rows(gpt2: Graph) -> None:
    with pytest.raises(Refused, match=r"the answer is larger than 0\.5 MB: ask for less"):
        queries.cypher("RETURN range(1, 2000000) AS x", gpt2, max_mb=0.5)
    assert queries.cypher("RETURN 1 AS x", gpt2)["x"].tolist() == [1], "the graph works on"
    # a ten-millionth of a megabyte is no byte at all, and one is the least that there is
    for tiny, said in ((1e-7, "1 B"), (1e-5, "10 B"), (0.0123, "12.3 kB")):
        with pytest.raises(Refused, match=f"the answer is larger than {said}: ask for less"):
            queries.cypher("RETURN range(1, 20000) AS x", gpt2, max_mb=tiny)


@pytest.mark.parametrize(
    ("statement", "ends"),
    [
        # ten thousand million rows: by the server at its time limit, if it looks before our cut
        ("UNWIND range(1, 100000) AS x UNWIND range(1, 100000) AS y RETURN sum(y) AS s",
         True),
        # which the server's own time limit does not end
        ("RETURN reduce(s = 0, x IN range(1, 100000000) | s + x) AS s", False),
    ],
)  # fmt: skip
def test_time_is_limited(gpt2: Graph, statement: str, ends: bool) -> None:
    refused = refused_while_running(statement, gpt2)
    cause = refused.__cause__
    assert isinstance(cause, TookTooLong)
    busy = "(the server may be busy with it for minutes; only its restart ends that)"
    assert str(refused).endswith(busy) == (cause.code == "")
    if ends:
        assert "TransactionTimedOut" in cause.code or cause.code == ""
    else:
        assert cause.code == ""


def refused_while_running(statement: str, graph: Graph) -> Refused:
    """A busy machine may need longer than the first limit for planning alone."""
    for limit in ("0.3", "3", "30"):
        with pytest.raises(Refused) as caught:
            queries.cypher(statement, graph, timeout=float(limit))
        cause = caught.value.__cause__
        if isinstance(cause, TookTooLong) and cause.code == ENDED and limit != "30":
            continue  # the time was over before the statement ran
        if not str(caught.value).startswith("planning the statement took longer than"):
            assert f"took longer than {limit} s: ask for less" in str(caught.value)
            return caught.value
    raise caught.value


def test_planning_is_within_the_limit(gpt2: Graph) -> None:
    chain = "".join(f"-[e{n}]->(a{n})" for n in range(60))  # planned for a minute
    with pytest.raises(Refused, match=r"planning the statement took longer than 0\.3 s: write"):
        queries.cypher(f"MATCH (a){chain} RETURN a", gpt2, timeout=0.3)
    assert queries.cypher("RETURN 1 AS x", gpt2)["x"].tolist() == [1]


def test_what_needs_more_memory_than_there_is_asks_for_less(gpt2: Graph) -> None:
    text = "x" * 100_000  # collected fast; 20 million numbers took 30 s on a busy machine
    with pytest.raises(Refused) as caught:
        queries.cypher(
            "UNWIND range(1, 20000) AS a RETURN collect($text + a) AS all",
            gpt2,
            params={"text": text},
            timeout=240,
        )
    assert str(caught.value) == (
        "the statement needs more memory than the server gives it (496.0 MiB): ask for less, for "
        "example with LIMIT or {run: ...} on every node"
    )


def test_a_number_beyond_64_bits_is_refused(gpt2: Graph) -> None:
    greatest = 2**63 - 1
    answer = queries.cypher("RETURN $n AS n", gpt2, params={"n": greatest})
    assert list(answer["n"]) == [greatest]
    with pytest.raises(Refused) as caught:
        queries.cypher("RETURN $n AS n", gpt2, params={"n": greatest + 1})
    assert str(caught.value) == (
        "Neo4j does not accept this statement: a parameter holds a whole number that is too large "
        "for Neo4j: expected at most 9223372036854775807, as its numbers have 64 bits"
    )


def test_a_run_that_is_not_there_is_named(gpt2: Graph) -> None:
    hint = "the database has no run 'gpt-2' (did you mean gpt2?)"
    for where in ('{run: "gpt-2"}', "WHERE h.run = 'gpt-2'"):
        text = f"MATCH (h:Head {where}) RETURN h.name"
        answer = queries.cypher(text, gpt2)
        assert (len(answer), answer.attrs["hints"]) == (0, [hint])
    asked = "MATCH (h:Head {run: $run}) RETURN count(*) AS n"
    assert queries.cypher(asked, gpt2, params={"run": "gpt-2"}).attrs["hints"] == [hint]
    assert queries.cypher(asked, gpt2, params={"run": "gpt2"}).attrs["hints"] == []
    # neither of these asks for a run of that name
    for text in ('RETURN "gpt-2" AS run', 'MATCH (h:Head) WHERE h.run <> "x" RETURN h LIMIT 1'):
        assert queries.cypher(text, gpt2).attrs["hints"] == []


def test_the_servers_own_words_without_ours(gpt2: Graph) -> None:
    with pytest.raises(Refused) as caught:
        queries.cypher("MATCH (n) RETURN m", gpt2)
    assert str(caught.value) == (
        "Neo4j does not accept this statement: Variable `m` not defined (column 18)"
    )
